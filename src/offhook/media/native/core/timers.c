#include "timers.h"

#include <math.h>
#include <stdlib.h>

bool oh_timers_reserve(struct oh_timers *timers, size_t legs) {
    size_t wanted = legs * OH_TIMERS + 1;
    if (wanted <= timers->room)
        return true;
    wanted *= 2;
    struct oh_timer **grown = realloc(timers->heap, wanted * sizeof *grown);
    if (!grown)
        return false;
    timers->heap = grown;
    timers->room = wanted;
    return true;
}

static void put(struct oh_timers *timers, size_t place, struct oh_timer *timer) {
    timers->heap[place] = timer;
    timer->place = place;
}

/* Moves a timer from a hole at `place` to where it belongs. */
static void sift(struct oh_timers *timers, size_t place, struct oh_timer *timer) {
    while (place > 1 && timers->heap[place / 2]->at > timer->at) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    for (;;) {
        size_t child = 2 * place;
        if (child > timers->count)
            break;
        if (child < timers->count && timers->heap[child + 1]->at < timers->heap[child]->at)
            child++;
        if (timers->heap[child]->at >= timer->at)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

void oh_timers_set(struct oh_timers *timers, struct oh_timer *timer, double at) {
    timer->at = at;
    if (timer->place)
        sift(timers, timer->place, timer);
    else
        sift(timers, ++timers->count, timer);
}

void oh_timers_unset(struct oh_timers *timers, struct oh_timer *timer) {
    size_t place = timer->place;
    if (!place)
        return;
    struct oh_timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last != timer)
        sift(timers, place, last);
}

struct oh_timer *oh_timers_due(struct oh_timers *timers, double now) {
    if (!timers->count || timers->heap[1]->at > now)
        return NULL;
    struct oh_timer *first = timers->heap[1];
    oh_timers_unset(timers, first);
    return first;
}

double oh_timers_next(const struct oh_timers *timers) {
    return timers->count ? timers->heap[1]->at : INFINITY;
}
