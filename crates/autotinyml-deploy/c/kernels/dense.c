/* Fully connected layer. The sums of a group of outputs are held in registers, so that each input
 * loaded serves them all. */
#include "autotinyml.h"
#include "load.h"

/* Adds `count` inputs to the `sums` so far of a group of `width` outputs, 16 or 8, known after
 * inlining. */
static inline void add_to_group(const float *sums, const float *input, int count,
                                const float *weights, int width, float *output)
{
    float group[AUTOTINYML_DENSE_GROUP];
    for (int j = 0; j < width; j++) {
        group[j] = sums[j];
    }
    for (const float *end = input + count; input != end;) {
        const float value = *input++;
        for (int j = 0; j < width; j += 8) {
            float weight[8];
            weights = load_eight(weights, weight);
            for (int k = 0; k < 8; k++) {
                group[j + k] += value * weight[k];
            }
        }
    }
    for (int j = 0; j < width; j++) {
        output[j] = group[j];
    }
}

void autotinyml_dense(const struct autotinyml_dense *layer, int first, int end,
                      const float *input, float *output)
{
    const int inputs = layer->inputs;
    const int outputs = layer->outputs;
    const int count = end - first;
    const float *sums = first == 0 ? layer->bias : output;
    const float *weights = layer->weights;
    int done = 0;
    for (; done + AUTOTINYML_DENSE_GROUP <= outputs; done += AUTOTINYML_DENSE_GROUP) {
        add_to_group(sums + done, input, count, weights + first * AUTOTINYML_DENSE_GROUP,
                     AUTOTINYML_DENSE_GROUP, output + done);
        weights += inputs * AUTOTINYML_DENSE_GROUP;
    }
    for (; done + AUTOTINYML_DENSE_HALF <= outputs; done += AUTOTINYML_DENSE_HALF) {
        add_to_group(sums + done, input, count, weights + first * AUTOTINYML_DENSE_HALF,
                     AUTOTINYML_DENSE_HALF, output + done);
        weights += inputs * AUTOTINYML_DENSE_HALF;
    }
    for (; done < outputs; done++) {
        float sum = sums[done];
        for (int i = 0; i < count; i++) {
            sum += input[i] * weights[first + i];
        }
        output[done] = sum;
        weights += inputs;
    }
    if (end == inputs) {
        layer->activation(output, outputs);
    }
}
