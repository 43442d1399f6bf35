/* Convolution without pooling: four successive pixels at a time, across the ends of rows. */
#include "conv2d_tile.h"

/* Writes `channels` channels of `pixels` pixels from `output` on. */
static inline void store_channels(const struct autotinyml_conv2d *layer, const float *input,
                                  const struct corner *corners, int pixels, int first,
                                  int channels, float *output)
{
    const int count = layer->window.height * layer->window.width * layer->input.channels;
    float sums[TILE_PIXELS * TILE_CHANNELS];
    compute_tile(layer, input, corners, layer->weights + first * count, layer->bias + first,
                 channels, sums);
    for (int pixel = 0; pixel < pixels; pixel++) {
        for (int channel = 0; channel < channels; channel++) {
            output[pixel * layer->output.channels + first + channel] =
                sums[pixel * channels + channel];
        }
    }
}

void autotinyml_conv2d(const struct autotinyml_conv2d *layer, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int width = layer->output.width;
    const int channels = layer->output.channels;
    const int total = layer->output.height * width;

    for (int first = 0; first < total; first += TILE_PIXELS) {
        const int pixels = total - first < TILE_PIXELS ? total - first : TILE_PIXELS;
        struct corner corners[TILE_PIXELS];
        for (int i = 0; i < TILE_PIXELS; i++) {
            const int pixel = first + (i < pixels ? i : pixels - 1);
            corners[i].row = pixel / width * window.stride_down - window.top;
            corners[i].column = pixel % width * window.stride_right - window.left;
        }
        int channel = 0;
        for (; channel + TILE_CHANNELS <= channels; channel += TILE_CHANNELS) {
            store_channels(layer, input, corners, pixels, channel, TILE_CHANNELS, output);
        }
        for (; channel < channels; channel++) {
            store_channels(layer, input, corners, pixels, channel, 1, output);
        }
        for (int i = 0; i < pixels; i++) {
            layer->activation(output, channels);
            output += channels;
        }
    }
}
