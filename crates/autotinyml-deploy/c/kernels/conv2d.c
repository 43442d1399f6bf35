/* Convolution without pooling: four successive pixels at a time, across the ends of rows. */
#include "conv2d_tile.h"

void autotinyml_conv2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                       const float *input, float *output)
{
    const struct autotinyml_shape shape = layer->input;
    const struct autotinyml_window window = layer->window;
    const int width = layer->output.width;
    const int outputs = layer->output.channels;
    const int last_row = shape.height - 1 - (window.height - 1) * window.dilation_down;
    const int last_column = shape.width - 1 - (window.width - 1) * window.dilation_right;
    struct autotinyml_tile tile;
    autotinyml_shape_tile(&tile, layer);

    for (; first < end; first += TILE_WINDOWS) {
        const int pixels = end - first < TILE_WINDOWS ? end - first : TILE_WINDOWS;
        tile.is_inside = window.dilation_right == 1;
        for (int i = 0; i < TILE_WINDOWS; i++) {
            const int pixel = first + (i < pixels ? i : pixels - 1);
            const int row = pixel / width * window.stride_down - window.top;
            const int column = pixel % width * window.stride_right - window.left;
            tile.is_inside &=
                row >= 0 && row <= last_row && column >= 0 && column <= last_column;
            tile.rows[i] = row;
            tile.columns[i] = column;
            tile.windows.of[i] = input + (row * shape.width + column - skipped) * shape.channels;
        }
        int group = 0;
        float sums[TILE_WINDOWS * TILE_CHANNELS];
        for (; group + TILE_CHANNELS <= outputs; group += TILE_CHANNELS) {
            autotinyml_sum_tile(layer, &tile, group, TILE_CHANNELS, sums);
            for (int i = 0; i < pixels; i++) {
                *(struct autotinyml_four *)(output + i * outputs + group) =
                    ((const struct autotinyml_four *)sums)[i];
            }
        }
        for (; group < outputs; group++) {
            autotinyml_sum_tile(layer, &tile, group, 1, sums);
            for (int i = 0; i < pixels; i++) {
                output[i * outputs + group] = sums[i];
            }
        }
        for (int i = 0; i < pixels; i++) {
            layer->activation(output, outputs);
            output += outputs;
        }
    }
}
