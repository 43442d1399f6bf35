/* Convolution without pooling: four successive pixels at a time, across the ends of rows. */
#include "conv2d_tile.h"

/* Writes `channels` channels of `pixels` pixels from `output` on. */
static inline void store_channels(const struct autotinyml_map *layer, const float *input,
                                  const struct tile *tile, int pixels, int first, int channels,
                                  float *output)
{
    float sums[TILE_WINDOWS * TILE_CHANNELS];
    compute_tile(layer, input, tile, first, channels, sums);
    for (int pixel = 0; pixel < TILE_WINDOWS; pixel++) {
        for (int channel = 0; channel < channels && pixel < pixels; channel++) {
            output[pixel * layer->output.channels + first + channel] =
                sums[pixel * channels + channel];
        }
    }
}

void autotinyml_conv2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                       const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int width = layer->output.width;
    const int channels = layer->output.channels;

    for (; first < end; first += TILE_WINDOWS) {
        const int pixels = end - first < TILE_WINDOWS ? end - first : TILE_WINDOWS;
        struct tile tile;
        tile.skipped = skipped;
        tile.inside = 1;
        for (int i = 0; i < TILE_WINDOWS; i++) {
            const int pixel = first + (i < pixels ? i : pixels - 1);
            const int row = pixel / width * window.stride_down - window.top;
            const int column = pixel % width * window.stride_right - window.left;
            place_window(&tile, layer, i, row, column);
            tile.inside = tile.inside && are_inside(layer, row, column, 0, 0);
        }
        int channel = 0;
        for (; channel + TILE_CHANNELS <= channels; channel += TILE_CHANNELS) {
            store_channels(layer, input, &tile, pixels, channel, TILE_CHANNELS, output);
        }
        for (; channel < channels; channel++) {
            store_channels(layer, input, &tile, pixels, channel, 1, output);
        }
        for (int i = 0; i < pixels; i++) {
            layer->activation(output, channels);
            output += channels;
        }
    }
}
