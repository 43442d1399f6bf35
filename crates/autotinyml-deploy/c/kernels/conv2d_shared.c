/* Products of windows with weights that are indices into a codebook: some of them are looked up at a
 * time, for all windows. */
#include "conv2d_tile.h"

enum { VALUES_MAX = 16 };

/* Looks up `count` weights from number `start` on. */
typedef void (*look_up)(const struct autotinyml_map *layer, int start, int channels, int count,
                        float *weights);

static inline void add_products(const struct autotinyml_map *layer, int start, int channels,
                                const struct autotinyml_windows *windows, int rows, float *sums,
                                look_up look_up)
{
    float weights[VALUES_MAX * TILE_CHANNELS];
    struct autotinyml_windows part = *windows;
    for (int row = 0; row < rows; row++) {
        for (int done = 0; done < windows->count; done += part.count) {
            const int left = windows->count - done;
            part.count = left < VALUES_MAX ? left : VALUES_MAX;
            look_up(layer, start, channels, part.count * channels, weights);
            start += part.count * channels;
            if (channels == TILE_CHANNELS) {
                autotinyml_add_four(&part, weights, 1, sums);
            } else {
                autotinyml_add_single(&part, weights, 1, sums);
            }
            for (int window = 0; window < TILE_WINDOWS; window++) {
                part.of[window] += part.count;
            }
        }
        for (int window = 0; window < TILE_WINDOWS; window++) {
            part.of[window] += windows->gap;
        }
    }
}

static inline void look_up_bytes(const float *codebook, const uint8_t *indices, int count,
                                 float *weights)
{
    for (int i = 0; i < count; i++) {
        weights[i] = codebook[indices[i]];
    }
}

static void look_up8(const struct autotinyml_map *layer, int start, int channels, int count,
                     float *weights)
{
    (void)channels;
    look_up_bytes(layer->codebook, layer->indices + start, count, weights);
}

static void look_up4(const struct autotinyml_map *layer, int start, int channels, int count,
                     float *weights)
{
    const float *codebook = layer->codebook;
    if (channels == 1) {
        /* Behind the groups of four, which have two to a byte. */
        const struct autotinyml_window window = layer->window;
        const int grouped = layer->output.channels / TILE_CHANNELS * TILE_CHANNELS *
                            window.height * window.width * layer->input.channels;
        look_up_bytes(codebook, layer->indices + start - grouped / 2, count, weights);
        return;
    }
    const uint8_t *indices = layer->indices + start / 2;
    for (const float *end = weights + count; weights != end; weights += TILE_CHANNELS) {
        const unsigned first = *indices++;
        const unsigned second = *indices++;
        weights[0] = codebook[first & 15];
        weights[1] = codebook[first >> 4];
        weights[2] = codebook[second & 15];
        weights[3] = codebook[second >> 4];
    }
}

void autotinyml_shared8_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums)
{
    add_products(layer, start, channels, windows, rows, sums, look_up8);
}

void autotinyml_shared4_products(const struct autotinyml_map *layer, int start, int channels,
                                 const struct autotinyml_windows *windows, int rows, float *sums)
{
    add_products(layer, start, channels, windows, rows, sums, look_up4);
}
