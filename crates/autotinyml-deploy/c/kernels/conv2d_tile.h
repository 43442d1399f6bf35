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

#if defined(__arm__) && defined(__ARM_FP)

/* Adds to s0 to s15 [window][channel] the products of a value of each window with a weight of each
 * channel. */
#define TILE_PRODUCTS(value_a, value_b, value_c, value_d, w0, w1, w2, w3)                          \
    "vfma.f32 s0, " value_a ", " w0 "\n vfma.f32 s1, " value_a ", " w1 "\n"                        \
    "vfma.f32 s2, " value_a ", " w2 "\n vfma.f32 s3, " value_a ", " w3 "\n"                        \
    "vfma.f32 s4, " value_b ", " w0 "\n vfma.f32 s5, " value_b ", " w1 "\n"                        \
    "vfma.f32 s6, " value_b ", " w2 "\n vfma.f32 s7, " value_b ", " w3 "\n"                        \
    "vfma.f32 s8, " value_c ", " w0 "\n vfma.f32 s9, " value_c ", " w1 "\n"                        \
    "vfma.f32 s10, " value_c ", " w2 "\n vfma.f32 s11, " value_c ", " w3 "\n"                      \
    "vfma.f32 s12, " value_d ", " w0 "\n vfma.f32 s13, " value_d ", " w1 "\n"                      \
    "vfma.f32 s14, " value_d ", " w2 "\n vfma.f32 s15, " value_d ", " w3 "\n"

/* Raises a register to a value: as integers, floats that are not negative are in the order of their bits,
 * and the bits of those that are negative are less. */
#define RAISE(to, value) "cmp " value ", " to "\n it gt\n movgt " to ", " value "\n"

#endif

#endif
