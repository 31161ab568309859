/* The pacing thread.
 *
 * Theory of operation. Time is divided into ticks of 5 ms, counted from the start. A leg that sends does so
 * every fourth tick, so the legs that send are spread over four slots; a fifth has those whose peer wants packets
 * of another length than 20 ms, each with the tick of its next packet. In a pass the thread carries out the
 * commands, sends what the due tick asks for, runs timers, reads every socket that has something, and hands
 * the events of the whole pass over with one signal. With few legs it waits for packets too, so that they are
 * handled as they arrive; with many it sleeps from tick to tick, or for 1 ms while legs are bridged, and handles
 * them in batches. Late ticks are
 * made up for in order; after a standstill of more than 200 ms they are skipped, and the legs begin a new
 * talkspurt. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

#define EAGER_LEGS 8     /* up to this number of legs, each packet wakes the thread */
#define MOST_LATE 40     /* ticks made up for after a standstill */
#define SLOT_SLACK 4     /* legs by which a slot may exceed its share before a leg waits for the next tick */
#define READY 256        /* sockets asked for at once */
#define RELAY_EVERY 0.001 /* seconds between two looks at the sockets while legs are bridged */
#define RETRY 0.001      /* seconds until events are posted again that found the queue locked */
#define NICE (-10)       /* of the thread, where the system allows it */

/* The clock. */

double oh_engine_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double oh_engine_now(const oh_engine *engine) { return engine->now; }

double oh_engine_tick_at(const oh_engine *engine, double at) { return (at - engine->began) / OH_TICK; }

double oh_engine_time_of(const oh_engine *engine, int64_t tick) {
    return engine->began + (double)tick * OH_TICK;
}

/* Scheduling. */

static bool sending(const oh_engine *engine) {
    for (int slot = 0; slot < OH_SLOTS; slot++)
        if (engine->slot[slot].count)
            return true;
    return false;
}

static bool add_to_slot(struct oh_slot *slot, oh_leg *leg) {
    if (slot->count == slot->room) {
        size_t room = slot->room ? 2 * slot->room : 16;
        oh_leg **grown = realloc(slot->leg, room * sizeof *grown);
        if (!grown)
            return false;
        slot->leg = grown;
        slot->room = room;
    }
    slot->leg[slot->count++] = leg;
    return true;
}

/* The first tick from `first` on whose slot has room. */
static int64_t tick_with_room(const oh_engine *engine, int64_t first) {
    size_t all = 0;
    for (int slot = 0; slot < OH_TICKS_PER_PACKET; slot++)
        all += engine->slot[slot].count;
    for (int64_t tick = first; tick < first + OH_TICKS_PER_PACKET; tick++)
        if (engine->slot[tick % OH_TICKS_PER_PACKET].count < all / OH_TICKS_PER_PACKET + SLOT_SLACK)
            return tick;
    return first;
}

void oh_engine_schedule(oh_engine *engine, oh_leg *leg) {
    struct oh_sender *sender = &leg->sender;
    if (sender->scheduled || !oh_sender_has_work(sender))
        return;
    /* While late ticks are processed, a new leg begins with the first tick that is not late. */
    int64_t soon = (int64_t)oh_engine_tick_at(engine, oh_engine_clock()) + 1;
    if (!sending(engine) && engine->tick < soon)
        engine->tick = soon;
    int64_t tick = engine->tick > soon ? engine->tick : soon;
    int slot = OH_UNUSUAL;
    if (sender->ticks == OH_TICKS_PER_PACKET) {
        tick = tick_with_room(engine, tick);
        slot = (int)(tick % OH_TICKS_PER_PACKET);
    }
    if (!add_to_slot(&engine->slot[slot], leg)) {
        oh_leg_fail(leg);
        return;
    }
    sender->slot = (uint8_t)slot;
    sender->not_before = sender->due = tick;
    sender->scheduled = true;
}

/* When the next tick with a leg that sends is due. */
static double next_tick_at(const oh_engine *engine) {
    const struct oh_slot *unusual = &engine->slot[OH_UNUSUAL];
    int64_t tick = engine->tick, last = tick + OH_TICKS_PER_PACKET;
    while (!engine->slot[tick % OH_TICKS_PER_PACKET].count && tick < last)
        tick++;
    if (tick == last) /* no leg has packets of 20 ms */
        tick = INT64_MAX;
    for (size_t at = 0; at < unusual->count; at++)
        if (unusual->leg[at]->sender.due < tick)
            tick = unusual->leg[at]->sender.due;
    return oh_engine_time_of(engine, tick);
}

/* Lets those legs of a slot send that are due. */
static void transmit(struct oh_slot *slot, int64_t tick) {
    size_t kept = 0;
    for (size_t at = 0; at < slot->count; at++) {
        oh_leg *leg = slot->leg[at];
        bool waits = leg->sender.ticks != OH_TICKS_PER_PACKET && leg->sender.due > tick;
        if (waits || (leg->sender.connected && oh_sender_transmit(leg, tick)))
            slot->leg[kept++] = leg;
        else
            leg->sender.scheduled = false;
    }
    slot->count = kept;
}

/* Ticks are skipped: the next packet of each leg begins a talkspurt. */
static void skip_ticks(oh_engine *engine, int64_t ticks) {
    engine->tick += ticks;
    for (int slot = 0; slot < OH_SLOTS; slot++)
        for (size_t at = 0; at < engine->slot[slot].count; at++)
            engine->slot[slot].leg[at]->sender.running = false;
}

static void run_ticks(oh_engine *engine) {
    int64_t late = (int64_t)oh_engine_tick_at(engine, engine->now) - engine->tick;
    if (late > MOST_LATE)
        skip_ticks(engine, late);
    while (oh_engine_time_of(engine, engine->tick) <= engine->now) {
        transmit(&engine->slot[engine->tick % OH_TICKS_PER_PACKET], engine->tick);
        transmit(&engine->slot[OH_UNUSUAL], engine->tick++);
    }
}

static void run_timers(oh_engine *engine) {
    struct oh_timer *timer;
    while ((timer = oh_timers_due(&engine->timers, engine->now)))
        oh_leg_timer(timer->leg, timer->kind);
}

/* Packets. */

static void read_ready(oh_engine *engine, const struct epoll_event *ready, int count) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    engine->now = oh_engine_clock();
    double skew = (double)wall.tv_sec + (double)wall.tv_nsec * 1e-9 - engine->now;
    engine->read_pass = engine->pass;
    for (int at = 0; at < count; at++) {
        const struct oh_watch *watch = ready[at].data.ptr;
        if (watch->leg->closed)
            continue;
        if (watch->control)
            oh_control_read(watch->leg);
        else
            oh_receiver_read(watch->leg, engine->pass, engine->now, skew);
    }
}

static void read_packets(oh_engine *engine) {
    struct epoll_event ready[READY];
    size_t sockets = 2 * engine->leg_count;
    for (size_t seen = 0; seen <= sockets; seen += READY) {
        int count = epoll_wait(engine->poll, ready, READY, 0);
        if (count <= 0)
            return;
        /* A command given before a packet came takes effect before it. */
        oh_engine_run_commands(engine, false);
        read_ready(engine, ready, count);
        if (count < READY)
            return;
    }
}

/* What goes out at the end of a pass. */

static void publish(oh_engine *engine) {
    for (size_t at = 0; at < engine->changed_count; at++) {
        engine->changed[at]->dirty = false;
        if (!engine->changed[at]->closed)
            oh_leg_publish(engine->changed[at]);
    }
    engine->changed_count = 0;
}

/* Whether the taker must hear now. That a playback has begun is told with the next event: to wake a process
 * for it costs more than anybody makes of it. */
static bool is_waited_for(const struct oh_batch *events) {
    for (size_t at = 0; at < events->count; at++)
        if (((const struct oh_event *)(const void *)events->items)[at].kind != OH_PLAYBACK_STARTED)
            return true;
    return false;
}

void oh_engine_post_events(oh_engine *engine, bool wait) {
    struct oh_batch *outbox = &engine->outbox;
    if (!outbox->count)
        return;
    bool waited_for = is_waited_for(outbox);
    if (oh_queue_put(&engine->events, outbox->items, outbox->count, wait) != OH_PUT)
        return;
    outbox->count = 0;
    if (waited_for && !atomic_exchange(&engine->signalled, true)) {
        uint64_t one = 1;
        ssize_t written = write(engine->event_fd, &one, sizeof one);
        (void)written; /* the counter of an eventfd that is reset at each read cannot overflow */
    }
}

void oh_engine_bury(oh_engine *engine) {
    for (size_t at = 0; at < engine->dead_count; at++)
        oh_leg_free(engine->dead[at]);
    engine->known -= engine->dead_count;
    engine->dead_count = 0;
}

void oh_engine_pass(oh_engine *engine) {
    engine->pass++;
    engine->now = oh_engine_clock();
    oh_engine_run_commands(engine, false);
    if (sending(engine))
        run_ticks(engine);
    run_timers(engine);
    read_packets(engine);
    publish(engine);
    oh_engine_post_events(engine, false);
    oh_engine_bury(engine);
}

/* Waiting. */

static double until(const oh_engine *engine, bool busy) {
    double at = oh_timers_next(&engine->timers);
    if (sending(engine))
        at = fmin(at, next_tick_at(engine));
    else if (busy)
        at = fmin(at, engine->now + OH_TICK);
    if (busy && engine->relays)
        at = fmin(at, engine->now + RELAY_EVERY);
    if (engine->outbox.count)
        at = fmin(at, engine->now + RETRY);
    return at;
}

/* Whether there are so many legs that single packets should not wake the thread. */
static bool is_busy(const oh_engine *engine) {
    return engine->leg_count > EAGER_LEGS &&
           (sending(engine) || engine->read_pass + OH_TICKS_PER_PACKET >= engine->pass);
}

void oh_engine_wake(oh_engine *engine) {
    uint64_t one = 1;
    if (atomic_exchange(&engine->waiting, false)) {
        ssize_t written = write(engine->wake, &one, sizeof one);
        (void)written; /* as above */
    }
}

static void wait_for_work(oh_engine *engine) {
    bool busy = is_busy(engine);
    double seconds = until(engine, busy) - oh_engine_clock();
    if (seconds <= 0)
        return;
    struct pollfd watched[2] = {{.fd = engine->wake, .events = POLLIN},
                                {.fd = engine->poll, .events = POLLIN}};
    struct timespec timeout = {0, 0};
    bool ends = isfinite(seconds);
    if (ends) {
        timeout.tv_sec = (time_t)seconds;
        timeout.tv_nsec = (long)((seconds - (double)timeout.tv_sec) * 1e9);
    }
    atomic_store(&engine->wakes_soon, ends && seconds <= OH_TICK * OH_TICKS_PER_PACKET);
    atomic_store(&engine->waiting, true);
    if (!atomic_load(&engine->commands.waiting) && !atomic_load(&engine->stopping))
        ppoll(watched, busy ? 1 : 2, ends ? &timeout : NULL, NULL);
    atomic_store(&engine->waiting, false);
    if (watched[0].revents) {
        uint64_t count;
        ssize_t size = read(engine->wake, &count, sizeof count);
        (void)size;
    }
}

void *oh_engine_thread(void *at) {
    oh_engine *engine = at;
    pthread_setname_np(pthread_self(), "offhook-media");
    prctl(PR_SET_TIMERSLACK, 1000UL); /* nanoseconds; the default lets a tick be 50 µs late */
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    while (!atomic_load(&engine->stopping)) {
        oh_engine_pass(engine);
        wait_for_work(engine);
    }
    return NULL;
}
