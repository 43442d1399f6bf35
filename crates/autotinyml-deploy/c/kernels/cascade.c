/* Kernels that run by turns. A stage runs as soon as its input is there, and the one before it only
 * until then. So of each map just the pixels exist that are still to be read: a window of whole rows
 * that slides over it. Nothing is computed twice. */
#include "autotinyml.h"

/* Rows or columns of the input under the window, or under a pooling window's worth of them. */
static int extent(int window, int dilation, int pool, int stride)
{
    return (pool - 1) * stride + (window - 1) * dilation + 1;
}

/* The first pixel of the input that `pixel` of the output or a later one reads. */
static int first_needed(const struct autotinyml_map *layer, int pixel)
{
    const struct autotinyml_window window = layer->window;
    const int width = layer->output.width;
    const int row =
        pixel / width * window.stride_down * layer->pool.stride_down - window.top;
    const int column =
        pixel % width * window.stride_right * layer->pool.stride_right - window.left;
    if (row < 0) {
        return 0;
    }
    return row * layer->input.width + (column > 0 ? column : 0);
}

/* How many pixels of the input must be there for `pixel` of the output. */
static int count_needed(const struct autotinyml_map *layer, int pixel)
{
    const struct autotinyml_window window = layer->window;
    const struct autotinyml_window pool = layer->pool;
    const int width = layer->output.width;
    const int rows = pixel / width * window.stride_down * pool.stride_down - window.top +
                     extent(window.height, window.dilation_down, pool.height, window.stride_down);
    int columns = pixel % width * window.stride_right * pool.stride_right - window.left +
                  extent(window.width, window.dilation_right, pool.width, window.stride_right);
    if (rows > layer->input.height) {
        return layer->input.height * layer->input.width;
    }
    columns = columns < layer->input.width ? columns : layer->input.width;
    return (rows - 1) * layer->input.width + columns;
}

/* Makes room for the pixels up to `end`, if there is none, by moving those from `needed` on to the
 * beginning. */
static void make_room(const struct autotinyml_stage *stage, struct autotinyml_progress *progress,
                      int end, int needed)
{
    if (end - progress->skipped <= stage->kept) {
        return;
    }
    const int channels = stage->layer->output.channels;
    const int skipped = needed < progress->end ? needed : progress->end;
    const float *from = stage->output + (skipped - progress->skipped) * channels;
    float *to = stage->output;
    for (int count = (progress->end - skipped) * channels; count > 0; count--) {
        *to++ = *from++;
    }
    progress->skipped = skipped;
}

void autotinyml_cascade(const struct autotinyml_stage *stages, struct autotinyml_progress *progress,
                        int last, int end, const float *input, float *output)
{
    int i = last;
    while (progress[last].end < end) {
        const struct autotinyml_stage *stage = stages + i;
        const struct autotinyml_map *layer = stage->layer;
        const int first = progress[i].end;
        const int all = i == last ? end : layer->output.height * layer->output.width;
        const int turn_end = i < last && first + stage->turn < all ? first + stage->turn : all;
        if (i > 0 && progress[i - 1].end < count_needed(layer, turn_end - 1)) {
            i--;
            continue;
        }
        float *to = output;
        if (i < last) {
            make_room(stage, progress + i, turn_end,
                      first_needed(stage[1].layer, progress[i + 1].end));
            to = stage->output + (first - progress[i].skipped) * layer->output.channels;
        }
        stage->kernel(layer, first, turn_end, i > 0 ? progress[i - 1].skipped : 0,
                      i > 0 ? stage[-1].output : input, to);
        progress[i].end = turn_end;
        i += i < last;
    }
}
