/* The inner part of a convolution: four pixels by four channels (or by one), held in registers, so
 * that each weight loaded serves four pixels and each input four channels. */
#ifndef AUTOTINYML_CONV2D_TILE_H
#define AUTOTINYML_CONV2D_TILE_H

#include "autotinyml.h"

enum { TILE_PIXELS = 4, TILE_CHANNELS = 4 };

/* A place of the window: row and column of its corner in the input, beyond the edge if negative. */
struct corner {
    int row, column;
};

/* `sums` [pixel][channel] += `inputs` [pixel][count] × `weights` [count][channels]. The constant
 * `channels`, 4 or 1, is known after inlining. */
static inline void multiply_tile(float *sums, const float *const *inputs, const float *weights,
                                 int count, int channels)
{
    const float *a = inputs[0];
    const float *b = inputs[1];
    const float *c = inputs[2];
    const float *d = inputs[3];
    for (int k = 0; k < count; k++) {
        const float pixels[TILE_PIXELS] = {*a++, *b++, *c++, *d++};
        for (int pixel = 0; pixel < TILE_PIXELS; pixel++) {
            for (int channel = 0; channel < channels; channel++) {
                sums[pixel * channels + channel] += pixels[pixel] * weights[channel];
            }
        }
        weights += channels;
    }
}

static inline int window_is_inside(const struct autotinyml_conv2d *layer, struct corner corner)
{
    return corner.row >= 0 && corner.row + layer->window.height <= layer->input.height &&
           corner.column >= 0 && corner.column + layer->window.width <= layer->input.width;
}

/* One pixel whose window hangs over the edge: what lies beyond is zero and is left out. */
static inline void sum_at_the_edge(const struct autotinyml_conv2d *layer, const float *input,
                                   struct corner corner, const float *weights, int channels,
                                   float *sums)
{
    const int depth = layer->input.channels;
    const int left = corner.column < 0 ? -corner.column : 0;
    const int room = layer->input.width - corner.column;
    const int right = room < layer->window.width ? room : layer->window.width;
    for (int i = 0; i < layer->window.height; i++) {
        const int row = corner.row + i;
        if (row < 0 || row >= layer->input.height) {
            continue;
        }
        const float *value = input + (row * layer->input.width + corner.column + left) * depth;
        const float *weight = weights + (i * layer->window.width + left) * depth * channels;
        for (int k = left * depth; k < right * depth; k++) {
            for (int channel = 0; channel < channels; channel++) {
                sums[channel] += *value * weight[channel];
            }
            value++;
            weight += channels;
        }
    }
}

/* `sums` [pixel][channel] of four windows, for `channels` output channels from `bias` on. */
static inline void compute_tile(const struct autotinyml_conv2d *layer, const float *input,
                                const struct corner *corners, const float *weights,
                                const float *bias, int channels, float *sums)
{
    const int depth = layer->input.channels;
    const int row_step = layer->input.width * depth;
    const int row_count = layer->window.width * depth;

    for (int pixel = 0; pixel < TILE_PIXELS; pixel++) {
        for (int channel = 0; channel < channels; channel++) {
            sums[pixel * channels + channel] = bias[channel];
        }
    }
    if (window_is_inside(layer, corners[0]) && window_is_inside(layer, corners[1]) &&
        window_is_inside(layer, corners[2]) && window_is_inside(layer, corners[3])) {
        const float *inputs[TILE_PIXELS];
        for (int pixel = 0; pixel < TILE_PIXELS; pixel++) {
            inputs[pixel] = input + corners[pixel].row * row_step + corners[pixel].column * depth;
        }
        for (int i = 0; i < layer->window.height; i++) {
            multiply_tile(sums, inputs, weights, row_count, channels);
            for (int pixel = 0; pixel < TILE_PIXELS; pixel++) {
                inputs[pixel] += row_step;
            }
            weights += row_count * channels;
        }
    } else {
        for (int pixel = 0; pixel < TILE_PIXELS; pixel++) {
            sum_at_the_edge(layer, input, corners[pixel], weights, channels,
                            sums + pixel * channels);
        }
    }
}

#endif
