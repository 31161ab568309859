/* The filter is a sinc of half the band under a Kaiser window: flat to 3.4 kHz, 60 dB down from 4.6 kHz. Its
 * taps stand at the odd distances from the middle, where the tap is 1/2. So of two samples that it makes one
 * is a delayed input sample, and only the other costs work. */
#include "halfband.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define KAISER_BETA 5.65 /* 60 dB */
#define MIDDLE (OH_HALF_TAPS / 2)

static float taps[OH_HALF_TAPS];

/* The modified Bessel function of order zero. */
static double bessel(double x) {
    double sum = 1, term = 1;
    for (int k = 1; k < 40; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

static void fill_taps(void) {
    double sum = 0, exact[OH_HALF_TAPS];
    for (int at = 0; at < OH_HALF_TAPS; at++) {
        double distance = 2 * at - (OH_HALF_TAPS - 1); /* from the middle, in samples at 16,000 */
        double part = distance / OH_HALF_TAPS;
        exact[at] = sin(M_PI * distance / 2) / (M_PI * distance) *
                    bessel(KAISER_BETA * sqrt(1 - part * part)) / bessel(KAISER_BETA);
        sum += exact[at];
    }
    for (int at = 0; at < OH_HALF_TAPS; at++)
        taps[at] = (float)(exact[at] / (2 * sum)); /* half of the whole, as the tap in the middle */
}

void oh_halfband_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_taps);
}

static int16_t sample_of(float value) {
    if (value > 32767.0f)
        return 32767;
    return value < -32768.0f ? -32768 : (int16_t)lrintf(value);
}

static float filtered(const float *samples) {
    float sum = 0;
    for (int at = 0; at < OH_HALF_TAPS; at++)
        sum += samples[at] * taps[at];
    return sum;
}

void oh_halfband_up(struct oh_halfband *state, const int16_t *narrow, size_t count, int16_t *wide) {
    float samples[OH_HALF_TAPS + OH_HALF_MOST];
    memcpy(samples, state->even, sizeof state->even);
    for (size_t at = 0; at < count; at++)
        samples[OH_HALF_TAPS + at] = narrow[at];
    for (size_t at = 0; at < count; at++) {
        wide[2 * at] = sample_of(2 * filtered(samples + at + 1));
        wide[2 * at + 1] = sample_of(samples[at + 1 + MIDDLE]);
    }
    memcpy(state->even, samples + count, sizeof state->even);
}

void oh_halfband_down(struct oh_halfband *state, const int16_t *wide, size_t count, int16_t *narrow) {
    float even[OH_HALF_TAPS + OH_HALF_MOST], odd[OH_HALF_TAPS + OH_HALF_MOST];
    memcpy(even, state->even, sizeof state->even);
    memcpy(odd, state->odd, sizeof state->odd);
    for (size_t at = 0; at < count; at++) {
        even[OH_HALF_TAPS + at] = wide[2 * at];
        odd[OH_HALF_TAPS + at] = wide[2 * at + 1];
    }
    for (size_t at = 0; at < count; at++)
        narrow[at] = sample_of(filtered(even + at + 1) + odd[at + MIDDLE] / 2);
    memcpy(state->even, even + count, sizeof state->even);
    memcpy(state->odd, odd + count, sizeof state->odd);
}
