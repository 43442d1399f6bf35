/* The inner part of a convolution whose windows have no gaps in their rows: four windows of the input by four output channels (or by one),
 * held in registers, so that each weight loaded serves four windows and each input four channels. */
#ifndef AUTOTINYML_CONV2D_TILE_H
#define AUTOTINYML_CONV2D_TILE_H

#include "autotinyml.h"
#include "load.h"

enum { TILE_WINDOWS = 4, TILE_CHANNELS = 4 };

/* Four places of the window, by the row and column of their first value in the input: negative if
 * the window hangs over the edge. */
struct tile {
    int rows[TILE_WINDOWS], columns[TILE_WINDOWS];
    int offsets[TILE_WINDOWS]; /* of those values in the input */
    int skipped;               /* pixels of the input that are no longer there */
    int inside;                /* no window hangs over an edge */
};

static inline void place_window(struct tile *tile, const struct autotinyml_map *layer,
                                int which, int row, int column)
{
    tile->rows[which] = row;
    tile->columns[which] = column;
    tile->offsets[which] = (row * layer->input.width + column - tile->skipped) * layer->input.channels;
}

/* Whether windows, the first of which is at this place and the last so much further down and to the
 * right, all lie inside the input. */
static inline int are_inside(const struct autotinyml_map *layer, int row, int column, int down,
                             int right)
{
    const int height = (layer->window.height - 1) * layer->window.dilation_down + 1;
    return row >= 0 && row + down + height <= layer->input.height && column >= 0 &&
           column + right + layer->window.width <= layer->input.width;
}

static inline const float *load_weights(const float *weights, float *weight, int channels)
{
    if (channels == TILE_CHANNELS) {
        return load_four(weights, weight);
    }
    weight[0] = weights[0];
    return weights + 1;
}

/* The usual case. The constant `channels`, 4 or 1, is known after inlining. */
static inline void sum_inside(const struct autotinyml_map *layer, const float *input,
                              const struct tile *tile, const float *weights, int channels, float *sums)
{
    const int row_step =
        layer->window.dilation_down * layer->input.width * layer->input.channels;
    const int count = layer->window.width * layer->input.channels;
    const float *a = input + tile->offsets[0];
    const float *b = input + tile->offsets[1];
    const float *c = input + tile->offsets[2];
    const float *d = input + tile->offsets[3];
    for (int i = 0; i < layer->window.height; i++) {
        for (const float *end = weights + count * channels; weights != end;) {
            const float values[TILE_WINDOWS] = {*a++, *b++, *c++, *d++};
            float weight[TILE_CHANNELS];
            weights = load_weights(weights, weight, channels);
            for (int window = 0; window < TILE_WINDOWS; window++) {
                for (int channel = 0; channel < channels; channel++) {
                    sums[window * channels + channel] += values[window] * weight[channel];
                }
            }
        }
        a += row_step - count;
        b += row_step - count;
        c += row_step - count;
        d += row_step - count;
    }
}

/* One window, part of which may lie beyond the edge: what is there is zero and left out. Inlined, it
 * would take registers from the usual case. */
static __attribute__((noinline)) void
sum_at_the_edge(const struct autotinyml_map *layer, const float *input, int skipped, int row,
                int column, const float *weights, int channels, float *sums)
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
        const float *value = input + (y * shape.width + column + left - skipped) * shape.channels;
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
static inline void compute_tile(const struct autotinyml_map *layer, const float *input,
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
        sum_inside(layer, input, tile, weights, channels, sums);
        return;
    }
    /* An array of its own, walked by pointers, so that the other can stay in registers. */
    float edge[TILE_WINDOWS * TILE_CHANNELS] = {0.0F};
    for (int window = 0; window < TILE_WINDOWS; window++) {
        sum_at_the_edge(layer, input, tile->skipped, tile->rows[window], tile->columns[window],
                        weights, channels, edge + window * channels);
    }
    for (int i = 0; i < TILE_WINDOWS * channels; i++) {
        sums[i] += edge[i];
    }
}

#endif
