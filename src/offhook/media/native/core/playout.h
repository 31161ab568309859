/* The play queue of a leg: playbacks are cut into packets without a gap between them.
 *
 * The theory of operation is in media/playout.py. Sounds are counted in the pacing thread only. */
#ifndef OH_PLAYOUT_H
#define OH_PLAYOUT_H

#include "oh_media.h"

/* A piece of audio as it is sent. */
struct oh_coded {
    const uint8_t *octets;
    size_t size, samples; /* samples at 8,000 a second */
};

/* What one packet holds of a sound. */
struct oh_part {
    const uint8_t *law;    /* as many octets as the queue's packets have; NULL: there is nothing */
    struct oh_coded coded; /* the same in the codec of the wire, where it is ready; else size 0 */
};

struct oh_sound {
    oh_engine *engine;
    const uint8_t *law[OH_LAWS];
    size_t size;
    const uint8_t *g722;  /* NULL: not ready */
    const uint8_t *opus;
    void *owner;       /* NULL: the octets belong to the sound itself */
    uint8_t *own;      /* freed with the sound */
    uint32_t uses;     /* playbacks, and one for the caller's handle */
};

struct oh_playback {
    struct oh_playback *next;
    oh_sound *sound;
    uint32_t number;   /* 0: the engine's own; no events are sent for it */
    uint32_t passes_left, pause_octets;
    bool started;
};

/* Told when a playback began or ended. */
typedef void oh_playback_listener(void *leg, uint32_t number, enum oh_event_kind what, bool stopped);

struct oh_play_queue {
    struct oh_playback *first, *last;
    int waiting;
    enum oh_codec law, codec; /* of what is assembled, and of the wire */
    size_t packet;                /* octets of G.711 in a packet; of Opus always OH_PACKET */
    size_t position, silence_left;
    oh_playback_listener *listener;
    void *leg;
    uint8_t assembled[OH_MOST_PACKET];
};

/* A sound that repeats without end, with silence between. */
struct oh_repeated {
    oh_sound *sound; /* NULL: none */
    size_t pause, position;
    uint8_t assembled[OH_MOST_PACKET];
};

void oh_sound_use(oh_sound *sound);
/* One use less; the last frees the sound. */
void oh_sound_drop(oh_sound *sound);

void oh_queue_init(struct oh_play_queue *queue, oh_playback_listener *listener, void *leg);
/* Takes the playback over. */
void oh_queue_add(struct oh_play_queue *queue, struct oh_playback *playback);
/* The next packet, valid until the next call. */
struct oh_part oh_queue_take(struct oh_play_queue *queue);
/* Drops one playback, or all (0). */
void oh_queue_remove(struct oh_play_queue *queue, uint32_t number);

void oh_repeated_set(struct oh_repeated *repeated, oh_sound *sound, size_t pause);
/* `queue` tells codec and length. */
struct oh_part oh_repeated_take(struct oh_repeated *repeated, const struct oh_play_queue *queue);


#endif
