/* Convolution and max-pooling in one: the pooling window is walked four places at a time, and only
 * the largest sums leave the registers. The activation comes last: only monotone ones are put
 * here, for which it doesn't matter on which side of the maximum they stand. */
#include "conv2d_tile.h"

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

/* Raises `channels` channels of the pixel at `output` to the largest sums of the tile. */
static inline void store_largest(const struct autotinyml_map *layer, const float *input,
                                 const struct tile *tile, int is_first_tile, int first,
                                 int channels, float *output)
{
    float sums[TILE_WINDOWS * TILE_CHANNELS];
    compute_tile(layer, input, tile, first, channels, sums);
    for (int channel = 0; channel < channels; channel++) {
        const float *sum = sums + channel;
        const float largest =
            larger(larger(sum[0], sum[channels]), larger(sum[2 * channels], sum[3 * channels]));
        output[first + channel] =
            is_first_tile ? largest : larger(largest, output[first + channel]);
    }
}

void autotinyml_conv2d_max_pool2d(const struct autotinyml_map *layer, int first, int end,
                                  int skipped, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_window pool = layer->pool;
    const int channels = layer->output.channels;
    /* From the first place under a pooling window to the last. */
    const int down = (pool.height - 1) * window.stride_down;
    const int right = (pool.width - 1) * window.stride_right;
    const int places = pool.height * pool.width;

    for (int pixel = first; pixel < end; pixel++) {
        const int row =
            pixel / layer->output.width * pool.stride_down * window.stride_down - window.top;
        const int column =
            pixel % layer->output.width * pool.stride_right * window.stride_right - window.left;
        struct tile tile;
        tile.skipped = skipped;
        tile.inside = are_inside(layer, row, column, down, right);
        int x = 0;
        int y = 0;
        for (int place = 0; place < places; place += TILE_WINDOWS) {
            for (int i = 0; i < TILE_WINDOWS; i++) {
                place_window(&tile, layer, i, row + y, column + x);
                /* The last place is taken again for want of more. */
                if (x < right) {
                    x += window.stride_right;
                } else if (y < down) {
                    x = 0;
                    y += window.stride_down;
                }
            }
            int channel = 0;
            for (; channel + TILE_CHANNELS <= channels; channel += TILE_CHANNELS) {
                store_largest(layer, input, &tile, place == 0, channel, TILE_CHANNELS, output);
            }
            for (; channel < channels; channel++) {
                store_largest(layer, input, &tile, place == 0, channel, 1, output);
            }
        }
        layer->activation(output, channels);
        output += channels;
    }
}
