/* Products of windows with weights that are indices into a codebook: some of them are looked up at a
 * time, for all windows. */
#include "conv2d_tile.h"

enum { VALUES_MAX = 16 };

/* Looks up `count` weights of each of the `channels`, from number `start` on. */
typedef void (*look_up)(const struct autotinyml_map *layer, int start, int channels, int count,
                        float *weights);

static inline void add_products(const struct autotinyml_map *layer, int start, int channels,
                                const struct autotinyml_windows *windows, int rows, float *sums,
                                look_up look_up)
{
    float weights[VALUES_MAX * TILE_CHANNELS];
    struct autotinyml_windows part = *windows;
    for (int row = 0; row < rows; row++) {
        for (int done = 0; done < windows->count; done += part.count) {
            const int left = windows->count - done;
            part.count = left < VALUES_MAX ? left : VALUES_MAX;
            look_up(layer, start, channels, part.count, weights);
            start += part.count * channels;
            if (channels == TILE_CHANNELS) {
                autotinyml_add_four(&part, weights, 1, sums);
            } else {
                autotinyml_add_single(&part, weights, 1, sums);
            }
            for (int window = 0; window < TILE_WINDOWS; window++) {
                part.of[window] += part.count;
            }
        }
        for (int window = 0; window < TILE_WINDOWS; window++) {
            part.of[window] += windows->gap;
        }
    }
}

static void look_up_bytes(const float *codebook, const uint8_t *indices, int count, float *weights)
{
    for (int i = 0; i < count; i++) {
        weights[i] = codebook[indices[i]];
    }
}

/* Weights of four channels, `count` times: from four bytes each, or from two. */
#if defined(__arm__) && defined(__ARM_FP)
static __attribute__((naked, noinline)) void look_up_four_bytes(const float *codebook,
                                                                const uint8_t *indices, int count,
                                                                float *weights)
{
    (void)codebook, (void)indices, (void)count, (void)weights; /* r0 to r3 */
    __asm__("push {r4-r7}\n"
            "1: ldrb r4, [r1], #1\n"
            "ldrb r5, [r1], #1\n"
            "ldrb r6, [r1], #1\n"
            "ldrb r7, [r1], #1\n"
            "ldr r4, [r0, r4, lsl #2]\n"
            "ldr r5, [r0, r5, lsl #2]\n"
            "ldr r6, [r0, r6, lsl #2]\n"
            "ldr r7, [r0, r7, lsl #2]\n"
            "subs r2, r2, #1\n"
            "stm r3!, {r4-r7}\n"
            "bne 1b\n"
            "pop {r4-r7}\n"
            "bx lr\n");
}

/* A half byte is shifted to where it is an offset into the codebook. */
static __attribute__((naked, noinline)) void look_up_two_bytes(const float *codebook,
                                                               const uint8_t *indices, int count,
                                                               float *weights)
{
    (void)codebook, (void)indices, (void)count, (void)weights; /* r0 to r3 */
    __asm__("push {r4-r7}\n"
            "mov r12, #60\n"
            "1: ldrh r7, [r1], #2\n"
            "and r4, r12, r7, lsl #2\n"
            "and r5, r12, r7, lsr #2\n"
            "and r6, r12, r7, lsr #6\n"
            "and r7, r12, r7, lsr #10\n"
            "ldr r4, [r0, r4]\n"
            "ldr r5, [r0, r5]\n"
            "ldr r6, [r0, r6]\n"
            "ldr r7, [r0, r7]\n"
            "subs r2, r2, #1\n"
            "stm r3!, {r4-r7}\n"
            "bne 1b\n"
            "pop {r4-r7}\n"
            "bx lr\n");
}
#else
static void look_up_four_bytes(const float *codebook, const uint8_t *indices, int count,
                               float *weights)
{
    look_up_bytes(codebook, indices, count * TILE_CHANNELS, weights);
}

static void look_up_two_bytes(const float *codebook, const uint8_t *indices, int count,
                              float *weights)
{
    for (int i = 0; i < 2 * count; i++) {
        weights[2 * i] = codebook[indices[i] & 15];
        weights[2 * i + 1] = codebook[indices[i] >> 4];
    }
}
#endif

static void look_up8(const struct autotinyml_map *layer, int start, int channels, int count,
                     float *weights)
{
    const uint8_t *indices = layer->indices + start;
    if (channels == TILE_CHANNELS) {
        look_up_four_bytes(layer->codebook, indices, count, weights);
    } else {
        look_up_bytes(layer->codebook, indices, count, weights);
    }
}

static void look_up4(const struct autotinyml_map *layer, int start, int channels, int count,
                     float *weights)
{
    if (channels == TILE_CHANNELS) {
        look_up_two_bytes(layer->codebook, layer->indices + start / 2, count, weights);
        return;
    }
    /* Behind the groups of four, which have two to a byte. */
    const int grouped = layer->output.channels / TILE_CHANNELS * TILE_CHANNELS *
                        layer->window.height * layer->window.width * layer->input.channels;
    look_up_bytes(layer->codebook, layer->indices + start - grouped / 2, count, weights);
}

void autotinyml_shared8_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums)
{
    add_products(layer, start, channels, windows, rows, sums, look_up8);
}

void autotinyml_shared4_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums)
{
    add_products(layer, start, channels, windows, rows, sums, look_up4);
}
