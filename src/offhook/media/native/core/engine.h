/* The engine's own state, shared by engine.c (its life), loop.c (the pacing thread) and commands.c. */
#ifndef OH_ENGINE_H
#define OH_ENGINE_H

#include "leg.h"
#include "queue.h"

enum oh_command_kind {
    OH_OPEN,
    OH_CONNECT,
    OH_KEEP_SENDING,
    OH_PLAY,
    OH_PLAY_BELOW,
    OH_STOP_PLAYING,
    OH_SEND_DIGIT,
    OH_RELAY,
    OH_TAP,
    OH_CLOSE,
    OH_RELEASE,
    OH_RELEASE_SOUND,
};

struct oh_command {
    oh_leg *leg;
    enum oh_command_kind kind;
    union {
        struct oh_media *media;        /* freed when it was carried out */
        struct oh_playback *playback;
        struct {
            oh_sound *sound;
            uint32_t pause;
        } below;
        uint32_t number;
        struct {
            double duration;
            char key;
        } digit;
        oh_leg *other;
        bool start;
        oh_sound *sound;
    } with;
};

enum oh_state { OH_STATE_NEW, OH_STATE_RUNNING, OH_STATE_STOPPED };

#define OH_UNUSUAL OH_TICKS_PER_PACKET  /* the slot of the legs whose packets are not of 20 ms */
#define OH_SLOTS (OH_TICKS_PER_PACKET + 1)

/* The legs that send in one tick of four. */
struct oh_slot {
    oh_leg **leg;
    size_t count, room;
};

struct oh_engine {
    struct oh_ports ports[2];      /* of the host, and of the other address */
    int port_ranges;               /* how many of them there are */
    double report_interval;
    pthread_t thread;
    pthread_mutex_t state_lock;    /* held while a command is carried out by a caller */
    atomic_int state;
    atomic_bool stopping;
    atomic_bool waiting;           /* the thread sleeps, and nobody has woken it yet */
    atomic_bool wakes_soon;        /* its sleep ends by itself within a packet's time */
    atomic_bool signalled;         /* the event descriptor is readable */
    int wake, poll, event_fd;
    struct oh_queue commands, events;
    /* The thread's own, or a caller's who holds state_lock while there is no thread. */
    struct oh_batch taken, outbox;
    struct oh_batch delivered;     /* the event taker's own */
    size_t delivered_count;
    struct oh_slot slot[OH_SLOTS];
    struct oh_timers timers;
    oh_leg *legs;                  /* the open ones */
    size_t leg_count, relays;      /* of the open ones, and how many of them are relayed to another */
    oh_leg **changed, **dead;      /* with room for every leg that was opened */
    size_t changed_count, dead_count, room;
    size_t known;                  /* legs that are not freed */
    double began, now;
    int64_t tick;
    uint64_t pass, read_pass;
    uint64_t random;
};

/* commands.c */
void oh_engine_carry_out(oh_engine *engine, struct oh_command *command);
/* Takes and carries out what waits; false when there was nothing. */
bool oh_engine_run_commands(oh_engine *engine, bool wait);

/* loop.c */
void *oh_engine_thread(void *engine);
/* One pass: commands, ticks, timers, packets, events; without a wait. */
void oh_engine_pass(oh_engine *engine);
void oh_engine_post_events(oh_engine *engine, bool wait);
void oh_engine_wake(oh_engine *engine);
void oh_engine_bury(oh_engine *engine);

#endif
