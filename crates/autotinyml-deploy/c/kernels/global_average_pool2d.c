/* Mean of each channel of a map, which need not exist as a whole. `output` may be the map's first pixel. */
#include "autotinyml.h"

void autotinyml_global_average_pool2d(const struct autotinyml_global_average_pool2d *layer, int first,
                                      int end, const float *input, float *output)
{
    const int channels = layer->channels;
    for (; first < end; first += channels) {
        for (int channel = 0; channel < channels; channel++) {
            const float value = *input++;
            output[channel] = first == 0 ? value : output[channel] + value;
        }
    }
    if (end == layer->inputs) {
        const float share = (float)channels / (float)layer->inputs;
        for (int channel = 0; channel < channels; channel++) {
            output[channel] *= share;
        }
        layer->activation(output, channels);
    }
}
