/* The inner part of a convolution whose windows have no gaps in their rows: four windows of the input by four output channels (or by one),
 * held in registers, so that each weight loaded serves four windows and each input four channels. */
#ifndef AUTOTINYML_CONV2D_TILE_H
#define AUTOTINYML_CONV2D_TILE_H

#include "autotinyml.h"
#include "pair.h"

enum { TILE_WINDOWS = 4, TILE_CHANNELS = 4 };

/* Four places of the window, by the row and column of their first value in the input: negative if
 * the window hangs over the edge. */
struct tile {
    int rows[TILE_WINDOWS], columns[TILE_WINDOWS];
    const float *first[TILE_WINDOWS]; /* valid if `inside` */
    int inside;                       /* no window hangs over an edge */
    int row_step;                     /* values from a row of the window to the next */
};

static inline void place_window(struct tile *tile, const struct autotinyml_conv2d *layer,
                                const float *input, int which, int row, int column)
{
    const struct autotinyml_shape shape = layer->input;
    row = row * layer->window.stride_down - layer->window.top;
    column = column * layer->window.stride_right - layer->window.left;
    tile->rows[which] = row;
    tile->columns[which] = column;
    const int height = (layer->window.height - 1) * layer->window.dilation_down + 1;
    const int inside = row >= 0 && row + height <= shape.height && column >= 0 &&
                       column + layer->window.width <= shape.width;
    tile->inside = which == 0 ? inside : tile->inside && inside;
    tile->row_step = layer->window.dilation_down * shape.width * shape.channels;
    tile->first[which] = inside ? input + (row * shape.width + column) * shape.channels : input;
}

static inline void load_weights(float *weight, const float *weights, int channels)
{
    for (int channel = 0; channel + 1 < channels; channel += 2) {
        const union pair pair = load_pair(weights + channel);
        weight[channel] = pair.each[0];
        weight[channel + 1] = pair.each[1];
    }
    if (channels == 1) {
        weight[0] = weights[0];
    }
}

/* The usual case. The constant `channels`, 4 or 1, is known after inlining. */
static inline void sum_inside(const struct autotinyml_conv2d *layer, const struct tile *tile,
                              const float *weights, int channels, float *sums)
{
    const int row_step = tile->row_step;
    const int count = layer->window.width * layer->input.channels;
    const float *a = tile->first[0];
    const float *b = tile->first[1];
    const float *c = tile->first[2];
    const float *d = tile->first[3];
    for (int i = 0; i < layer->window.height; i++) {
        for (const float *end = weights + count * channels; weights != end;) {
            const float values[TILE_WINDOWS] = {*a++, *b++, *c++, *d++};
            float weight[TILE_CHANNELS];
            load_weights(weight, weights, channels);
            for (int window = 0; window < TILE_WINDOWS; window++) {
                for (int channel = 0; channel < channels; channel++) {
                    sums[window * channels + channel] += values[window] * weight[channel];
                }
            }
            weights += channels;
        }
        a += row_step - count;
        b += row_step - count;
        c += row_step - count;
        d += row_step - count;
    }
}

/* One window, part of which may lie beyond the edge: what is there is zero and left out. */
static void __attribute__((noinline)) sum_at_the_edge(const struct autotinyml_conv2d *layer, const float *input,
                                   int row, int column, const float *weights, int channels,
                                   float *sums)
{
    const struct autotinyml_shape shape = layer->input;
    const int room = shape.width - column;
    const int left = column < 0 ? -column : 0;
    const int right = room < layer->window.width ? room : layer->window.width;
    for (int i = 0; i < layer->window.height; i++) {
        const int y = row + i * layer->window.dilation_down;
        if (y < 0 || y >= shape.height) {
            continue;
        }
        const float *value = input + (y * shape.width + column + left) * shape.channels;
        const float *weight =
            weights + (i * layer->window.width + left) * shape.channels * channels;
        for (int k = left * shape.channels; k < right * shape.channels; k++) {
            for (int channel = 0; channel < channels; channel++) {
                sums[channel] += *value * weight[channel];
            }
            value++;
            weight += channels;
        }
    }
}

/* `sums` [window][channel] for `channels` output channels from the `first` on. */
static inline void compute_tile(const struct autotinyml_conv2d *layer, const float *input,
                                const struct tile *tile, int first, int channels, float *sums)
{
    const int count = layer->window.height * layer->window.width * layer->input.channels;
    const float *weights = layer->weights + first * count;

    for (int window = 0; window < TILE_WINDOWS; window++) {
        for (int channel = 0; channel < channels; channel++) {
            sums[window * channels + channel] = layer->bias[first + channel];
        }
    }
    if (tile->inside) {
        sum_inside(layer, tile, weights, channels, sums);
        return;
    }
    /* An array of its own, walked by pointers, so that the other can stay in registers. */
    float edge[TILE_WINDOWS * TILE_CHANNELS] = {0.0F};
    for (int window = 0; window < TILE_WINDOWS; window++) {
        sum_at_the_edge(layer, input, tile->rows[window], tile->columns[window], weights, channels,
                        edge + window * channels);
    }
    for (int i = 0; i < TILE_WINDOWS * channels; i++) {
        sums[i] += edge[i];
    }
}

#endif
