/* The frames of a leg for a recording: the pacing thread adds them, another thread takes them.
 *
 * What a frame is says media/tap_frames.py. They lie in chunks, a list with the oldest first: the adder makes a
 * chunk when the last one is full, the taker frees those that it has taken whole. Frames that find no room are
 * dropped and counted. */
#ifndef OH_TAP_H
#define OH_TAP_H

#include <pthread.h>
#include <stdatomic.h>

#include "oh_media.h"

enum oh_frame_kind { OH_FRAME_END = 0, OH_FRAME_RECEIVED = 1, OH_FRAME_SENT = 2 };

#define OH_FRAME_HEADER 20
#define OH_MOST_FRAMES 6000 /* a minute of both directions */

struct oh_chunk;

struct oh_tap {
    struct oh_chunk *newest;            /* of the adder */
    pthread_mutex_t takers;
    struct oh_chunk *oldest;            /* of the taker */
    size_t taken;                       /* octets of it */
    atomic_size_t frames, chunks, dropped;
};

struct oh_tap *oh_tap_new(void);
void oh_tap_free(struct oh_tap *tap);
void oh_tap_put(struct oh_tap *tap, enum oh_frame_kind kind, uint8_t type, uint32_t ssrc,
                uint32_t timestamp, double at, const uint8_t *payload, size_t size);
/* Whole frames, oldest first, as many as find room; returns the octets copied. */
size_t oh_tap_take(struct oh_tap *tap, uint8_t *into, size_t room);

#endif
