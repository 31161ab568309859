/* A leg as a whole: what its parts tell each other. See media/python/leg_worker.py. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "g711.h"
#include "leg.h"

#define RELAYED_TONE 0.1 /* seconds of the tones for a digit that came as an event */

static const uint8_t static_type[OH_LAWS] = {0, 8}; /* a tap has G.711 only */

static void emit(oh_leg *leg, enum oh_event_kind kind, double at) {
    struct oh_event event = {.key = leg->key, .at = at, .kind = (uint8_t)kind};
    oh_engine_emit(leg->engine, &event);
}

/* Listeners. */

bool oh_leg_listens(const oh_leg *leg) { return leg->relay.target || leg->tapping || leg->inband; }

static void listen_for_tones(oh_leg *leg, const struct oh_packet *packet) {
    char keys[16];
    int found = oh_inband_packet(leg->inband, (enum oh_codec)packet->codec, packet->ssrc,
                                 packet->timestamp, packet->payload, packet->size, keys, 16);
    for (int at = 0; at < found; at++) {
        struct oh_event event = {.key = leg->key, .at = packet->arrival, .kind = OH_DIGIT, .flag = 1,
                                 .digit = keys[at]};
        oh_engine_emit(leg->engine, &event);
    }
}

/* G.711 for those who record the leg or look for tones. */
static void heard_law(oh_leg *leg, const struct oh_packet *packet) {
    if (leg->tapping)
        oh_tap_put(leg->tap, OH_FRAME_RECEIVED, static_type[packet->codec], packet->ssrc,
                   packet->timestamp, packet->arrival, packet->payload, packet->size);
    if (leg->inband)
        listen_for_tones(leg, packet);
}

static struct oh_decoder *decoder_for(oh_leg *leg, const struct oh_packet *packet) {
    bool fits = leg->decoder && oh_decoder_codec(leg->decoder) == (enum oh_codec)packet->codec &&
                leg->decoded_ssrc == packet->ssrc;
    if (fits)
        return leg->decoder;
    oh_decoder_free(leg->decoder);
    leg->decoded_ssrc = packet->ssrc;
    return leg->decoder = oh_decoder_new((enum oh_codec)packet->codec);
}

/* A packet of another codec than G.711: it is decoded, in the order of the packets, where somebody needs the
 * sound itself. */
static void heard_coded(oh_leg *leg, const struct oh_packet *packet) {
    oh_leg *target = leg->relay.target;
    if (!packet->samples)
        return;
    bool passed = target && (int)target->sender.codec == packet->codec;
    if (passed)
        oh_relay_packet(leg, packet);
    if (packet->reordered || !(leg->tapping || leg->inband || (target && !passed)))
        return;
    int16_t wide[OH_WIDE_MOST], narrow[OH_HALF_MOST];
    uint8_t octets[OH_HALF_MOST];
    struct oh_packet heard = *packet;
    struct oh_decoder *decoder = decoder_for(leg, packet);
    heard.wide = wide;
    heard.wide_count = decoder ? oh_decoder_packet(decoder, packet->payload, packet->size, wide) : 0;
    if (!heard.wide_count)
        return;
    if (target && !passed && target->sender.codec >= OH_LAWS)
        oh_relay_packet(leg, &heard);
    heard.samples = heard.size = oh_decoder_narrow(decoder, wide, heard.wide_count, narrow);
    heard.codec = target ? (int)target->sender.law : OH_PCMU;
    heard.payload = octets;
    for (size_t at = 0; at < heard.size; at++)
        octets[at] = oh_g711_encode((enum oh_codec)heard.codec, narrow[at]);
    if (target && target->sender.codec < OH_LAWS)
        oh_relay_packet(leg, &heard);
    heard_law(leg, &heard);
}

void oh_leg_heard(oh_leg *leg, const struct oh_packet *packet) {
    if (packet->codec >= OH_LAWS) {
        heard_coded(leg, packet);
        return;
    }
    if (leg->relay.target)
        oh_relay_packet(leg, packet);
    if (packet->codec >= 0)
        heard_law(leg, packet);
}

void oh_leg_tap_sent(oh_leg *leg, int64_t units, int64_t tick, const uint8_t *payload) {
    oh_tap_put(leg->tap, OH_FRAME_SENT, static_type[leg->sender.law], leg->sender.ssrc,
               (uint32_t)units, oh_engine_time_of(leg->engine, tick), payload, leg->sender.queue.packet);
}

static void end_tap(oh_leg *leg) {
    if (leg->tapping)
        oh_tap_put(leg->tap, OH_FRAME_END, 0, 0, 0, oh_engine_now(leg->engine), NULL, 0);
    leg->tapping = false;
}

/* What the sending and the receiving side report. */

void oh_leg_latched(oh_leg *leg) {
    leg->sender.remote = leg->receiver.remote;
    oh_control_moved(leg, &leg->receiver.remote, 0);
}

void oh_leg_digit(oh_leg *leg, char digit, double at) {
    oh_leg *target = leg->relay.target;
    if (target && target->sender.dtmf_payload_type < 0) {
        oh_sender_send_digit(target, digit, RELAYED_TONE);
        oh_engine_schedule(target->engine, target);
    }
    struct oh_event event = {.key = leg->key, .at = at, .kind = OH_DIGIT, .digit = digit};
    oh_engine_emit(leg->engine, &event);
}

void oh_leg_collision(oh_leg *leg) {
    /* The peer uses our SSRC: send BYE for it and continue with another (RFC 3550 section 8.2). */
    oh_control_send(leg, true);
    oh_sender_new_source(leg);
}

void oh_leg_refused(oh_leg *leg, const struct oh_endpoint *from) {
    struct oh_event event = {.key = leg->key, .at = oh_engine_now(leg->engine),
                             .kind = OH_SOURCE_REFUSED};
    oh_endpoint_address(from, &event.host);
    oh_engine_emit(leg->engine, &event);
}

void oh_leg_fail(oh_leg *leg) {
    if (leg->closed)
        return;
    emit(leg, OH_LEG_FAILED, oh_engine_now(leg->engine));
    oh_leg_shut(leg);
}

/* The media timeout: it runs only while the peer must send, so not on hold. */

static void watch_media(oh_leg *leg, bool expected) {
    double now = oh_engine_now(leg->engine);
    struct oh_timer *timer = &leg->timer[OH_TIMER_MEDIA];
    leg->silent_since = expected ? now : INFINITY;
    if (leg->media_timeout > 0 && expected && !timer->place)
        oh_engine_timer(leg->engine, timer, now + leg->media_timeout);
}

static void check_media(oh_leg *leg) {
    double now = oh_engine_now(leg->engine);
    if (leg->media_timeout <= 0 || isinf(leg->silent_since))
        return;
    double heard = fmax(leg->receiver.heard_at, leg->receiver.control_at);
    double due = leg->media_timeout + fmax(leg->silent_since, heard);
    if (now < due) {
        oh_engine_timer(leg->engine, &leg->timer[OH_TIMER_MEDIA], due);
        return;
    }
    leg->media_timeout = 0;
    emit(leg, OH_MEDIA_LOST, now);
}

void oh_leg_timer(oh_leg *leg, enum oh_timer_kind kind) {
    if (leg->closed)
        return;
    if (kind == OH_TIMER_RTCP) {
        oh_control_send(leg, false);
        oh_control_again(leg, false);
    } else if (kind == OH_TIMER_SILENCE) {
        oh_engine_schedule(leg->engine, leg);
    } else {
        check_media(leg);
    }
}

/* Begins, or changes, the exchange. An unspecified remote host is hold. */
void oh_leg_use(oh_leg *leg, const struct oh_media *media) {
    struct oh_endpoint remote;
    if (leg->closed)
        return;
    leg->secure = oh_secure_change(leg->secure, &media->keys);
    bool insecure = media->keys.suite != OH_NO_SRTP && !leg->secure;
    if (insecure || !oh_receiver_configure(&leg->receiver, media)) {
        oh_leg_fail(leg);
        return;
    }
    oh_endpoint_of(&remote, &media->remote);
    bool unspecified = oh_endpoint_unspecified(&remote);
    leg->sender.remote = leg->receiver.has_remote ? leg->receiver.remote : remote;
    oh_sender_configure(leg, media, media->send && !unspecified);
    oh_control_moved(leg, unspecified ? &remote : &leg->sender.remote, media->rtcp_port);
    if (!leg->begun) {
        leg->begun = true;
        if (!oh_engine_watch(leg->engine, leg)) {
            oh_leg_fail(leg);
            return;
        }
        oh_control_again(leg, true);
    }
    /* Tones in the audio count only where the peer did not agree to events: else they count twice. */
    if (media->dtmf_payload_type >= 0) {
        free(leg->inband);
        leg->inband = NULL;
    } else if (!leg->inband && (leg->inband = malloc(sizeof *leg->inband))) {
        oh_inband_init(leg->inband);
    }
    watch_media(leg, media->send && media->receive && !unspecified);
    oh_engine_schedule(leg->engine, leg);
}

void oh_leg_shut(oh_leg *leg) {
    if (leg->closed)
        return;
    leg->closed = true;
    end_tap(leg);
    oh_relay_end(leg);
    while (leg->relayed_from)
        oh_relay_end(leg->relayed_from);
    /* A BYE, if anything was sent before (RFC 3550 section 6.3.7). */
    if (leg->session.spoken || leg->sender.packets_sent)
        oh_control_send(leg, true);
    leg->sender.connected = leg->sender.can_send = leg->sender.keeps_sending = false;
    oh_repeated_set(&leg->sender.below, NULL, 0);
    oh_queue_remove(&leg->sender.queue, 0);
    for (int kind = 0; kind < OH_TIMERS; kind++)
        oh_engine_untimer(leg->engine, &leg->timer[kind]);
    oh_engine_unwatch(leg->engine, leg);
    close(leg->rtp);
    close(leg->rtcp);
    oh_engine_forget(leg->engine, leg);
    oh_leg_publish(leg);
    emit(leg, OH_LEG_CLOSED, oh_engine_now(leg->engine));
    oh_receiver_free(&leg->receiver);
    free(leg->inband);
    leg->inband = NULL;
    oh_secure_free(leg->secure);
    leg->secure = NULL;
    oh_encoder_free(leg->encoder);
    leg->encoder = NULL;
    oh_decoder_free(leg->decoder);
    leg->decoder = NULL;
}

void oh_leg_tap(oh_leg *leg, bool start) {
    if (!start)
        end_tap(leg);
    else
        leg->tapping = !leg->closed;
}

/* The numbers, for other threads: written between two odd counts. */

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void oh_leg_publish(oh_leg *leg) {
    const struct oh_sender *sender = &leg->sender;
    const struct oh_receiver *receiver = &leg->receiver;
    struct oh_counts counts = oh_receiver_counts(receiver);
    double jitter = receiver->audio ? receiver->audio->source.jitter / 8000 : 0;
    uint64_t numbers[OH_PUBLISHED] = {
        sender->packets_sent, sender->octets_sent, counts.received, (uint64_t)counts.expected,
        (uint64_t)counts.lost, counts.late, receiver->refused, bits_of(jitter),
        bits_of(leg->session.remote_loss), bits_of(leg->session.remote_jitter),
        bits_of(leg->session.round_trip)};
    unsigned count = atomic_load_explicit(&leg->publishing, memory_order_relaxed);
    atomic_store_explicit(&leg->publishing, count + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int at = 0; at < OH_PUBLISHED; at++)
        atomic_store_explicit(&leg->published[at], numbers[at], memory_order_relaxed);
    atomic_store_explicit(&leg->publishing, count + 2, memory_order_release);
}

void oh_leg_statistics(oh_leg *leg, struct oh_statistics *statistics) {
    uint64_t numbers[OH_PUBLISHED];
    unsigned before, after;
    do {
        before = atomic_load_explicit(&leg->publishing, memory_order_acquire);
        for (int at = 0; at < OH_PUBLISHED; at++)
            numbers[at] = atomic_load_explicit(&leg->published[at], memory_order_relaxed);
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&leg->publishing, memory_order_relaxed);
    } while (before != after || before & 1);
    *statistics = (struct oh_statistics){
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6],
        of_bits(numbers[7]), of_bits(numbers[8]), of_bits(numbers[9]), of_bits(numbers[10])};
}

size_t oh_leg_take_frames(oh_leg *leg, uint8_t *into, size_t room) {
    struct oh_tap *tap = atomic_load(&leg->tap);
    return tap ? oh_tap_take(tap, into, room) : 0;
}

uint16_t oh_leg_port(const oh_leg *leg) { return leg->port; }

void oh_leg_free(oh_leg *leg) {
    oh_tap_free(atomic_load(&leg->tap));
    free(leg);
}
