#include "playout.h"

#include <stdlib.h>
#include <string.h>

#include "g711.h"

void oh_queue_init(struct oh_play_queue *queue, oh_playback_listener *listener, void *leg) {
    memset(queue, 0, sizeof *queue);
    queue->listener = listener;
    queue->leg = leg;
    queue->packet = OH_PACKET;
}

static void tell(struct oh_play_queue *queue, const struct oh_playback *playback,
                 enum oh_event_kind what, bool stopped) {
    if (playback->number)
        queue->listener(queue->leg, playback->number, what, stopped);
}

static void discard(struct oh_playback *playback) {
    oh_sound_drop(playback->sound);
    free(playback);
}

void oh_queue_add(struct oh_play_queue *queue, struct oh_playback *playback) {
    playback->next = NULL;
    if (!playback->sound->size)
        playback->passes_left = 0;
    if (queue->last)
        queue->last->next = playback;
    else
        queue->first = playback;
    queue->last = playback;
    queue->waiting++;
}

static void rewind_queue(struct oh_play_queue *queue) { queue->position = queue->silence_left = 0; }

/* The first playback is over. */
static void end_first(struct oh_play_queue *queue) {
    struct oh_playback *first = queue->first;
    tell(queue, first, OH_PLAYBACK_ENDED, false);
    queue->first = first->next;
    if (!queue->first)
        queue->last = NULL;
    queue->waiting--;
    rewind_queue(queue);
    discard(first);
}

/* Copies at most `room` octets of a pass or of the pause after it; 0 at the very end. */
static size_t next_part(struct oh_play_queue *queue, uint8_t *into, size_t room) {
    struct oh_playback *playback = queue->first;
    if (queue->silence_left) {
        size_t part = room < queue->silence_left ? room : queue->silence_left;
        memset(into, oh_silence_octet[queue->law], part);
        queue->silence_left -= part;
        return part;
    }
    if (!playback->passes_left)
        return 0;
    size_t left = playback->sound->size - queue->position;
    size_t part = room < left ? room : left;
    memcpy(into, playback->sound->law[queue->law] + queue->position, part);
    queue->position += part;
    if (queue->position >= playback->sound->size) {
        playback->passes_left--;
        queue->position = 0;
        queue->silence_left = playback->passes_left ? playback->pause_octets : 0;
    }
    return part;
}

static void begin(struct oh_play_queue *queue, struct oh_playback *playback) {
    if (playback->started)
        return;
    playback->started = true;
    tell(queue, playback, OH_PLAYBACK_STARTED, false);
}

/* A packet of a sound from `position` on, which it has. */
static struct oh_part whole_part(const oh_sound *sound, size_t position, const struct oh_play_queue *queue) {
    struct oh_part part = {sound->law[queue->law] + position, {NULL, 0, queue->packet}};
    if (queue->codec == OH_G722 && sound->g722) {
        part.coded.octets = sound->g722 + position;
        part.coded.size = queue->packet;
    } else if (queue->codec == OH_OPUS && sound->opus && position % OH_PACKET == 0) {
        const uint8_t *slot = sound->opus + position;
        size_t size = (size_t)slot[0] << 8 | slot[1];
        part.coded.octets = slot + OH_SLOT_LENGTH;
        part.coded.size = size <= OH_PACKET - OH_SLOT_LENGTH ? size : 0;
    }
    return part;
}

/* Builds a packet at the beginning or end of a playback or pass, possibly from several parts. */
static struct oh_part assemble(struct oh_play_queue *queue) {
    size_t filled = 0;
    while (filled < queue->packet && queue->first) {
        struct oh_playback *playback = queue->first;
        if (filled && !playback->started && queue->codec == OH_OPUS && playback->sound->opus)
            break; /* its packets of 20 ms cannot begin in the middle of ours */
        begin(queue, playback);
        size_t part = next_part(queue, queue->assembled + filled, queue->packet - filled);
        if (!part)
            end_first(queue);
        filled += part;
    }
    /* A playback ends with the packet that has its last octet, not with the next one. */
    while (queue->first && queue->first->started && !queue->first->passes_left &&
           !queue->silence_left)
        end_first(queue);
    struct oh_part part = {filled ? queue->assembled : NULL, {NULL, 0, 0}};
    memset(queue->assembled + filled, oh_silence_octet[queue->law], queue->packet - filled);
    return part;
}

struct oh_part oh_queue_take(struct oh_play_queue *queue) {
    struct oh_playback *first = queue->first;
    if (!first)
        return (struct oh_part){NULL, {NULL, 0, 0}};
    if (first->passes_left && !queue->silence_left && queue->position + queue->packet < first->sound->size) {
        begin(queue, first);
        queue->position += queue->packet;
        return whole_part(first->sound, queue->position - queue->packet, queue);
    }
    return assemble(queue);
}

void oh_queue_remove(struct oh_play_queue *queue, uint32_t number) {
    struct oh_playback **link = &queue->first, *kept = NULL;
    while (*link) {
        struct oh_playback *playback = *link;
        if (number && playback->number != number) {
            kept = playback;
            link = &playback->next;
            continue;
        }
        if (playback == queue->first)
            rewind_queue(queue);
        *link = playback->next;
        queue->waiting--;
        tell(queue, playback, OH_PLAYBACK_ENDED, true);
        discard(playback);
    }
    queue->last = kept;
}

void oh_repeated_set(struct oh_repeated *repeated, oh_sound *sound, size_t pause) {
    if (sound && !sound->size)
        sound = NULL;
    if (sound)
        oh_sound_use(sound);
    if (repeated->sound)
        oh_sound_drop(repeated->sound);
    repeated->sound = sound;
    repeated->pause = pause;
    repeated->position = 0;
}

struct oh_part oh_repeated_take(struct oh_repeated *repeated, const struct oh_play_queue *queue) {
    size_t begin = repeated->position, end = begin + queue->packet, size = repeated->sound->size;
    repeated->position = end < size + repeated->pause ? end : 0;
    if (end <= size)
        return whole_part(repeated->sound, begin, queue);
    size_t part = begin < size ? size - begin : 0;
    if (part)
        memcpy(repeated->assembled, repeated->sound->law[queue->law] + begin, part);
    memset(repeated->assembled + part, oh_silence_octet[queue->law], queue->packet - part);
    return (struct oh_part){repeated->assembled, {NULL, 0, 0}};
}
