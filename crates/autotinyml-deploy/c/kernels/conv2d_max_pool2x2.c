/* Convolution and max-pooling over 2 x 2 in one, for float weights, output channels by the four, and
 * windows none of which hangs over the edge or has gaps. The four windows under a pooling window are
 * computed at once, and only the largest sums are stored. The activation comes last, as in
 * conv2d_max_pool2d.c, but for ReLU, which is done on the way. */
#include "conv2d_tile.h"

struct pooled {
    struct autotinyml_windows windows;
    int rows;   /* of each */
    int groups; /* of output channels */
    int is_relu;
};

/* Stores the largest of four sums for each channel, and of zero if that is ReLU's. */
#if defined(__arm__) && defined(__ARM_FP)

#define RAISE_FOUR                                                                                 \
    "ldm r12!, {r8-r11}\n" RAISE("r4", "r8") RAISE("r5", "r9") RAISE("r6", "r10") RAISE("r7", "r11")

#define RAISE_FLOAT(to, value)                                                                     \
    "vcmp.f32 " value ", " to "\n vmrs APSR_nzcv, fpscr\n it gt\n vmovgt.f32 " to ", " value "\n"
#define RAISE_FOUR_FLOATS(a, b, c, d)                                                              \
    RAISE_FLOAT("s0", a) RAISE_FLOAT("s1", b) RAISE_FLOAT("s2", c) RAISE_FLOAT("s3", d)

/* As the C below, with all sums in registers and two values of each window at a time: every register
 * that there is. */
static __attribute__((naked, noinline)) void store_largest(const struct pooled *pooled,
                                                           const float *weights, const float *bias,
                                                           float *output)
{
    (void)pooled, (void)weights, (void)bias, (void)output; /* r0 to r3 */
    __asm__("push {r4-r11, lr}\n"
            "vpush {s16-s31}\n"
            "sub sp, #68\n" /* the sums, and the groups */
            "ldr lr, [r0, #28]\n"
            "1: str lr, [sp, #64]\n"
            "ldm r0, {r4-r9, lr}\n" /* the windows, count, gap, rows */
            "vldm r2, {s0-s3}\n"
            "vldm r2, {s4-s7}\n"
            "vldm r2, {s8-s11}\n"
            "vldmia r2!, {s12-s15}\n"
            "2: lsrs r10, r8, #1\n"
            "bcc 3f\n"
            "vldmia r1!, {s16-s19}\n"
            "vldmia r4!, {s24}\n"
            "vldmia r5!, {s26}\n"
            "vldmia r6!, {s28}\n"
            "vldmia r7!, {s30}\n"
            TILE_PRODUCTS("s24", "s26", "s28", "s30", "s16", "s17", "s18", "s19")
            "cmp r10, #0\n"
            "beq 4f\n"
            "3: vldmia r1!, {s16-s23}\n"
            "vldmia r4!, {s24-s25}\n"
            "vldmia r5!, {s26-s27}\n"
            "vldmia r6!, {s28-s29}\n"
            "vldmia r7!, {s30-s31}\n"
            "subs r10, r10, #1\n"
            TILE_PRODUCTS("s24", "s26", "s28", "s30", "s16", "s17", "s18", "s19")
            TILE_PRODUCTS("s25", "s27", "s29", "s31", "s20", "s21", "s22", "s23")
            "bne 3b\n"
            "4: subs lr, lr, #1\n"
            "beq 5f\n"
            "add r4, r4, r9, lsl #2\n"
            "add r5, r5, r9, lsl #2\n"
            "add r6, r6, r9, lsl #2\n"
            "add r7, r7, r9, lsl #2\n"
            "b 2b\n"
            "5: ldr r10, [r0, #32]\n" /* ReLU? */
            "ldr lr, [sp, #64]\n"
            "cmp r10, #0\n"
            "beq 7f\n"
            "mov r12, sp\n"
            "vstm sp, {s0-s15}\n"
            "ldm r12!, {r4-r7}\n" RAISE_FOUR RAISE_FOUR RAISE_FOUR
            "bic r4, r4, r4, asr #31\n"
            "bic r5, r5, r5, asr #31\n"
            "bic r6, r6, r6, asr #31\n"
            "bic r7, r7, r7, asr #31\n"
            "stm r3!, {r4-r7}\n"
            "6: subs lr, lr, #1\n"
            "bne 1b\n"
            "add sp, #68\n"
            "vpop {s16-s31}\n"
            "pop {r4-r11, pc}\n"
            "7:\n"
            RAISE_FOUR_FLOATS("s4", "s5", "s6", "s7")
            RAISE_FOUR_FLOATS("s8", "s9", "s10", "s11")
            RAISE_FOUR_FLOATS("s12", "s13", "s14", "s15")
            "vstmia r3!, {s0-s3}\n"
            "b 6b\n");
}

#else

static void store_largest(const struct pooled *pooled, const float *weights, const float *bias,
                          float *output)
{
    const struct autotinyml_windows windows = pooled->windows;
    const int row_step = windows.count + windows.gap;
    for (int first = 0; first < pooled->groups * TILE_CHANNELS; first += TILE_CHANNELS) {
        float largest[TILE_CHANNELS] = {0.0F, 0.0F, 0.0F, 0.0F};
        for (int window = 0; window < TILE_WINDOWS; window++) {
            for (int channel = 0; channel < TILE_CHANNELS; channel++) {
                const float *weight = weights + channel;
                float sum = bias[first + channel];
                for (int row = 0; row < pooled->rows; row++) {
                    const float *values = windows.of[window] + row * row_step;
                    for (int i = 0; i < windows.count; i++) {
                        sum += values[i] * *weight;
                        weight += TILE_CHANNELS;
                    }
                }
                const int is_first = window == 0 && !pooled->is_relu;
                largest[channel] = is_first || sum > largest[channel] ? sum : largest[channel];
            }
        }
        for (int channel = 0; channel < TILE_CHANNELS; channel++) {
            output[first + channel] = largest[channel];
        }
        weights += pooled->rows * windows.count * TILE_CHANNELS;
    }
}

#endif

void autotinyml_conv2d_max_pool2x2(const struct autotinyml_map *layer, int first, int end,
                                   int skipped, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int channels = layer->input.channels;
    const int down = window.stride_down * layer->input.width;
    const int right = window.stride_right;
    const int width = layer->output.width;
    struct pooled pooled;
    pooled.windows.count = window.width * channels;
    pooled.windows.gap = (window.dilation_down * layer->input.width - window.width) * channels;
    pooled.rows = window.height;
    pooled.groups = layer->output.channels / TILE_CHANNELS;
    pooled.is_relu = layer->activation == autotinyml_relu;
    for (; first < end; first++) {
        const int row = first / width * layer->pool.stride_down;
        const int column = first % width * layer->pool.stride_right;
        const float *corner = input + (row * down + column * right - skipped) * channels;
        pooled.windows.of[0] = corner;
        pooled.windows.of[1] = corner + right * channels;
        pooled.windows.of[2] = corner + down * channels;
        pooled.windows.of[3] = corner + (down + right) * channels;
        store_largest(&pooled, layer->weights, layer->bias, output);
        if (!pooled.is_relu) {
            layer->activation(output, layer->output.channels);
        }
        output += layer->output.channels;
    }
}
