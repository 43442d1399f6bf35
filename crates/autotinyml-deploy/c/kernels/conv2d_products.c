/* Products of windows with weights: where a convolution spends its time. */
#include "conv2d_tile.h"

#if defined(__arm__) && defined(__ARM_FP)

/* As the C below, with all sums in registers and two values of each window at a time: every register
 * that there is. */
__attribute__((naked)) void autotinyml_add_four(const struct autotinyml_windows *windows, const float *weights,
                                                 int rows, float *sums)
{
    (void)windows, (void)weights, (void)rows, (void)sums; /* r0 to r3 */
    __asm__("push {r4-r10, lr}\n"
            "vpush {s16-s31}\n"
            "ldm r0, {r4-r9}\n" /* the windows, count, gap */
            "lsl r9, r9, #2\n"
            "vldmia r3, {s0-s15}\n"
            "1: lsrs r10, r8, #1\n"
            "beq 3f\n"
            "2: vldmia r1!, {s16-s23}\n"
            "vldmia r4!, {s24-s25}\n"
            "vldmia r5!, {s26-s27}\n"
            "vldmia r6!, {s28-s29}\n"
            "vldmia r7!, {s30-s31}\n"
            "subs r10, r10, #1\n"
            TILE_PRODUCTS("s24", "s26", "s28", "s30", "s16", "s17", "s18", "s19")
            TILE_PRODUCTS("s25", "s27", "s29", "s31", "s20", "s21", "s22", "s23")
            "bne 2b\n"
            "3: lsls r10, r8, #31\n"
            "beq 4f\n"
            "vldmia r1!, {s16-s19}\n"
            "vldmia r4!, {s24}\n"
            "vldmia r5!, {s26}\n"
            "vldmia r6!, {s28}\n"
            "vldmia r7!, {s30}\n"
            TILE_PRODUCTS("s24", "s26", "s28", "s30", "s16", "s17", "s18", "s19")
            "4: add r4, r4, r9\n"
            "add r5, r5, r9\n"
            "add r6, r6, r9\n"
            "add r7, r7, r9\n"
            "subs r2, r2, #1\n"
            "bne 1b\n"
            "vstmia r3, {s0-s15}\n"
            "vpop {s16-s31}\n"
            "pop {r4-r10, pc}\n");
}

#else

void autotinyml_add_four(const struct autotinyml_windows *windows, const float *weights, int rows,
                         float *sums)
{
    for (int row = 0; row < rows; row++) {
        const int start = row * (windows->count + windows->gap);
        for (int i = start; i < start + windows->count; i++) {
            for (int window = 0; window < TILE_WINDOWS; window++) {
                for (int channel = 0; channel < TILE_CHANNELS; channel++) {
                    sums[window * TILE_CHANNELS + channel] +=
                        windows->of[window][i] * weights[channel];
                }
            }
            weights += TILE_CHANNELS;
        }
    }
}

#endif

void autotinyml_add_single(const struct autotinyml_windows *windows, const float *weights, int rows,
                           float *sums)
{
    for (int row = 0; row < rows; row++) {
        const int start = row * (windows->count + windows->gap);
        for (int i = start; i < start + windows->count; i++) {
            for (int window = 0; window < TILE_WINDOWS; window++) {
                sums[window] += windows->of[window][i] * *weights;
            }
            weights++;
        }
    }
}

void autotinyml_float_products(const struct autotinyml_map *layer, int start, int channels,
                               const struct autotinyml_windows *windows, int rows, float *sums)
{
    if (channels == TILE_CHANNELS) {
        autotinyml_add_four(windows, layer->weights + start, rows, sums);
    } else {
        autotinyml_add_single(windows, layer->weights + start, rows, sums);
    }
}
