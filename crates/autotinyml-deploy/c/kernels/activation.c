/* Activations. Each is a function of its own so that the linker keeps only those in use. */
#include "autotinyml.h"

#include <math.h>
#include <string.h>

void autotinyml_linear(float *values, int count)
{
    (void)values;
    (void)count;
}

void autotinyml_relu(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = values[i] > 0.0F ? values[i] : 0.0F;
    }
}

void autotinyml_relu6(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        const float value = values[i] > 0.0F ? values[i] : 0.0F;
        values[i] = value < 6.0F ? value : 6.0F;
    }
}

void autotinyml_leaky_relu(float *values, int count, float negative_slope)
{
    for (int i = 0; i < count; i++) {
        values[i] = values[i] > 0.0F ? values[i] : negative_slope * values[i];
    }
}

/* Howard et al. 2019, section 5.2. */
void autotinyml_hard_swish(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        const float value = values[i];
        const float above = value > -3.0F ? value + 3.0F : 0.0F;
        values[i] = value * (above < 6.0F ? above : 6.0F) * (1.0F / 6.0F);
    }
}

void autotinyml_sigmoid(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = 1.0F / (1.0F + expf(-values[i]));
    }
}

/* Klambauer et al. 2017, with the constants of Keras. */
void autotinyml_selu(float *values, int count)
{
    const float scale = 1.05070098F;
    const float alpha = 1.67326324F;
    for (int i = 0; i < count; i++) {
        float value = values[i];
        values[i] = scale * (value > 0.0F ? value : alpha * expm1f(value));
    }
}

void autotinyml_tanh(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = tanhf(values[i]);
    }
}

/* The largest value is taken off first so that no exponential overflows. */
void autotinyml_softmax(float *values, int count)
{
    float largest = values[0];
    for (int i = 1; i < count; i++) {
        largest = values[i] > largest ? values[i] : largest;
    }
    float sum = 0.0F;
    for (int i = 0; i < count; i++) {
        values[i] = expf(values[i] - largest);
        sum += values[i];
    }
    for (int i = 0; i < count; i++) {
        values[i] /= sum;
    }
}

void autotinyml_activate(autotinyml_activation activation, int count, const float *input,
                         float *output)
{
    memmove(output, input, (size_t)count * sizeof *output);
    activation(output, count);
}
