/* What convolutions with and without pooling have in common: a tile, four windows of the input by four
 * output channels (or by one), so that each weight loaded serves four windows and each input four
 * channels. */
#ifndef AUTOTINYML_CONV2D_TILE_H
#define AUTOTINYML_CONV2D_TILE_H

#include "autotinyml.h"

enum { TILE_WINDOWS = 4, TILE_CHANNELS = 4 };

/* Values under four windows: `count` in a row one behind the other, and from their end to the beginning of
 * the next row `gap` floats. */
struct autotinyml_windows {
    const float *of[TILE_WINDOWS];
    int count, gap;
};

struct autotinyml_tile {
    struct autotinyml_windows windows;
    int weights; /* of one output channel */
    /* The first value of each window in the input: negative if it hangs over the edge. */
    int rows[TILE_WINDOWS], columns[TILE_WINDOWS];
    int is_inside; /* none does, and none has gaps */
};

/* Four floats that are copied at once. */
struct __attribute__((may_alias)) autotinyml_four {
    float each[4];
};

/* What is the same for all tiles of a layer: `count`, `gap` and `weights`. */
void autotinyml_shape_tile(struct autotinyml_tile *tile, const struct autotinyml_map *layer);

/* `sums` [window][channel] for `channels`, 4 or 1, output channels from the `first` on. */
void autotinyml_sum_tile(const struct autotinyml_map *layer, const struct autotinyml_tile *tile,
                         int first, int channels, float *sums);

/* Adds to `sums` [window][channel] the products of so many rows of windows with the `weights` of four
 * channels, or of one. */
void autotinyml_add_four(const struct autotinyml_windows *windows, const float *weights, int rows,
                         float *sums);
void autotinyml_add_single(const struct autotinyml_windows *windows, const float *weights, int rows,
                           float *sums);

#endif
