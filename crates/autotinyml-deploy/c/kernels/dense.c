/* Fully connected layer. The sums of a group of outputs are held in registers, so that each input
 * loaded serves them all. */
#include "autotinyml.h"
#include "pair.h"

/* Writes `width` outputs from the `first` on, an even number known after inlining; returns the
 * weights of the next group. */
static inline const float *sum_group(const struct autotinyml_dense *layer, const float *input,
                                     const float *weights, int first, int width, float *output)
{
    float sums[AUTOTINYML_DENSE_GROUP];
    for (int j = 0; j < width; j++) {
        sums[j] = layer->bias[first + j];
    }
    for (const float *end = input + layer->inputs; input != end;) {
        const float value = *input++;
        for (int j = 0; j < width; j += 2) {
            const union pair weight = load_pair(weights + j);
            sums[j] += value * weight.each[0];
            sums[j + 1] += value * weight.each[1];
        }
        weights += width;
    }
    for (int j = 0; j < width; j++) {
        output[first + j] = sums[j];
    }
    return weights;
}

void autotinyml_dense(const struct autotinyml_dense *layer, const float *input, float *output)
{
    const float *weights = layer->weights;
    int first = 0;
    for (; first + AUTOTINYML_DENSE_GROUP <= layer->outputs; first += AUTOTINYML_DENSE_GROUP) {
        weights = sum_group(layer, input, weights, first, AUTOTINYML_DENSE_GROUP, output);
    }
    for (; first + AUTOTINYML_DENSE_HALF <= layer->outputs; first += AUTOTINYML_DENSE_HALF) {
        weights = sum_group(layer, input, weights, first, AUTOTINYML_DENSE_HALF, output);
    }
    for (; first < layer->outputs; first++) {
        float sum = layer->bias[first];
        for (int i = 0; i < layer->inputs; i++) {
            sum += input[i] * *weights++;
        }
        output[first] = sum;
    }
    layer->activation(output, layer->outputs);
}
