/* Fully connected layer: eight outputs at a time, so that each input loaded serves eight sums. */
#include "autotinyml.h"

enum { GROUP = 8 };

void autotinyml_dense(const struct autotinyml_dense *layer, const float *input, float *output)
{
    const float *weights = layer->weights;
    int first = 0;
    for (; first + GROUP <= layer->outputs; first += GROUP) {
        float sums[GROUP];
        for (int j = 0; j < GROUP; j++) {
            sums[j] = layer->bias[first + j];
        }
        for (int i = 0; i < layer->inputs; i++) {
            const float value = input[i];
            for (int j = 0; j < GROUP; j++) {
                sums[j] += value * weights[j];
            }
            weights += GROUP;
        }
        for (int j = 0; j < GROUP; j++) {
            output[first + j] = sums[j];
        }
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
