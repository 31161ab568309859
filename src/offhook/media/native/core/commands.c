/* The commands: what callers' threads put in, and how the pacing thread carries them out.
 *
 * While the engine has no thread (before the start, after the stop) a command is carried out by its caller,
 * so that handles can be released at any time. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

#define SILENCE_AFTER 0.06 /* seconds after the answer without silence, so that a prompt can start at once */
#define STALE 512          /* datagrams discarded at most when a leg begins to receive */
#define FULL_FOR 200       /* tries of 1 ms to put a command into the full queue */
#define MOST_NETWORKS 4096

/* The pacing thread's side. */

/* Room for one leg more in everything that has a place for each. */
static bool make_room(oh_engine *engine) {
    if (!oh_timers_reserve(&engine->timers, engine->known + 1))
        return false;
    if (engine->known < engine->room)
        return true;
    size_t room = engine->room ? 2 * engine->room : 64;
    oh_leg **changed = realloc(engine->changed, room * sizeof *changed);
    if (!changed)
        return false;
    engine->changed = changed;
    oh_leg **dead = realloc(engine->dead, room * sizeof *dead);
    if (!dead)
        return false;
    engine->dead = dead;
    engine->room = room;
    return true;
}

static void open_now(oh_engine *engine, oh_leg *leg) {
    leg->next = engine->legs;
    if (engine->legs)
        engine->legs->previous = leg;
    engine->legs = leg;
    engine->leg_count++;
    leg->placed = make_room(engine);
    if (leg->placed)
        engine->known++;
    else
        oh_leg_fail(leg);
}

static void play_now(oh_leg *leg, struct oh_playback *playback) {
    if (!leg->closed && leg->sender.queue.waiting < OH_MOST_QUEUED) {
        oh_queue_add(&leg->sender.queue, playback);
        oh_engine_schedule(leg->engine, leg);
        return;
    }
    struct oh_event event = {.key = leg->key, .at = oh_engine_now(leg->engine),
                             .number = playback->number, .kind = OH_PLAYBACK_ENDED, .flag = 1};
    oh_engine_emit(leg->engine, &event);
    oh_sound_drop(playback->sound);
    free(playback);
}

static void keep_sending_now(oh_leg *leg) {
    if (leg->closed)
        return;
    leg->sender.keeps_sending = true;
    oh_engine_timer(leg->engine, &leg->timer[OH_TIMER_SILENCE],
                    oh_engine_now(leg->engine) + SILENCE_AFTER);
}

static void relay_now(oh_leg *leg, oh_leg *other) {
    oh_relay_end(leg);
    if (other && !other->closed && !leg->closed)
        oh_relay_begin(leg, other);
}

void oh_engine_unschedule(oh_engine *engine, oh_leg *leg) {
    struct oh_slot *slot = &engine->slot[leg->sender.slot];
    for (size_t at = 0; leg->sender.scheduled && at < slot->count; at++) {
        if (slot->leg[at] != leg)
            continue;
        memmove(slot->leg + at, slot->leg + at + 1, (slot->count - at - 1) * sizeof *slot->leg);
        slot->count--;
        leg->sender.scheduled = false;
    }
}

static void release_now(oh_engine *engine, oh_leg *leg) {
    oh_leg_shut(leg);
    if (!leg->placed)
        return; /* there was no memory for its place among the dead: its own is lost too */
    oh_engine_unschedule(engine, leg);
    for (size_t at = 0; leg->dirty && at < engine->changed_count; at++) {
        if (engine->changed[at] != leg)
            continue;
        engine->changed[at] = engine->changed[--engine->changed_count];
        leg->dirty = false;
    }
    engine->dead[engine->dead_count++] = leg;
}

static void send_digit_now(oh_leg *leg, char key, double duration) {
    if (leg->closed)
        return;
    oh_sender_send_digit(leg, key, duration);
    oh_engine_schedule(leg->engine, leg);
}

static void play_below_now(oh_leg *leg, oh_sound *sound, uint32_t pause) {
    if (leg->closed)
        return;
    oh_repeated_set(&leg->sender.below, sound, pause);
    oh_engine_schedule(leg->engine, leg);
}

void oh_engine_carry_out(oh_engine *engine, struct oh_command *command) {
    oh_leg *leg = command->leg;
    switch (command->kind) {
    case OH_OPEN: open_now(engine, leg); break;
    case OH_CONNECT:
        oh_leg_use(leg, command->with.media);
        explicit_bzero(&command->with.media->keys, sizeof command->with.media->keys);
        free(command->with.media);
        break;
    case OH_KEEP_SENDING: keep_sending_now(leg); break;
    case OH_PLAY:
        oh_sound_use(command->with.playback->sound);
        play_now(leg, command->with.playback);
        break;
    case OH_PLAY_BELOW: play_below_now(leg, command->with.below.sound, command->with.below.pause); break;
    case OH_STOP_PLAYING: oh_queue_remove(&leg->sender.queue, command->with.number); break;
    case OH_SEND_DIGIT: send_digit_now(leg, command->with.digit.key, command->with.digit.duration); break;
    case OH_RELAY: relay_now(leg, command->with.other); break;
    case OH_TAP: oh_leg_tap(leg, command->with.start); break;
    case OH_CLOSE: oh_leg_shut(leg); break;
    case OH_RELEASE: release_now(engine, leg); break;
    case OH_RELEASE_SOUND: oh_sound_drop(command->with.sound); break;
    }
}

bool oh_engine_run_commands(oh_engine *engine, bool wait) {
    if (!oh_queue_swap(&engine->commands, &engine->taken, wait))
        return false;
    for (size_t at = 0; at < engine->taken.count; at++)
        oh_engine_carry_out(engine, (struct oh_command *)(void *)engine->taken.items + at);
    engine->taken.count = 0;
    return true;
}

/* The callers' side. */

static enum oh_result carry_out_here(oh_engine *engine, struct oh_command *command) {
    engine->now = oh_engine_clock();
    oh_engine_carry_out(engine, command);
    oh_engine_post_events(engine, true);
    oh_engine_bury(engine);
    return OH_OK;
}

/* Whether a command may wait for the thread's next pass, where that is near: each wake-up costs as much as
 * several packets. */
static bool has_time(enum oh_command_kind kind) {
    return kind == OH_OPEN || kind == OH_KEEP_SENDING || kind == OH_RELEASE ||
           kind == OH_RELEASE_SOUND;
}

static enum oh_result post(oh_engine *engine, struct oh_command *command) {
    for (int tries = 0; tries < FULL_FOR; tries++) {
        if (atomic_load(&engine->state) != OH_STATE_RUNNING || atomic_load(&engine->stopping)) {
            enum oh_result result = OH_BUSY;
            pthread_mutex_lock(&engine->state_lock);
            if (atomic_load(&engine->state) != OH_STATE_RUNNING)
                result = carry_out_here(engine, command);
            pthread_mutex_unlock(&engine->state_lock);
            if (result == OH_OK)
                return result;
        }
        if (oh_queue_put(&engine->commands, command, 1, true) == OH_PUT) {
            if (!has_time(command->kind) || !atomic_load(&engine->wakes_soon))
                oh_engine_wake(engine);
            return OH_OK;
        }
        const struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
    return OH_BUSY;
}

static enum oh_result command(oh_leg *leg, enum oh_command_kind kind) {
    struct oh_command order = {.leg = leg, .kind = kind};
    return post(leg->engine, &order);
}

/* Sounds. */

void oh_sound_use(oh_sound *sound) { sound->uses++; }

void oh_sound_drop(oh_sound *sound) {
    if (--sound->uses)
        return;
    if (sound->owner) {
        struct oh_event event = {.at = oh_engine_now(sound->engine), .owner = sound->owner,
                                 .kind = OH_SOUND_FREED};
        oh_engine_emit(sound->engine, &event);
    }
    free(sound->own);
    free(sound);
}

enum oh_result oh_sound_new(oh_engine *engine, const struct oh_sources *sources, void *owner,
                            oh_sound **made) {
    if ((sources->g722 && sources->g722_size < sources->size) ||
        (sources->opus && sources->opus_size < sources->size))
        return OH_INVALID;
    oh_sound *sound = calloc(1, sizeof *sound);
    if (!sound)
        return OH_NO_MEMORY;
    sound->engine = engine;
    sound->size = sources->size;
    sound->g722 = sources->g722;
    sound->opus = sources->opus;
    sound->uses = 1;
    memcpy(sound->law, sources->law, sizeof sound->law);
    sound->owner = owner;
    *made = sound;
    return OH_OK;
}

void oh_sound_release(oh_sound *sound) {
    struct oh_command order = {.kind = OH_RELEASE_SOUND, .with.sound = sound};
    post(sound->engine, &order);
}

/* Legs. */

static oh_leg *new_leg(oh_engine *engine, uint64_t key, double timeout) {
    oh_leg *leg = calloc(1, sizeof *leg);
    char random[OH_CNAME];
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (!leg)
        return NULL;
    leg->engine = engine;
    leg->key = key;
    leg->media_timeout = timeout;
    leg->silent_since = INFINITY;
    leg->watch_rtp = (struct oh_watch){leg, false};
    leg->watch_rtcp = (struct oh_watch){leg, true};
    for (int kind = 0; kind < OH_TIMERS; kind++)
        leg->timer[kind] = (struct oh_timer){.leg = leg, .kind = (enum oh_timer_kind)kind};
    oh_random_octets(random, sizeof random);
    for (int at = 0; at < OH_CNAME; at++)
        random[at] = letters[(uint8_t)random[at] % 64];
    oh_rtcp_init(&leg->session, random);
    oh_sender_init(leg);
    oh_receiver_init(&leg->receiver);
    oh_leg_publish(leg);
    return leg;
}

/* Those of an IP version, or the first; NULL: there are none. */
static struct oh_ports *ports_of(oh_engine *engine, uint8_t version) {
    for (int at = 0; at < engine->port_ranges; at++)
        if (!version || engine->ports[at].host.version == version)
            return &engine->ports[at];
    return NULL;
}

enum oh_result oh_leg_open(oh_engine *engine, uint64_t key, double timeout, uint8_t version, oh_leg **made) {
    if (atomic_load(&engine->state) != OH_STATE_RUNNING)
        return OH_NOT_RUNNING;
    struct oh_ports *ports = ports_of(engine, version);
    if (!ports)
        return OH_INVALID;
    oh_leg *leg = new_leg(engine, key, timeout);
    if (!leg)
        return OH_NO_MEMORY;
    leg->ports = ports;
    enum oh_result result = oh_ports_bind(ports, &leg->port, &leg->rtp, &leg->rtcp);
    if (result != OH_OK) {
        free(leg);
        return result;
    }
    int on = 1;
    /* The kernel stamps each datagram, so that jitter is measured independently of the ticks. */
    setsockopt(leg->rtp, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    result = command(leg, OH_OPEN);
    if (result != OH_OK) {
        close(leg->rtp);
        close(leg->rtcp);
        oh_ports_release(ports, leg->port);
        free(leg);
        return result;
    }
    *made = leg;
    return OH_OK;
}

static bool valid_keys(const struct oh_keys *keys) {
    return keys->suite == OH_NO_SRTP || (keys->suite < OH_SUITES && oh_suite_built(keys->suite));
}

static bool valid(const struct oh_media *media, uint8_t version) {
    if (media->remote.version != version || !media->remote.port || media->codec >= OH_CODECS ||
        !oh_codec_built(media->codec) || !valid_keys(&media->keys) ||
        media->payload_type > 127 || media->dtmf_payload_type > 127 ||
        media->dtmf_receive_type > 127 || media->networks > MOST_NETWORKS ||
        media->ptime > OH_MOST_PACKET / 8 || media->ptime % 10)
        return false;
    for (size_t type = 0; type < sizeof media->receive_codecs; type++)
        if (media->receive_codecs[type] > OH_CODECS ||
            (media->receive_codecs[type] && !oh_codec_built(media->receive_codecs[type] - 1)))
            return false;
    for (size_t at = 0; at < media->networks; at++) {
        const struct oh_network *network = &media->network[at];
        if (network->prefix > (network->version == 6 ? 128 : 32))
            return false;
    }
    return true;
}

/* Datagrams that arrived before the leg was connected are not the peer's. */
static void discard_waiting(oh_leg *leg) {
    uint8_t octet;
    for (int at = 0; at < STALE && recv(leg->rtp, &octet, 1, MSG_DONTWAIT) >= 0; at++)
        continue;
}

enum oh_result oh_leg_connect(oh_leg *leg, const struct oh_media *media) {
    if (!valid(media, leg->ports->host.version))
        return OH_INVALID;
    size_t networks = media->networks * sizeof *media->network;
    struct oh_media *copy = malloc(sizeof *copy + networks);
    if (!copy)
        return OH_NO_MEMORY;
    *copy = *media;
    copy->network = (const struct oh_network *)(void *)(copy + 1);
    if (networks)
        memcpy(copy + 1, media->network, networks);
    if (!atomic_load(&leg->caller_closed) && !atomic_exchange(&leg->caller_connected, true))
        discard_waiting(leg);
    struct oh_command order = {.leg = leg, .kind = OH_CONNECT, .with.media = copy};
    enum oh_result result = post(leg->engine, &order);
    if (result != OH_OK) {
        explicit_bzero(&copy->keys, sizeof copy->keys);
        free(copy);
    }
    return result;
}

enum oh_result oh_leg_keep_sending(oh_leg *leg) { return command(leg, OH_KEEP_SENDING); }

enum oh_result oh_leg_play(oh_leg *leg, oh_sound *sound, uint32_t number, uint32_t repetition,
                           uint32_t pause_octets) {
    if (sound->engine != leg->engine || !number)
        return OH_INVALID;
    struct oh_playback *playback = calloc(1, sizeof *playback);
    if (!playback)
        return OH_NO_MEMORY;
    playback->sound = sound;
    playback->number = number;
    playback->passes_left = repetition ? repetition : 1;
    playback->pause_octets = pause_octets;
    struct oh_command order = {.leg = leg, .kind = OH_PLAY, .with.playback = playback};
    enum oh_result result = post(leg->engine, &order);
    if (result != OH_OK)
        free(playback);
    return result;
}

enum oh_result oh_leg_play_below(oh_leg *leg, oh_sound *sound, uint32_t pause_octets) {
    if (sound && sound->engine != leg->engine)
        return OH_INVALID;
    struct oh_command order = {.leg = leg, .kind = OH_PLAY_BELOW,
                               .with.below = {sound, pause_octets}};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_stop_playing(oh_leg *leg, uint32_t number) {
    struct oh_command order = {.leg = leg, .kind = OH_STOP_PLAYING, .with.number = number};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_send_digit(oh_leg *leg, char digit, double duration) {
    if (oh_event_of(digit) < 0)
        return OH_INVALID;
    struct oh_command order = {.leg = leg, .kind = OH_SEND_DIGIT, .with.digit = {duration, digit}};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_relay(oh_leg *leg, oh_leg *other) {
    if (other && other->engine != leg->engine)
        return OH_INVALID;
    struct oh_command order = {.leg = leg, .kind = OH_RELAY, .with.other = other};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_start_tap(oh_leg *leg) {
    if (!atomic_load(&leg->tap)) {
        struct oh_tap *none = NULL, *tap = oh_tap_new();
        if (!tap)
            return OH_NO_MEMORY;
        if (!atomic_compare_exchange_strong(&leg->tap, &none, tap))
            oh_tap_free(tap);
    }
    struct oh_command order = {.leg = leg, .kind = OH_TAP, .with.start = true};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_stop_tap(oh_leg *leg) {
    struct oh_command order = {.leg = leg, .kind = OH_TAP, .with.start = false};
    return post(leg->engine, &order);
}

enum oh_result oh_leg_close(oh_leg *leg) {
    atomic_store(&leg->caller_closed, true);
    return command(leg, OH_CLOSE);
}

void oh_leg_release(oh_leg *leg) {
    atomic_store(&leg->caller_closed, true);
    command(leg, OH_RELEASE);
}

/* Events. */

size_t oh_engine_take_events(oh_engine *engine, struct oh_event *events, size_t most) {
    struct oh_batch *batch = &engine->delivered;
    if (engine->delivered_count == batch->count) {
        uint64_t count;
        ssize_t size = read(engine->event_fd, &count, sizeof count);
        (void)size;
        atomic_store(&engine->signalled, false);
        engine->delivered_count = 0;
        if (!oh_queue_swap(&engine->events, batch, true))
            return 0;
    }
    size_t left = batch->count - engine->delivered_count;
    size_t taken = left < most ? left : most;
    memcpy(events, batch->items + engine->delivered_count * sizeof *events, taken * sizeof *events);
    engine->delivered_count += taken;
    return taken;
}
