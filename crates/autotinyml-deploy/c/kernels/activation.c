/* Activations. Each is a function of its own so that the linker keeps only those in use. */
#include "autotinyml.h"

#include <string.h>

/* The exponential function to within 2e-7 of its value, as in Moshier's Cephes library: 2^n times a
 * polynomial. The C library's is several times larger and slower. */
static float exponential(float x)
{
    if (!(x >= -87.0F)) {
        return x < 0.0F ? 0.0F : x; /* or no number */
    }
    if (x > 88.0F) {
        return __builtin_inff();
    }
    const float halves = x * 1.44269504F;
    const int n = (int)(halves < 0.0F ? halves - 0.5F : halves + 0.5F);
    const float r = x - (float)n * 0.693359375F - (float)n * -2.12194440e-4F;
    float sum = 1.9875691500e-4F;
    sum = sum * r + 1.3981999507e-3F;
    sum = sum * r + 8.3334519073e-3F;
    sum = sum * r + 4.1665795894e-2F;
    sum = sum * r + 1.6666665459e-1F;
    sum = sum * r + 5.0000001201e-1F;
    const union {
        uint32_t bits;
        float value;
    } power = {.bits = (uint32_t)(n + 127) << 23};
    return (sum * r * r + r + 1.0F) * power.value;
}

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
        values[i] = 1.0F / (1.0F + exponential(-values[i]));
    }
}

/* Klambauer et al. 2017, with the constants of Keras. */
void autotinyml_selu(float *values, int count)
{
    const float scale = 1.05070098F;
    const float alpha = 1.67326324F;
    for (int i = 0; i < count; i++) {
        float value = values[i];
        values[i] = scale * (value > 0.0F ? value : alpha * (exponential(value) - 1.0F));
    }
}

void autotinyml_tanh(float *values, int count)
{
    for (int i = 0; i < count; i++) {
        const float size = values[i] < 0.0F ? -values[i] : values[i];
        const float small = exponential(-2.0F * size);
        const float tanh = (1.0F - small) / (1.0F + small);
        values[i] = values[i] < 0.0F ? -tanh : tanh;
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
        values[i] = exponential(values[i] - largest);
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
