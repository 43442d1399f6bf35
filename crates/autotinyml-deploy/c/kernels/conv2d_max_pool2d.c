/* Convolution and max-pooling in one: the pooling window is walked four places at a time, and only
 * the largest sums are stored. The activation comes last: only monotone ones are put here, for
 * which it doesn't matter on which side of the maximum they stand. */
#include "conv2d_tile.h"

/* The largest of four sums and zero for each of four channels. Floats that are not negative are in the
 * order of their bits, and the bits of those that are negative are less. */
#if defined(__arm__) && defined(__ARM_FP)
static __attribute__((naked, noinline)) void store_largest_from_zero(const float *sums, float *output)
{
    (void)sums, (void)output; /* r0 and r1 */
#define RAISE(to, value) "cmp " value ", " to "\n it gt\n movgt " to ", " value "\n"
#define RAISE_FOUR                                                                                 \
    "ldm r0!, {r6-r9}\n" RAISE("r2", "r6") RAISE("r3", "r7") RAISE("r4", "r8") RAISE("r5", "r9")
    __asm__("push {r4-r9}\n"
            "ldm r0!, {r2-r5}\n" RAISE_FOUR RAISE_FOUR RAISE_FOUR
            "bic r2, r2, r2, asr #31\n"
            "bic r3, r3, r3, asr #31\n"
            "bic r4, r4, r4, asr #31\n"
            "bic r5, r5, r5, asr #31\n"
            "stm r1, {r2-r5}\n"
            "pop {r4-r9}\n"
            "bx lr\n");
}
#else
static void store_largest_from_zero(const float *sums, float *output)
{
    for (int channel = 0; channel < TILE_CHANNELS; channel++) {
        float largest = 0.0F;
        for (int window = 0; window < TILE_WINDOWS; window++) {
            const float sum = sums[window * TILE_CHANNELS + channel];
            largest = sum > largest ? sum : largest;
        }
        output[channel] = largest;
    }
}
#endif

/* Raises `most` to the largest sum. */
static void raise(const float *sum, int step, int is_first, float *most)
{
    float largest = is_first ? *sum : *most;
    for (int window = 0; window < TILE_WINDOWS; window++) {
        largest = *sum > largest ? *sum : largest;
        sum += step;
    }
    *most = largest;
}

void autotinyml_conv2d_max_pool2d(const struct autotinyml_map *layer, int first, int end,
                                  int skipped, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_window pool = layer->pool;
    const int outputs = layer->output.channels;
    const int places = pool.height * pool.width;
    const int is_relu = layer->activation == autotinyml_relu && places <= TILE_WINDOWS;

    for (int pixel = first; pixel < end; pixel++) {
        const int top = pixel / layer->output.width * pool.stride_down;
        const int left = pixel % layer->output.width * pool.stride_right;
        for (int place = 0; place < places; place += TILE_WINDOWS) {
            struct autotinyml_tile tile;
            for (int i = 0; i < TILE_WINDOWS; i++) {
                /* The last place is taken again for want of more. */
                const int taken = place + i < places ? place + i : places - 1;
                const int row = top + taken / pool.width;
                const int column = left + taken % pool.width;
                tile.rows[i] = row * window.stride_down - window.top;
                tile.columns[i] = column * window.stride_right - window.left;
            }
            autotinyml_place_tile(&tile, layer, input, skipped);
            int group = 0;
            float sums[TILE_WINDOWS * TILE_CHANNELS];
            for (; group + TILE_CHANNELS <= outputs; group += TILE_CHANNELS) {
                autotinyml_sum_tile(layer, &tile, group, TILE_CHANNELS, sums);
                if (is_relu) {
                    store_largest_from_zero(sums, output + group);
                    continue;
                }
                for (int channel = 0; channel < TILE_CHANNELS; channel++) {
                    raise(sums + channel, TILE_CHANNELS, place == 0, output + group + channel);
                }
            }
            for (; group < outputs; group++) {
                autotinyml_sum_tile(layer, &tile, group, 1, sums);
                raise(sums, 1, place == 0, output + group);
            }
        }
        if (!is_relu || outputs % TILE_CHANNELS > 0) {
            layer->activation(output, outputs);
        }
        output += outputs;
    }
}
