/* The inner part of a convolution. */
#include "conv2d_tile.h"

/* What lies beyond the edge of the input, some channels at a time. */
enum { ZEROS = 16 };
static const float zeros[ZEROS];

/* Pixel by pixel of the windows: any may lie beyond the edge, and there may be gaps between. */
static __attribute__((noinline)) void
add_pixels(const struct autotinyml_map *layer, const struct autotinyml_tile *tile,
           int start, int channels, float *sums)
{
    const struct autotinyml_shape shape = layer->input;
    const struct autotinyml_window window = layer->window;
    for (int i = 0; i < window.height; i++) {
        for (int j = 0; j < window.width; j++) {
            for (int done = 0; done < shape.channels; done += ZEROS) {
                struct autotinyml_windows pixels;
                const int left = shape.channels - done;
                pixels.count = left < ZEROS ? left : ZEROS;
                pixels.gap = 0;
                for (int k = 0; k < TILE_WINDOWS; k++) {
                    const int down = i * window.dilation_down;
                    const int right = j * window.dilation_right;
                    const int y = tile->rows[k] + down;
                    const int x = tile->columns[k] + right;
                    const int is_inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
                    const int offset = (down * shape.width + right) * shape.channels + done;
                    pixels.of[k] = is_inside ? tile->windows.of[k] + offset : zeros;
                }
                layer->products(layer, start, channels, &pixels, 1, sums);
                start += pixels.count * channels;
            }
        }
    }
}

void autotinyml_place_tile(struct autotinyml_tile *tile, const struct autotinyml_map *layer,
                           const float *input, int skipped)
{
    const struct autotinyml_shape shape = layer->input;
    const struct autotinyml_window window = layer->window;
    const int bottom = shape.height - (window.height - 1) * window.dilation_down;
    const int right = shape.width - window.width + 1;
    const int row_step = shape.width * shape.channels;
    const int count = window.width * shape.channels;
    int is_inside = window.dilation_right == 1 && bottom > 0 && right > 0;
    for (int i = 0; i < TILE_WINDOWS; i++) {
        const int row = tile->rows[i];
        const int column = tile->columns[i];
        is_inside &= (unsigned)row < (unsigned)bottom && (unsigned)column < (unsigned)right;
        tile->windows.of[i] = input + row * row_step + (column - skipped) * shape.channels;
    }
    tile->is_inside = is_inside;
    tile->windows.count = count;
    tile->windows.gap = window.dilation_down * row_step - count;
}

void autotinyml_sum_tile(const struct autotinyml_map *layer, const struct autotinyml_tile *tile,
                         int first, int channels, float *sums)
{
    const int rows = layer->window.height;
    const int start = first * rows * tile->windows.count;
    if (channels == TILE_CHANNELS) {
        const struct autotinyml_four bias = *(const struct autotinyml_four *)(layer->bias + first);
        struct autotinyml_four *each = (struct autotinyml_four *)sums;
        each[0] = bias;
        each[1] = bias;
        each[2] = bias;
        each[3] = bias;
    } else {
        for (int i = 0; i < TILE_WINDOWS; i++) {
            sums[i] = layer->bias[first];
        }
    }
    if (tile->is_inside) {
        layer->products(layer, start, channels, &tile->windows, rows, sums);
    } else {
        add_pixels(layer, tile, start, channels, sums);
    }
}
