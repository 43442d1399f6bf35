/* Runs the network on this computer: `host INPUTS OUTPUTS`, files of floats, one input after the
 * other. */
#include "network.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static float input[NETWORK_INPUT_LENGTH];
    static float output[NETWORK_OUTPUT_LENGTH];
    if (argc != 3) {
        fprintf(stderr, "usage: %s INPUTS OUTPUTS\n", argv[0]);
        return 2;
    }
    FILE *inputs = fopen(argv[1], "rb");
    FILE *outputs = fopen(argv[2], "wb");
    if (inputs == NULL || outputs == NULL) {
        perror(inputs == NULL ? argv[1] : argv[2]);
        return 1;
    }
    while (fread(input, sizeof input, 1, inputs) == 1) {
        network_prepare(input);
        network_run(input, output);
        if (fwrite(output, sizeof output, 1, outputs) != 1) {
            perror(argv[2]);
            return 1;
        }
    }
    fclose(inputs);
    return fclose(outputs) == 0 ? 0 : 1;
}
