/* Sum of two inputs. The activation comes last, when neither of them is needed any more. */
#include "autotinyml.h"

void autotinyml_add(const struct autotinyml_add *layer, const float *first, const float *second,
                    float *output)
{
    for (int i = 0; i < layer->length; i++) {
        output[i] = first[i] + second[i];
    }
    layer->activation(output, layer->length);
}
