/* Largest value of each window and channel. */
#include "autotinyml.h"

void autotinyml_max_pool2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                           const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int channels = layer->input.channels;
    const int row_step = layer->input.width * channels;

    for (int pixel = first; pixel < end; pixel++) {
        const int y = pixel / layer->output.width;
        const int x = pixel % layer->output.width;
        const int top = y * window.stride_down;
        const int left = x * window.stride_right;
        const float *corner = input + (top * layer->input.width + left - skipped) * channels;
        for (int channel = 0; channel < channels; channel++) {
            float largest = corner[channel];
            for (int i = 0; i < window.height; i++) {
                const float *value = corner + i * row_step + channel;
                for (int j = 0; j < window.width; j++) {
                    largest = *value > largest ? *value : largest;
                    value += channels;
                }
            }
            output[channel] = largest;
        }
        layer->activation(output, channels);
        output += channels;
    }
}
