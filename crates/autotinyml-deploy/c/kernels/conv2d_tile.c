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

void autotinyml_shape_tile(struct autotinyml_tile *tile, const struct autotinyml_map *layer)
{
    const int count = layer->window.width * layer->input.channels;
    const int row_step = layer->window.dilation_down * layer->input.width * layer->input.channels;
    tile->windows.count = count;
    tile->windows.gap = row_step - count;
    tile->weights = layer->window.height * count;
}

void autotinyml_sum_tile(const struct autotinyml_map *layer, const struct autotinyml_tile *tile,
                         int first, int channels, float *sums)
{
    const int start = first * tile->weights;
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
        layer->products(layer, start, channels, &tile->windows, layer->window.height, sums);
    } else {
        add_pixels(layer, tile, start, channels, sums);
    }
}
