#include "tones.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "g711.h"
#include "rtp.h"

#define RATE 8000.0
#define HOP 40
#define FRAMES_ON 4
#define FRAMES_OFF 10
#define MIN_LEVEL 300.0f
#define TOLERANCE 0.02
#define PURITY 0.92
#define PROMISE 0.4
#define LONGEST_GAP 800 /* samples (100 ms) of silence put in for lost packets */
#define TONE_PEAK 6500.0
#define TONE_PAUSE 480 /* samples of silence after a digit (Q.24: 40 ms) */

static const double frequency[OH_TONES] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static const char digit_of[4][5] = {"123A", "456B", "789C", "*0#D"};

static float window[OH_FRAME];
/* The filters of a frame in its window: a tone of amplitude A in the middle of one gives A. */
static float turn_re[OH_FRAME][OH_TONES], turn_im[OH_FRAME][OH_TONES];
static double energy_of_one; /* windowed energy of a tone of amplitude 1 */
static double hop_re[OH_TONES], hop_im[OH_TONES];
static double normal_twist, reverse_twist;

static void fill_tables(void) {
    double sum = 0, squares = 0;
    for (int n = 0; n < OH_FRAME; n++) {
        window[n] = (float)(0.5 - 0.5 * cos(2 * M_PI * (n + 0.5) / OH_FRAME));
        sum += window[n];
        squares += window[n] * window[n];
    }
    energy_of_one = squares / 2;
    for (int n = 0; n < OH_FRAME; n++) {
        for (int tone = 0; tone < OH_TONES; tone++) {
            double angle = -2 * M_PI * n * frequency[tone] / RATE;
            turn_re[n][tone] = (float)(cos(angle) * 2 / sum);
            turn_im[n][tone] = (float)(sin(angle) * 2 / sum);
        }
    }
    for (int tone = 0; tone < OH_TONES; tone++) {
        double angle = -2 * M_PI * frequency[tone] * HOP / RATE;
        hop_re[tone] = cos(angle);
        hop_im[tone] = sin(angle);
    }
    normal_twist = pow(10, 9.5 / 10);
    reverse_twist = pow(10, 5.5 / 10);
}

void oh_tones_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    oh_g711_init();
    pthread_once(&once, fill_tables);
}

void oh_detector_init(struct oh_detector *detector) { memset(detector, 0, sizeof *detector); }

/* The frame in its window through all filters; returns its energy. */
static float analyse(const float *samples, struct oh_spectrum *spectrum) {
    float re[OH_TONES] = {0}, im[OH_TONES] = {0}, energy = 0;
    for (int n = 0; n < OH_FRAME; n++) {
        float sample = samples[n] * window[n];
        energy += sample * sample;
        for (int tone = 0; tone < OH_TONES; tone++) {
            re[tone] += sample * turn_re[n][tone];
            im[tone] += sample * turn_im[n][tone];
        }
    }
    memcpy(spectrum->re, re, sizeof re);
    memcpy(spectrum->im, im, sizeof im);
    return energy;
}

static float power_at(const struct oh_spectrum *spectrum, int tone) {
    return spectrum->re[tone] * spectrum->re[tone] + spectrum->im[tone] * spectrum->im[tone];
}

/* The strongest of four filters. */
static int strongest(const struct oh_spectrum *spectrum, int first) {
    int best = first;
    for (int tone = first + 1; tone < first + 4; tone++)
        if (power_at(spectrum, tone) > power_at(spectrum, best))
            best = tone;
    return best;
}

/* Whether two of the frequencies make up much of the last 20 ms; a key always does. */
static bool promising(const float *samples, int count) {
    struct oh_spectrum spectrum;
    double energy = analyse(samples + count - OH_FRAME, &spectrum);
    if (energy < energy_of_one * MIN_LEVEL * MIN_LEVEL)
        return false;
    double held = power_at(&spectrum, strongest(&spectrum, 0));
    held += power_at(&spectrum, strongest(&spectrum, 4));
    return held * energy_of_one > PROMISE * energy;
}

/* What a filter makes of the level of a tone that is `hertz` away (Hann window). */
static double response(double hertz) {
    double bins = hertz * OH_FRAME / RATE;
    if (fabs(bins) < 1e-6)
        return 1.0;
    return sin(M_PI * bins) / (M_PI * bins * (1 - bins * bins));
}

/* Squared amplitude of the tone in a filter; below 0 when it is off frequency. */
static double tone_power(const struct oh_spectrum *here, const struct oh_spectrum *before, int tone) {
    double re = (double)here->re[tone] * before->re[tone] + (double)here->im[tone] * before->im[tone];
    double im = (double)here->im[tone] * before->re[tone] - (double)here->re[tone] * before->im[tone];
    double turned_re = re * hop_re[tone] - im * hop_im[tone];
    double turned_im = re * hop_im[tone] + im * hop_re[tone];
    if (turned_re == 0 && turned_im == 0)
        return -1;
    double hertz = atan2(turned_im, turned_re) * (RATE / (2 * M_PI * HOP));
    if (fabs(hertz) > TOLERANCE * frequency[tone])
        return -1;
    double level = response(hertz);
    return power_at(here, tone) / (level * level);
}

/* The key that one frame indicates; 0: none. */
static char judge(const struct oh_spectrum *here, const struct oh_spectrum *before, double energy) {
    int low = strongest(here, 0), high = strongest(here, 4);
    float least = (MIN_LEVEL / 2) * (MIN_LEVEL / 2);
    if (power_at(here, low) < least || power_at(here, high) < least)
        return 0;
    double power_low = tone_power(here, before, low);
    double power_high = tone_power(here, before, high);
    if (power_low < (double)MIN_LEVEL * MIN_LEVEL || power_high < (double)MIN_LEVEL * MIN_LEVEL)
        return 0;
    if (power_low > power_high * normal_twist || power_high > power_low * reverse_twist)
        return 0;
    if ((power_low + power_high) * energy_of_one < PURITY * energy)
        return 0;
    return digit_of[low][high - 4];
}

/* Evaluates one frame; returns a key when it is now certain. */
static char frame(struct oh_detector *detector, char key) {
    if (key && key == detector->candidate) {
        detector->frames++;
    } else {
        detector->candidate = key;
        detector->frames = 1;
    }
    if (key && key == detector->pressed) {
        detector->frames_without = 0;
        return 0;
    }
    detector->frames_without++;
    if (key && detector->frames >= FRAMES_ON) {
        detector->pressed = key;
        detector->frames_without = 0;
        return key;
    }
    if (detector->frames_without >= FRAMES_OFF)
        detector->pressed = 0;
    return 0;
}

static void keep_tail(struct oh_detector *detector, const float *samples, int count) {
    memcpy(detector->tail, samples, sizeof *samples * (size_t)count);
    detector->tail_size = count;
}

int oh_detector_feed(struct oh_detector *detector, const float *samples, int count, char *keys,
                     int most) {
    float all[OH_LOOK_BACK + OH_MOST_SAMPLES];
    int found = 0, total = detector->tail_size + count;
    memcpy(all, detector->tail, sizeof *all * (size_t)detector->tail_size);
    memcpy(all + detector->tail_size, samples, sizeof *all * (size_t)count);
    if (total < OH_FRAME) {
        keep_tail(detector, all, total);
        return 0;
    }
    bool idle = !detector->pressed && !detector->candidate;
    if (idle && total <= OH_LOOK_BACK + OH_FRAME && !promising(all, total)) {
        int kept = total < OH_LOOK_BACK ? total : OH_LOOK_BACK;
        keep_tail(detector, all + total - kept, kept);
        memset(&detector->before, 0, sizeof detector->before);
        return 0;
    }
    int at = 0;
    for (; at + OH_FRAME <= total; at += HOP) {
        struct oh_spectrum here;
        double energy = analyse(all + at, &here);
        char key = frame(detector, judge(&here, &detector->before, energy));
        if (key && found < most)
            keys[found++] = key;
        detector->before = here;
    }
    keep_tail(detector, all + at, total - at);
    return found;
}

void oh_inband_init(struct oh_inband *inband) { memset(inband, 0, sizeof *inband); }

int oh_inband_packet(struct oh_inband *inband, enum oh_codec codec, uint32_t ssrc, uint32_t timestamp,
                     const uint8_t *payload, size_t size, char *keys, int most) {
    float samples[OH_MOST_SAMPLES] = {0};
    int32_t gap = oh_timestamp_distance(timestamp, inband->next);
    if (!inband->started || ssrc != inband->source || gap < -LONGEST_GAP || gap > LONGEST_GAP) {
        oh_detector_init(&inband->detector);
        inband->started = true;
        inband->source = ssrc;
    } else if (gap < 0) {
        return 0;
    } else if (gap) {
        /* Silence cannot complete a press. */
        oh_detector_feed(&inband->detector, samples, gap, keys, 0);
    }
    if (size > OH_MOST_SAMPLES)
        size = OH_MOST_SAMPLES;
    inband->next = timestamp + (uint32_t)size;
    for (size_t at = 0; at < size; at++)
        samples[at] = oh_g711_levels[codec][payload[at]];
    return oh_detector_feed(&inband->detector, samples, (int)size, keys, most);
}

static double tone_samples(double duration) {
    if (!(duration > 0.05))
        duration = 0.05;
    return rint((duration < 5 ? duration : 5) * RATE);
}

size_t oh_tone_size(double duration) { return (size_t)tone_samples(duration) + TONE_PAUSE; }

bool oh_tone_write(char digit, double duration, enum oh_codec codec, uint8_t *octets) {
    for (int row = 0; row < 4; row++) {
        const char *at = digit ? strchr(digit_of[row], digit) : NULL;
        if (!at)
            continue;
        double high = frequency[4 + (at - digit_of[row])];
        size_t tone = (size_t)tone_samples(duration);
        for (size_t n = 0; n < tone; n++) {
            double time = (double)n * (2 * M_PI / RATE);
            double both = sin(time * frequency[row]) + sin(time * high);
            octets[n] = oh_g711_encode(codec, (int16_t)(both * TONE_PEAK));
        }
        memset(octets + tone, oh_silence_octet[codec], TONE_PAUSE);
        return true;
    }
    return false;
}
