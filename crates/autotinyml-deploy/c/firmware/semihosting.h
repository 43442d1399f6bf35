/* Files, text and the exit code of whoever runs the program: an emulator or a debugger. Without
 * one, the first call is a fault. Arm, "Semihosting for AArch32 and AArch64". */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

enum semihosting_mode { SEMIHOSTING_READ = 1, SEMIHOSTING_WRITE = 5 }; /* "rb", "wb" */

/* A handle, or -1. */
int semihosting_open(const char *path, enum semihosting_mode mode);
/* Number of bytes that were not read or written. */
size_t semihosting_read(int file, void *bytes, size_t count);
size_t semihosting_write(int file, const void *bytes, size_t count);
void semihosting_close(int file);
void semihosting_print(const char *text);
/* With at least so many digits. */
void semihosting_print_decimal(uint32_t number, int digits);
/* A line of a file. */
void semihosting_print_number(int file, const char *name, uint64_t number);
void semihosting_exit(int code);

#endif
