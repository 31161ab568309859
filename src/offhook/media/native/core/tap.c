#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 16384
#define MOST_CHUNKS 128
#define LONGEST 4096 /* octets of a payload */

struct oh_chunk {
    _Atomic(struct oh_chunk *) next;
    atomic_size_t filled;
    uint8_t octets[CHUNK];
};

static struct oh_chunk *new_chunk(void) {
    struct oh_chunk *chunk = malloc(sizeof *chunk);
    if (chunk) {
        atomic_init(&chunk->next, NULL);
        atomic_init(&chunk->filled, 0);
    }
    return chunk;
}

struct oh_tap *oh_tap_new(void) {
    struct oh_tap *tap = calloc(1, sizeof *tap);
    if (!tap)
        return NULL;
    tap->newest = tap->oldest = new_chunk();
    if (!tap->newest) {
        free(tap);
        return NULL;
    }
    atomic_init(&tap->chunks, 1);
    pthread_mutex_init(&tap->takers, NULL);
    return tap;
}

void oh_tap_free(struct oh_tap *tap) {
    struct oh_chunk *chunk = tap ? tap->oldest : NULL;
    while (chunk) {
        struct oh_chunk *next = atomic_load(&chunk->next);
        free(chunk);
        chunk = next;
    }
    if (tap)
        pthread_mutex_destroy(&tap->takers);
    free(tap);
}

/* The chunk in which so many octets find room; NULL: none does. */
static struct oh_chunk *with_room(struct oh_tap *tap, size_t size) {
    struct oh_chunk *newest = tap->newest;
    if (atomic_load_explicit(&newest->filled, memory_order_relaxed) + size <= CHUNK)
        return newest;
    if (atomic_load(&tap->chunks) >= MOST_CHUNKS)
        return NULL;
    struct oh_chunk *chunk = new_chunk();
    if (!chunk)
        return NULL;
    atomic_fetch_add(&tap->chunks, 1);
    tap->newest = chunk;
    atomic_store_explicit(&newest->next, chunk, memory_order_release);
    return chunk;
}

static uint8_t *put_little(uint8_t *at, uint64_t value, int octets) {
    for (int octet = 0; octet < octets; octet++)
        *at++ = (uint8_t)(value >> 8 * octet);
    return at;
}

void oh_tap_put(struct oh_tap *tap, enum oh_frame_kind kind, uint8_t type, uint32_t ssrc,
                uint32_t timestamp, double at, const uint8_t *payload, size_t size) {
    bool room = size <= LONGEST && (kind == OH_FRAME_END || atomic_load(&tap->frames) < OH_MOST_FRAMES);
    struct oh_chunk *chunk = room ? with_room(tap, OH_FRAME_HEADER + size) : NULL;
    if (!chunk) {
        atomic_fetch_add(&tap->dropped, 1);
        return;
    }
    size_t filled = atomic_load_explicit(&chunk->filled, memory_order_relaxed);
    uint8_t *next = chunk->octets + filled;
    *next++ = (uint8_t)kind;
    *next++ = type;
    next = put_little(next, size, 2);
    next = put_little(next, ssrc, 4);
    next = put_little(next, timestamp, 4);
    next = put_little(next, (uint64_t)(at * 1e6), 8);
    if (size)
        memcpy(next, payload, size);
    atomic_fetch_add(&tap->frames, 1);
    atomic_store_explicit(&chunk->filled, filled + OH_FRAME_HEADER + size, memory_order_release);
}

/* Frees the oldest chunk when it was taken whole and another follows; false: it stays. */
static bool next_chunk(struct oh_tap *tap) {
    struct oh_chunk *oldest = tap->oldest;
    struct oh_chunk *next = atomic_load_explicit(&oldest->next, memory_order_acquire);
    if (!next || tap->taken < atomic_load_explicit(&oldest->filled, memory_order_acquire))
        return false;
    tap->oldest = next;
    tap->taken = 0;
    free(oldest);
    atomic_fetch_sub(&tap->chunks, 1);
    return true;
}

size_t oh_tap_take(struct oh_tap *tap, uint8_t *into, size_t room) {
    size_t copied = 0;
    pthread_mutex_lock(&tap->takers);
    do {
        size_t filled = atomic_load_explicit(&tap->oldest->filled, memory_order_acquire);
        while (tap->taken < filled) {
            const uint8_t *frame = tap->oldest->octets + tap->taken;
            size_t size = OH_FRAME_HEADER + (frame[2] | (size_t)frame[3] << 8);
            if (copied + size > room)
                break;
            memcpy(into + copied, frame, size);
            copied += size;
            tap->taken += size;
            atomic_fetch_sub(&tap->frames, 1);
        }
    } while (next_chunk(tap));
    pthread_mutex_unlock(&tap->takers);
    return copied;
}
