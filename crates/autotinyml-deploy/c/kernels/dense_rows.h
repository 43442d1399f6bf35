/* What dense layers have in common that pass over inputs that are zero, as ReLU makes many: the row of
 * weights of such an input is not even read. The others are taken up to four at a time. */
#ifndef AUTOTINYML_DENSE_ROWS_H
#define AUTOTINYML_DENSE_ROWS_H

#if defined(__arm__) && defined(__ARM_FP)

/* Registers: r0 the next input, r1 how many are left, r2 the last row of weights, r3 bytes of a row. Puts
 * the next input that is not zero into `value` and its row's address into `row`, or goes to `none`. */
#define FIND_ROW(row, value, none)                                                                 \
    "1: subs r1, r1, #1\n"                                                                         \
    "bmi " none "\n"                                                                               \
    "ldr " row ", [r0], #4\n"                                                                      \
    "cbnz " row ", 2f\n"                                                                           \
    "b 1b\n"                                                                                       \
    "2: vmov " value ", " row "\n"                                                                 \
    "mls " row ", r1, r3, r2\n"

/* Four rows r4 to r7 of values s24 to s27, to be added from label 21 on; of fewer, which are the last,
 * those from the label in lr on. Without any it ends at label 25. */
#define FIND_FOUR_ROWS                                                                             \
    FIND_ROW("r4", "s24", "25f")                                                                   \
    FIND_ROW("r5", "s25", "11f")                                                                   \
    FIND_ROW("r6", "s26", "12f")                                                                   \
    FIND_ROW("r7", "s27", "13f")                                                                   \
    "adr lr, 21f\n"                                                                                \
    "b 15f\n"                                                                                      \
    "11: adr lr, 24f\n mov r12, #3\n b 14f\n"                                                      \
    "12: adr lr, 23f\n mov r12, #2\n b 14f\n"                                                      \
    "13: adr lr, 22f\n mov r12, #1\n"                                                              \
    "14: mov r7, r6\n mov r6, r5\n mov r5, r4\n"                                                   \
    "vmov s27, s26\n vmov s26, s25\n vmov s25, s24\n"                                              \
    "subs r12, r12, #1\n"                                                                          \
    "bne 14b\n"                                                                                    \
    "15:\n"

#endif

#endif
