#include "queue.h"

#include <stdlib.h>
#include <string.h>

void oh_queue_open(struct oh_queue *queue, size_t item_size, size_t most) {
    memset(queue, 0, sizeof *queue);
    pthread_mutex_init(&queue->lock, NULL);
    queue->item_size = item_size;
    queue->most = most;
}

void oh_queue_close(struct oh_queue *queue) {
    oh_batch_free(&queue->content);
    pthread_mutex_destroy(&queue->lock);
}

void oh_batch_free(struct oh_batch *batch) {
    free(batch->items);
    memset(batch, 0, sizeof *batch);
}

bool oh_batch_add(struct oh_batch *batch, const void *items, size_t count, size_t item_size) {
    if (batch->count + count > batch->room) {
        size_t room = batch->room ? batch->room : 16;
        while (room < batch->count + count)
            room *= 2;
        unsigned char *grown = realloc(batch->items, room * item_size);
        if (!grown)
            return false;
        batch->items = grown;
        batch->room = room;
    }
    memcpy(batch->items + batch->count * item_size, items, count * item_size);
    batch->count += count;
    return true;
}

static bool take_lock(struct oh_queue *queue, bool wait) {
    if (wait)
        return pthread_mutex_lock(&queue->lock) == 0;
    return pthread_mutex_trylock(&queue->lock) == 0;
}

enum oh_put oh_queue_put(struct oh_queue *queue, const void *items, size_t count, bool wait) {
    if (!take_lock(queue, wait))
        return OH_PUT_LOCKED;
    bool room = queue->content.count + count <= queue->most;
    bool put = room && oh_batch_add(&queue->content, items, count, queue->item_size);
    atomic_store(&queue->waiting, queue->content.count);
    pthread_mutex_unlock(&queue->lock);
    return put ? OH_PUT : OH_PUT_FULL;
}

bool oh_queue_swap(struct oh_queue *queue, struct oh_batch *batch, bool wait) {
    batch->count = 0;
    if (!atomic_load(&queue->waiting) || !take_lock(queue, wait))
        return false;
    struct oh_batch taken = queue->content;
    queue->content = *batch;
    *batch = taken;
    atomic_store(&queue->waiting, 0);
    pthread_mutex_unlock(&queue->lock);
    return batch->count > 0;
}
