/* Convolution and max-pooling in one: the pooling window is walked four places at a time, and only
 * the largest sums are stored. The activation comes last: only monotone ones are put here, for
 * which it doesn't matter on which side of the maximum they stand. */
#include "conv2d_tile.h"

/* The largest of four sums and zero for each of four channels. */
#if defined(__arm__) && defined(__ARM_FP)
static __attribute__((naked, noinline)) void store_largest_from_zero(const float *sums, float *output)
{
    (void)sums, (void)output; /* r0 and r1 */
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

/* Four places of a pooling window from number `place` on, as rows, columns and floats of the input from
 * the first of all. The last place is taken again for want of more. */
struct places {
    int rows[TILE_WINDOWS], columns[TILE_WINDOWS], offsets[TILE_WINDOWS];
};

static void find_places(struct places *places, const struct autotinyml_map *layer, int place)
{
    const struct autotinyml_window pool = layer->pool;
    for (int i = 0; i < TILE_WINDOWS; i++) {
        const int row = place / pool.width * layer->window.stride_down;
        const int column = place % pool.width * layer->window.stride_right;
        places->rows[i] = row;
        places->columns[i] = column;
        places->offsets[i] = (row * layer->input.width + column) * layer->input.channels;
        place += place + 1 < pool.height * pool.width;
    }
}

void autotinyml_conv2d_max_pool2d(const struct autotinyml_map *layer, int first, int end,
                                  int skipped, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_window pool = layer->pool;
    const int width = layer->output.width;
    const int outputs = layer->output.channels;
    const int all = pool.height * pool.width;
    const int is_relu = layer->activation == autotinyml_relu && all <= TILE_WINDOWS;
    /* Behind the last row and column at which all windows under a pooling window lie inside. */
    const int bottom = layer->input.height - (pool.height - 1) * window.stride_down -
                       (window.height - 1) * window.dilation_down;
    const int right = layer->input.width - (pool.width - 1) * window.stride_right -
                      (window.width - 1) * window.dilation_right;
    struct places places;
    struct autotinyml_tile tile;
    autotinyml_shape_tile(&tile, layer);
    find_places(&places, layer, 0);

    for (; first < end; first++) {
        const int row = first / width * pool.stride_down * window.stride_down - window.top;
        const int column = first % width * pool.stride_right * window.stride_right - window.left;
        const float *corner =
            input + (row * layer->input.width + column - skipped) * layer->input.channels;
        tile.is_inside = row >= 0 && row < bottom && column >= 0 && column < right &&
                         window.dilation_right == 1;
        for (int place = 0; place < all; place += TILE_WINDOWS) {
            if (all > TILE_WINDOWS) {
                find_places(&places, layer, place);
            }
#pragma GCC unroll 4
            for (int i = 0; i < TILE_WINDOWS; i++) {
                tile.windows.of[i] = corner + places.offsets[i];
            }
            for (int i = 0; i < TILE_WINDOWS && !tile.is_inside; i++) {
                tile.rows[i] = row + places.rows[i];
                tile.columns[i] = column + places.columns[i];
            }
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
