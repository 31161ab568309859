/* The timers of all legs: a heap by time, each timer in it at most once. */
#ifndef OH_TIMERS_H
#define OH_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oh_timer_kind { OH_TIMER_RTCP, OH_TIMER_SILENCE, OH_TIMER_MEDIA, OH_TIMERS };

struct oh_timer {
    double at;
    size_t place; /* in the heap, from 1; 0: not set */
    void *leg;
    enum oh_timer_kind kind;
};

struct oh_timers {
    struct oh_timer **heap; /* from 1 */
    size_t count, room;
};

/* Makes room for the timers of one leg more; false when there is no memory. */
bool oh_timers_reserve(struct oh_timers *timers, size_t legs);
void oh_timers_set(struct oh_timers *timers, struct oh_timer *timer, double at);
void oh_timers_unset(struct oh_timers *timers, struct oh_timer *timer);
/* The first that is due at `now`, no longer set; NULL: none. */
struct oh_timer *oh_timers_due(struct oh_timers *timers, double now);
/* The time of the first; infinity when there is none. */
double oh_timers_next(const struct oh_timers *timers);

#endif
