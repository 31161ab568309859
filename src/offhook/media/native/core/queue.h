/* A queue between threads: the commands to the pacing thread, and its events.
 *
 * Items are copied in under a lock that is held for a copy only; the taker swaps the whole content with an
 * empty buffer of its own. The pacing thread uses the forms that do not wait for the lock. */
#ifndef OH_QUEUE_H
#define OH_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct oh_batch {
    unsigned char *items;
    size_t count, room;
};

struct oh_queue {
    pthread_mutex_t lock;
    size_t item_size, most;
    struct oh_batch content;
    atomic_size_t waiting; /* a hint, without the lock */
};

void oh_queue_open(struct oh_queue *queue, size_t item_size, size_t most);
void oh_queue_close(struct oh_queue *queue);

enum oh_put { OH_PUT, OH_PUT_LOCKED, OH_PUT_FULL };

/* wait: whether to wait for the lock; without it OH_PUT_LOCKED is possible. All items or none. */
enum oh_put oh_queue_put(struct oh_queue *queue, const void *items, size_t count, bool wait);
/* Swaps the content with `batch`, whose items are done with; false when there are none, or when the lock is
 * taken and `wait` is false. */
bool oh_queue_swap(struct oh_queue *queue, struct oh_batch *batch, bool wait);
/* Appends an item; false when there is no memory. */
bool oh_batch_add(struct oh_batch *batch, const void *items, size_t count, size_t item_size);
void oh_batch_free(struct oh_batch *batch);

#endif
