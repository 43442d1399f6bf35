/* Kernels that run small neural networks in float on a microcontroller.
 *
 * Maps are stored row by row, channels last. A kernel reads `input`, writes `output` and keeps no
 * state; both are aligned to four bytes, weights to eight. Where an output may lie over its kernel's
 * input, the planner has seen to it that nothing is overwritten before it was read for the last
 * time. */
#ifndef AUTOTINYML_H
#define AUTOTINYML_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes `count` values in place: the channels of a pixel, or a whole vector. */
typedef void (*autotinyml_activation)(float *values, int count);

void autotinyml_linear(float *values, int count);
void autotinyml_relu(float *values, int count);
void autotinyml_relu6(float *values, int count);
void autotinyml_hard_swish(float *values, int count);
void autotinyml_sigmoid(float *values, int count);
void autotinyml_selu(float *values, int count);
void autotinyml_tanh(float *values, int count);
void autotinyml_softmax(float *values, int count);

/* Called with its slope by an activation of each layer that has one. */
void autotinyml_leaky_relu(float *values, int count, float negative_slope);

/* Rows, columns and channels of a map. */
struct autotinyml_shape {
    int height, width, channels;
};

/* A window that slides over a map: `top` and `left` are the rows and columns of zeros before it, the
 * dilations the distances of the pixels under it. */
struct autotinyml_window {
    int height, width, stride_down, stride_right, top, left, dilation_down, dilation_right;
};

struct autotinyml_map;
struct autotinyml_windows;

/* Adds to `sums` [window][channel] the products of so many rows of windows with the weights from
 * `start` on of a group of `channels`, 4 or 1: one for each way to store the weights of a
 * convolution. */
typedef void (*autotinyml_products)(const struct autotinyml_map *layer, int start, int channels,
                                    const struct autotinyml_windows *windows, int rows,
                                    float *sums);

/* A layer that reads a map and writes one. */
struct autotinyml_map {
    struct autotinyml_shape input;
    struct autotinyml_shape output; /* after pooling, if any */
    struct autotinyml_window window;
    struct autotinyml_window pool; /* over what a convolution computes; of single values if none */
    autotinyml_products products;  /* of a convolution */
    const float *weights;          /* or */
    const float *codebook;         /* 256 floats (8-bit indices) or 16 (4-bit) */
    const uint8_t *indices;
    const float *bias; /* [output channel] */
    autotinyml_activation activation;
};

/* Computes the pixels of the output from `first` on, before `end`, counted row by row: all of them
 * are 0 to height * width. `output` takes the first of them. `input` begins with the pixel `skipped`
 * of the input: 0 if that is there as a whole. */
typedef void (*autotinyml_map_kernel)(const struct autotinyml_map *layer, int first, int end,
                                      int skipped, const float *input, float *output);

/* Convolution. Outputs are computed in groups of four channels, and the last one to three singly.
 * The weights of a group are [window row][window column][input channel][channel of the group].
 * Of 4-bit indices the low half of a byte comes first; those of single channels take a byte each. */
void autotinyml_conv2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                       const float *input, float *output);

void autotinyml_float_products(const struct autotinyml_map *layer, int start, int channels,
                               const struct autotinyml_windows *windows, int rows, float *sums);
void autotinyml_shared8_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums);
void autotinyml_shared4_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums);

/* The largest value of each pooling window of a convolution, which is never stored as a whole. */
void autotinyml_conv2d_max_pool2d(const struct autotinyml_map *layer, int first, int end,
                                  int skipped, const float *input, float *output);

/* As it, for float weights, pooling windows of 2 x 2, output channels by the four, and windows of the
 * convolution that all lie inside the input and have no gaps. */
void autotinyml_conv2d_max_pool2x2(const struct autotinyml_map *layer, int first, int end,
                                   int skipped, const float *input, float *output);

/* Convolution of each channel by itself: weights are [window row][window column][channel]. */
void autotinyml_depthwise_conv2d(const struct autotinyml_map *layer, int first, int end,
                                 int skipped, const float *input, float *output);
void autotinyml_depthwise_conv2d_shared8(const struct autotinyml_map *layer, int first, int end,
                                         int skipped, const float *input, float *output);

/* The largest value of each window and channel, and the mean. They have no weights. The mean of a whole
 * map is autotinyml_global_average_pool2d's. */
void autotinyml_max_pool2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                           const float *input, float *output);
void autotinyml_average_pool2d(const struct autotinyml_map *layer, int first, int end, int skipped,
                               const float *input, float *output);

/* Kernels that run by turns, each stage reading what the one before it writes. Of that only some
 * pixels exist at a time: those that are still to be read. */
struct autotinyml_stage {
    autotinyml_map_kernel kernel;
    const struct autotinyml_map *layer;
    int turn;      /* pixels that it computes at a time */
    int kept;      /* pixels of its output that there is room for */
    float *output; /* the room */
};

/* How far a stage has come. Zeros at the beginning. */
struct autotinyml_progress {
    int end;     /* pixels of its output that were computed */
    int skipped; /* of which so many, the first ones, are no longer there */
};

/* Runs stages until the last of them has computed its pixels before `end`, in one turn: `output`
 * takes those that it had not. The stages before it compute what that needs, and nothing else.
 * `input` is the whole input of the first stage. */
void autotinyml_cascade(const struct autotinyml_stage *stages, struct autotinyml_progress *progress,
                        int last, int end, const float *input, float *output);

/* Outputs are computed in groups of eight, and the last one to seven singly. The weights of a group
 * are [input][output of the group]. */
struct autotinyml_dense {
    int inputs, outputs;
    const float *weights;
    const float *bias; /* [output] */
    autotinyml_activation activation;
};

/* The input may arrive in parts, in order: `input` holds its values from `first` on, before `end`.
 * Until the last has arrived, `output` holds the sums so far. All of them are 0 to `inputs`. */
void autotinyml_dense(const struct autotinyml_dense *layer, int first, int end,
                      const float *input, float *output);

/* As autotinyml_dense, but a weight is an index into a codebook, and there are groups of sixteen before
 * at most one of eight. */
enum { AUTOTINYML_DENSE_GROUP = 16, AUTOTINYML_DENSE_HALF = 8 };

struct autotinyml_dense_shared {
    int inputs, outputs;
    const float *codebook;  /* 256 entries (8-bit indices) or 16 (4-bit) */
    const uint8_t *indices; /* 4-bit: the low half of a byte comes first; groups start on a byte */
    const float *bias;
    autotinyml_activation activation;
};

void autotinyml_dense_shared8(const struct autotinyml_dense_shared *layer, int first, int end,
                              const float *input, float *output);
void autotinyml_dense_shared4(const struct autotinyml_dense_shared *layer, int first, int end,
                              const float *input, float *output);

/* As autotinyml_dense_shared4, but the codebook has all 256 pairs of its entries: that of number i is
 * entry i % 16 and entry i / 16. */
void autotinyml_dense_pairs4(const struct autotinyml_dense_shared *layer, int first, int end,
                             const float *input, float *output);

/* As autotinyml_dense, autotinyml_dense_shared8 and autotinyml_dense_pairs4, but the weights of all
 * outputs, which are a multiple of sixteen, are [input][output], and those of inputs that are zero are
 * passed over. */
void autotinyml_dense_sparse(const struct autotinyml_dense *layer, int first, int end,
                             const float *input, float *output);
void autotinyml_dense_shared8_sparse(const struct autotinyml_dense_shared *layer, int first,
                                     int end, const float *input, float *output);
void autotinyml_dense_pairs4_sparse(const struct autotinyml_dense_shared *layer, int first, int end,
                                    const float *input, float *output);

struct autotinyml_global_average_pool2d {
    int inputs, channels;
    autotinyml_activation activation;
};

/* The mean of each channel. The input may arrive in parts, pixel by pixel, as that of a dense layer. */
void autotinyml_global_average_pool2d(const struct autotinyml_global_average_pool2d *layer, int first,
                                      int end, const float *input, float *output);

struct autotinyml_add {
    int length;
    autotinyml_activation activation;
};

/* The sum of two inputs, value by value; `output` may be either of them. */
void autotinyml_add(const struct autotinyml_add *layer, const float *first, const float *second,
                    float *output);

/* An activation that no other kernel could take in; `output` may be `input`. */
void autotinyml_activate(autotinyml_activation activation, int count, const float *input,
                         float *output);

#ifdef __cplusplus
}
#endif

#endif
