/* Convolution and max-pooling in one: the pooling window is walked four places at a time, and only
 * the largest sums leave the registers. The activation comes last: all of ours are monotone, so
 * that it doesn't matter on which side of the maximum they stand. */
#include "conv2d_tile.h"

#include <math.h>

static inline void store_largest(const struct autotinyml_conv2d *layer, const float *input,
                                 int y, int x, int first, int channels, float *output)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_window pool = layer->pool;
    const int count = window.height * window.width * layer->input.channels;
    const int places = pool.height * pool.width;
    float largest[TILE_CHANNELS] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};

    for (int place = 0; place < places; place += TILE_PIXELS) {
        struct corner corners[TILE_PIXELS];
        for (int i = 0; i < TILE_PIXELS; i++) {
            const int known = place + i < places ? place + i : places - 1;
            corners[i].row =
                (y * pool.stride_down + known / pool.width) * window.stride_down - window.top;
            corners[i].column =
                (x * pool.stride_right + known % pool.width) * window.stride_right - window.left;
        }
        float sums[TILE_PIXELS * TILE_CHANNELS];
        compute_tile(layer, input, corners, layer->weights + first * count, layer->bias + first,
                     channels, sums);
        for (int channel = 0; channel < channels; channel++) {
            for (int i = 0; i < TILE_PIXELS; i++) {
                const float sum = sums[i * channels + channel];
                largest[channel] = sum > largest[channel] ? sum : largest[channel];
            }
        }
    }
    for (int channel = 0; channel < channels; channel++) {
        output[first + channel] = largest[channel];
    }
}

void autotinyml_conv2d_max_pool2d(const struct autotinyml_conv2d *layer, const float *input,
                                  float *output)
{
    const int channels = layer->output.channels;

    for (int y = 0; y < layer->output.height; y++) {
        for (int x = 0; x < layer->output.width; x++) {
            int channel = 0;
            for (; channel + TILE_CHANNELS <= channels; channel += TILE_CHANNELS) {
                store_largest(layer, input, y, x, channel, TILE_CHANNELS, output);
            }
            for (; channel < channels; channel++) {
                store_largest(layer, input, y, x, channel, 1, output);
            }
            layer->activation(output, channels);
            output += channels;
        }
    }
}
