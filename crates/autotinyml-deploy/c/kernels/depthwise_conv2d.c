/* Convolution of each channel by itself: four channels at a time, or one. The constants `channels`, 4
 * or 1, and `is_shared` are known after inlining. */
#include "autotinyml.h"

enum { CHANNELS = 4 };

/* Rows (or columns) of a window: from `first` on, before `end`. */
struct taps {
    int first, end;
};

/* Those inside an input of this length, if the first of all `taps` is at `start`: negative if the
 * window hangs over the edge. */
static inline struct taps taps_inside(int start, int dilation, int taps, int length)
{
    const int before = start < 0 ? (dilation - 1 - start) / dilation : 0;
    const int room = length > start ? (length - start + dilation - 1) / dilation : 0;
    const struct taps inside = {before, room < taps ? room : taps};
    return inside;
}

static inline float weight_at(const struct autotinyml_map *layer, int is_shared, int index)
{
    return is_shared ? layer->codebook[layer->indices[index]] : layer->weights[index];
}

static inline void store_channels(const struct autotinyml_map *layer, int is_shared,
                                  const float *input, int skipped, int row, int column,
                                  int first, int channels, float *output)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_shape shape = layer->input;
    const struct taps rows = taps_inside(row, window.dilation_down, window.height, shape.height);
    const struct taps columns =
        taps_inside(column, window.dilation_right, window.width, shape.width);
    const int step = window.dilation_right * shape.channels;
    float sums[CHANNELS];
    for (int channel = 0; channel < channels; channel++) {
        sums[channel] = layer->bias[first + channel];
    }
    for (int i = rows.first; i < rows.end; i++) {
        const int y = row + i * window.dilation_down;
        const int x = column + columns.first * window.dilation_right;
        const float *value = input + (y * shape.width + x - skipped) * shape.channels + first;
        int weight = (i * window.width + columns.first) * shape.channels + first;
        for (int j = columns.first; j < columns.end; j++) {
            for (int channel = 0; channel < channels; channel++) {
                sums[channel] += value[channel] * weight_at(layer, is_shared, weight + channel);
            }
            value += step;
            weight += shape.channels;
        }
    }
    for (int channel = 0; channel < channels; channel++) {
        output[first + channel] = sums[channel];
    }
}

static inline void run(const struct autotinyml_map *layer, int is_shared, int first, int end,
                       int skipped, const float *input, float *output)
{
    const struct autotinyml_window window = layer->window;
    const int channels = layer->output.channels;

    for (int pixel = first; pixel < end; pixel++) {
        const int y = pixel / layer->output.width;
        const int x = pixel % layer->output.width;
        const int row = y * window.stride_down - window.top;
        const int column = x * window.stride_right - window.left;
        int channel = 0;
        for (; channel + CHANNELS <= channels; channel += CHANNELS) {
            store_channels(layer, is_shared, input, skipped, row, column, channel, CHANNELS, output);
        }
        for (; channel < channels; channel++) {
            store_channels(layer, is_shared, input, skipped, row, column, channel, 1, output);
        }
        layer->activation(output, channels);
        output += channels;
    }
}

void autotinyml_depthwise_conv2d(const struct autotinyml_map *layer, int first, int end,
                                 int skipped, const float *input, float *output)
{
    run(layer, 0, first, end, skipped, input, output);
}

void autotinyml_depthwise_conv2d_shared8(const struct autotinyml_map *layer, int first, int end,
                                         int skipped, const float *input, float *output)
{
    run(layer, 1, first, end, skipped, input, output);
}
