/* One inference on an example input. Put your sensor's samples in its place. */
#include "example.h"
#include "network.h"

static float input[NETWORK_INPUT_LENGTH] = NETWORK_EXAMPLE;
static float output[NETWORK_OUTPUT_LENGTH];

#ifdef SEMIHOSTING
#include "semihosting.h"

/* Under the emulator or a debugger: the answer appears there, and the program ends. */
static void report(const char *answer)
{
    semihosting_print(answer);
    semihosting_print("\n");
    semihosting_exit(0);
}
#else
/* Send the answer where you need it, over a UART for instance. */
static void report(const char *answer)
{
    static const char *volatile last_answer;
    last_answer = answer;
    (void)last_answer;
}
#endif

int main(void)
{
    network_prepare(input);
    network_run(input, output);

    int best = 0;
    for (int i = 1; i < NETWORK_OUTPUT_LENGTH; i++) {
        best = output[i] > output[best] ? i : best;
    }
    report(network_classes[best]);

    for (;;) {
    }
}
