/* The life of an engine, and what it does for its legs. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "g711.h"

#define MOST_COMMANDS 100000 /* waiting for the thread */
#define MOST_EVENTS 1000000  /* waiting for the caller */

void oh_random_octets(void *into, size_t size) {
    uint8_t *at = into;
    while (size) {
        ssize_t got = getrandom(at, size, 0);
        if (got <= 0) {
            *at = (uint8_t)rand();
            got = 1;
        }
        at += got;
        size -= (size_t)got;
    }
}

double oh_engine_random(oh_engine *engine) {
    /* xorshift64: for the randomisation of report times, no secret. */
    uint64_t x = engine->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    engine->random = x;
    return (double)(x >> 11) / (double)(1ULL << 53);
}

double oh_engine_report_interval(const oh_engine *engine) { return engine->report_interval; }

static bool open_descriptors(oh_engine *engine) {
    engine->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    engine->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    engine->poll = epoll_create1(EPOLL_CLOEXEC);
    return engine->wake >= 0 && engine->event_fd >= 0 && engine->poll >= 0;
}

static void close_descriptors(oh_engine *engine) {
    const int descriptors[] = {engine->wake, engine->event_fd, engine->poll};
    for (size_t at = 0; at < sizeof descriptors / sizeof *descriptors; at++)
        if (descriptors[at] >= 0)
            close(descriptors[at]);
}

static void close_ports(oh_engine *engine) {
    while (engine->port_ranges)
        oh_ports_close(&engine->ports[--engine->port_ranges]);
}

static enum oh_result open_ports(oh_engine *engine, const struct oh_config *config) {
    const struct oh_address *hosts[] = {&config->host, &config->other};
    for (int at = 0; at < 2; at++) {
        if (!hosts[at]->version)
            continue;
        enum oh_result result = oh_ports_open(&engine->ports[engine->port_ranges], hosts[at],
                                              config->first_port, config->last_port);
        if (result != OH_OK) {
            close_ports(engine);
            return result;
        }
        engine->port_ranges++;
    }
    return OH_OK;
}

static bool valid_hosts(const struct oh_config *config) {
    uint8_t version = config->host.version, other = config->other.version;
    return (version == 4 || version == 6) && (!other || other == 10 - version);
}

enum oh_result oh_engine_new(const struct oh_config *config, oh_engine **made) {
    if (!valid_hosts(config))
        return OH_INVALID;
    if (!(config->report_interval > 0))
        return OH_INVALID;
    oh_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return OH_NO_MEMORY;
    enum oh_result result = open_ports(engine, config);
    if (result == OH_OK && !open_descriptors(engine)) {
        result = errno == EMFILE || errno == ENFILE ? OH_NO_DESCRIPTORS : OH_SYSTEM;
        close_descriptors(engine);
        close_ports(engine);
    }
    if (result != OH_OK) {
        free(engine);
        return result;
    }
    oh_tones_init();
    engine->report_interval = config->report_interval;
    pthread_mutex_init(&engine->state_lock, NULL);
    oh_queue_open(&engine->commands, sizeof(struct oh_command), MOST_COMMANDS);
    oh_queue_open(&engine->events, sizeof(struct oh_event), MOST_EVENTS);
    oh_random_octets(&engine->random, sizeof engine->random);
    engine->random |= 1;
    engine->began = engine->now = oh_engine_clock();
    *made = engine;
    return OH_OK;
}

enum oh_result oh_engine_start(oh_engine *engine) {
    int unstarted = OH_STATE_NEW;
    pthread_mutex_lock(&engine->state_lock);
    bool first = atomic_compare_exchange_strong(&engine->state, &unstarted, OH_STATE_RUNNING);
    bool failed = first && pthread_create(&engine->thread, NULL, oh_engine_thread, engine) != 0;
    if (failed)
        atomic_store(&engine->state, OH_STATE_STOPPED);
    pthread_mutex_unlock(&engine->state_lock);
    if (!first)
        return OH_INVALID;
    return failed ? OH_SYSTEM : OH_OK;
}

void oh_engine_stop(oh_engine *engine) {
    pthread_mutex_lock(&engine->state_lock);
    int before = atomic_load(&engine->state);
    if (before == OH_STATE_RUNNING) {
        atomic_store(&engine->stopping, true);
        oh_engine_wake(engine);
        pthread_join(engine->thread, NULL);
    }
    /* From now on commands are carried out by their callers. */
    atomic_store(&engine->state, OH_STATE_STOPPED);
    engine->now = oh_engine_clock();
    while (oh_engine_run_commands(engine, true))
        continue;
    while (engine->legs)
        oh_leg_shut(engine->legs);
    oh_engine_post_events(engine, true);
    oh_engine_bury(engine);
    pthread_mutex_unlock(&engine->state_lock);
}

void oh_engine_free(oh_engine *engine) {
    oh_engine_stop(engine); /* again: a command of another thread may have crossed the first */
    for (int slot = 0; slot < OH_SLOTS; slot++)
        free(engine->slot[slot].leg);
    free(engine->timers.heap);
    free(engine->changed);
    free(engine->dead);
    oh_batch_free(&engine->taken);
    oh_batch_free(&engine->outbox);
    oh_batch_free(&engine->delivered);
    oh_queue_close(&engine->commands);
    oh_queue_close(&engine->events);
    close_ports(engine);
    close_descriptors(engine);
    pthread_mutex_destroy(&engine->state_lock);
    free(engine);
}

/* Events. */

int oh_engine_event_fd(const oh_engine *engine) { return engine->event_fd; }

void oh_engine_emit(oh_engine *engine, const struct oh_event *event) {
    oh_batch_add(&engine->outbox, event, 1, sizeof *event);
}

/* What legs need. */

bool oh_engine_watch(oh_engine *engine, oh_leg *leg) {
    struct epoll_event rtp = {.events = EPOLLIN, .data.ptr = &leg->watch_rtp};
    struct epoll_event rtcp = {.events = EPOLLIN, .data.ptr = &leg->watch_rtcp};
    return epoll_ctl(engine->poll, EPOLL_CTL_ADD, leg->rtp, &rtp) == 0 &&
           epoll_ctl(engine->poll, EPOLL_CTL_ADD, leg->rtcp, &rtcp) == 0;
}

void oh_engine_unwatch(oh_engine *engine, oh_leg *leg) {
    /* They were never watched when the leg was never connected. */
    epoll_ctl(engine->poll, EPOLL_CTL_DEL, leg->rtp, NULL);
    epoll_ctl(engine->poll, EPOLL_CTL_DEL, leg->rtcp, NULL);
}

void oh_engine_forget(oh_engine *engine, oh_leg *leg) {
    if (leg->previous)
        leg->previous->next = leg->next;
    else
        engine->legs = leg->next;
    if (leg->next)
        leg->next->previous = leg->previous;
    engine->leg_count--;
    oh_ports_release(leg->ports, leg->port);
}

void oh_engine_relays(oh_engine *engine, int more) { engine->relays += (size_t)more; }

void oh_engine_changed(oh_engine *engine, oh_leg *leg) {
    if (leg->dirty)
        return;
    leg->dirty = true;
    engine->changed[engine->changed_count++] = leg;
}

void oh_engine_timer(oh_engine *engine, struct oh_timer *timer, double at) {
    oh_timers_set(&engine->timers, timer, at);
}

void oh_engine_untimer(oh_engine *engine, struct oh_timer *timer) {
    oh_timers_unset(&engine->timers, timer);
}
