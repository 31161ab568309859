/* DTMF digits as tones in the audio (ITU-T Q.23), for legs without telephone-event.
 *
 * The theory of operation is in media/tones.py; the algorithm and its limits are the same. */
#ifndef OH_TONES_H
#define OH_TONES_H

#include "oh_media.h"

#define OH_FRAME 160
#define OH_LOOK_BACK (2 * OH_FRAME)
#define OH_MOST_SAMPLES 2048 /* fed at once */
#define OH_TONES 8

struct oh_spectrum {
    float re[OH_TONES], im[OH_TONES];
};

/* Finds keys in one stream of 8 kHz samples, each press once, when it has lasted 40 ms. */
struct oh_detector {
    float tail[OH_LOOK_BACK];
    int tail_size;
    struct oh_spectrum before;
    char candidate, pressed; /* 0: none */
    int frames, frames_without;
};

/* The same for the payloads of one leg: gaps are silence, another source begins anew. */
struct oh_inband {
    struct oh_detector detector;
    bool started;
    uint32_t source, next;
};

void oh_tones_init(void);
void oh_detector_init(struct oh_detector *detector);
/* Writes the keys that these samples (16-bit range) confirm to `keys`, at most `most`; returns how many. */
int oh_detector_feed(struct oh_detector *detector, const float *samples, int count, char *keys,
                     int most);
void oh_inband_init(struct oh_inband *inband);
int oh_inband_packet(struct oh_inband *inband, enum oh_codec codec, uint32_t ssrc, uint32_t timestamp,
                     const uint8_t *payload, size_t size, char *keys, int most);

/* Samples of the tones of one press with the pause behind; `duration` is clamped to 0.05..5 s. */
size_t oh_tone_size(double duration);
/* Writes them as octets of a law; false for an invalid digit. */
bool oh_tone_write(char digit, double duration, enum oh_codec codec, uint8_t *octets);

#endif
