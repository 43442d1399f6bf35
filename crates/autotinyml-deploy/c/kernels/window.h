/* Which pixels under a window lie inside the input. */
#ifndef AUTOTINYML_WINDOW_H
#define AUTOTINYML_WINDOW_H

/* Rows (or columns) of a window: from `first` on, before `end`. */
struct taps {
    int first, end;
};

/* Those inside an input of this length, if the first of all `taps` is at `start`: negative if the
 * window hangs over the edge. */
static inline struct taps taps_inside(int start, int dilation, int taps, int length)
{
    const int before = start < 0 ? (dilation - 1 - start) / dilation : 0;
    const int room = length > start ? (length - start + dilation - 1) / dilation : 0;
    const struct taps inside = {before, room < taps ? room : taps};
    return inside;
}

#endif
