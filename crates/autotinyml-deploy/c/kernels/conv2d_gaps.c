/* Convolution whose windows have gaps in their rows: pixel by pixel, as it is defined. */
#include "autotinyml.h"

enum { CHANNELS = 4 };

/* The sums of one window for the `channels` of a group, from what lies inside the input. */
static void add_window(const struct autotinyml_map *layer, const float *input, int skipped,
                       int row, int column, const float *weights, int channels, float *sums)
{
    const struct autotinyml_shape shape = layer->input;
    for (int i = 0; i < layer->window.height; i++) {
        for (int j = 0; j < layer->window.width; j++) {
            const int y = row + i * layer->window.dilation_down;
            const int x = column + j * layer->window.dilation_right;
            if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) {
                weights += shape.channels * channels;
                continue;
            }
            const float *value = input + (y * shape.width + x - skipped) * shape.channels;
            for (int k = 0; k < shape.channels; k++) {
                for (int channel = 0; channel < channels; channel++) {
                    sums[channel] += value[k] * *weights++;
                }
            }
        }
    }
}

void autotinyml_conv2d_gaps(const struct autotinyml_map *layer, int first, int end, int skipped,
                            const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int outputs = layer->output.channels;
    const int count = window.height * window.width * layer->input.channels;

    for (int pixel = first; pixel < end; pixel++) {
        const int y = pixel / layer->output.width;
        const int x = pixel % layer->output.width;
        int channels = CHANNELS;
        for (int group = 0; group < outputs; group += channels) {
            channels = group + CHANNELS <= outputs ? CHANNELS : 1;
            float sums[CHANNELS];
            for (int channel = 0; channel < channels; channel++) {
                sums[channel] = layer->bias[group + channel];
            }
            add_window(layer, input, skipped, y * window.stride_down - window.top,
                       x * window.stride_right - window.left, layer->weights + group * count,
                       channels, sums);
            for (int channel = 0; channel < channels; channel++) {
                output[group + channel] = sums[channel];
            }
        }
        layer->activation(output, outputs);
        output += outputs;
    }
}
