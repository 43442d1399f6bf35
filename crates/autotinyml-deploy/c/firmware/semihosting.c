#include "semihosting.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_EXIT_EXTENDED = 0x20
};

static uint32_t call(uint32_t operation, const void *parameters)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

int semihosting_open(const char *path, enum semihosting_mode mode)
{
    const uint32_t parameters[] = {(uint32_t)path, (uint32_t)mode, strlen(path)};
    return (int)call(SYS_OPEN, parameters);
}

size_t semihosting_read(int file, void *bytes, size_t count)
{
    const uint32_t parameters[] = {(uint32_t)file, (uint32_t)bytes, count};
    return call(SYS_READ, parameters);
}

size_t semihosting_write(int file, const void *bytes, size_t count)
{
    const uint32_t parameters[] = {(uint32_t)file, (uint32_t)bytes, count};
    return call(SYS_WRITE, parameters);
}

void semihosting_close(int file)
{
    const uint32_t parameters[] = {(uint32_t)file};
    call(SYS_CLOSE, parameters);
}

void semihosting_print(const char *text)
{
    call(SYS_WRITE0, text);
}

/* Digits of a number, at least so many, that end before `end`; returns the first. */
static char *decimal(uint64_t number, int digits, char *end)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
        digits--;
    } while (number != 0 || digits > 0);
    return end;
}

void semihosting_print_decimal(uint32_t number, int digits)
{
    char text[12];
    char *end = text + sizeof text - 1;
    *end = '\0';
    semihosting_print(decimal(number, digits, end));
}

void semihosting_print_number(int file, const char *name, uint64_t number)
{
    char text[21];
    char *end = text + sizeof text;
    *--end = '\n';
    const char *first = decimal(number, 1, end);
    semihosting_write(file, name, strlen(name));
    semihosting_write(file, " ", 1);
    semihosting_write(file, first, (size_t)(text + sizeof text - first));
}

void semihosting_exit(int code)
{
    const uint32_t application_exit = 0x20026;
    const uint32_t parameters[] = {application_exit, (uint32_t)code};
    call(SYS_EXIT_EXTENDED, parameters);
    for (;;) {
    }
}
