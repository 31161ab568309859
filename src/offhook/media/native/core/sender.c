/* The sending side of a leg. The theory of operation is in media/python/rtp_sender.py. */
#include <stdlib.h>
#include <string.h>

#include "g711.h"
#include "leg.h"

#define GAP_PACKETS 2    /* packet times between two digits (telephones need 40 ms) */
#define RELAY_QUIET 12   /* ticks (60 ms) without a relayed packet after which silence is sent */
#define RELAY_GONE 200   /* ticks (1 s) after which the background sound is sent again */
#define MOST_FILLED 5    /* packets of silence sent at once to fill the time since the last relayed one */

enum content { SILENT, SPOKEN };

static void playback_changed(void *at, uint32_t number, enum oh_event_kind what, bool stopped) {
    oh_leg *leg = at;
    struct oh_event event = {.key = leg->key, .at = oh_engine_now(leg->engine), .number = number,
                             .kind = (uint8_t)what, .flag = stopped};
    oh_engine_emit(leg->engine, &event);
}

void oh_sender_new_source(oh_leg *leg) {
    struct oh_sender *sender = &leg->sender;
    if (leg->secure)
        oh_secure_forget(leg->secure, sender->ssrc);
    oh_random_octets(&sender->ssrc, sizeof sender->ssrc);
    oh_random_octets(&sender->first_sequence, sizeof sender->first_sequence);
    /* In the lower half, so that no wrap comes before the first packet arrives (RFC 3711 3.3.1). */
    sender->first_sequence &= 0x7FFF;
    sender->sequence = sender->first_sequence;
    sender->running = false;
}

void oh_sender_init(oh_leg *leg) {
    struct oh_sender *sender = &leg->sender;
    uint32_t units;
    oh_queue_init(&sender->queue, playback_changed, leg);
    oh_sender_new_source(leg);
    oh_random_octets(&units, sizeof units);
    sender->anchor_units = sender->next_units = units;
    sender->next_tick = -1;
    sender->scale = 1;
    sender->ticks = OH_TICKS_PER_PACKET;
    sender->relay_tick = -INFINITY;
    sender->dtmf_payload_type = -1;
}

bool oh_sender_has_work(const struct oh_sender *sender) {
    return sender->connected && (sender->queue.first || sender->digit_count ||
                                 sender->keeps_sending || sender->below.sound);
}

bool oh_sender_busy(const struct oh_sender *sender) {
    return sender->queue.first || sender->digit_count;
}

void oh_sender_configure(oh_leg *leg, const struct oh_media *media, bool can_send) {
    struct oh_sender *sender = &leg->sender;
    uint32_t scale = oh_clock_scale(media->codec);
    if (scale != sender->scale && sender->packets_sent)
        oh_sender_new_source(leg); /* one SSRC has one clock (RFC 7160 section 4.1) */
    sender->scale = scale;
    sender->codec = sender->queue.codec = media->codec;
    sender->law = sender->queue.law = sender->codec < OH_LAWS ? sender->codec : OH_PCMU;
    int ptime = media->ptime && media->codec != OH_OPUS ? media->ptime : OH_PACKET / 8;
    sender->queue.packet = (size_t)ptime * 8;
    sender->payload_type = media->payload_type;
    sender->dtmf_payload_type = media->dtmf_payload_type;
    if (sender->dtmf_payload_type < 0) {
        sender->digit_count = 0;
        sender->digit_running = false;
    }
    sender->connected = true;
    sender->can_send = can_send;
    uint8_t ticks = (uint8_t)(sender->queue.packet / OH_TICK_UNITS);
    if (ticks != sender->ticks)
        oh_engine_unschedule(leg->engine, leg);
    sender->ticks = ticks;
}

/* The clock. */

int64_t oh_sender_units_at(const struct oh_sender *sender, double tick) {
    return sender->anchor_units + (int64_t)((tick - sender->anchor_tick) * OH_TICK_UNITS);
}

int64_t oh_sender_free_units_at(const struct oh_sender *sender, double tick) {
    int64_t units = oh_sender_units_at(sender, tick);
    return units > sender->next_units ? units : sender->next_units;
}

/* A timestamp in the codec's clock. */
static uint32_t on_the_wire(const struct oh_sender *sender, int64_t units) {
    return (uint32_t)((uint64_t)units * sender->scale);
}

/* The socket. */

static void send_packet(oh_leg *leg, uint8_t *packet, size_t size) {
    struct oh_sender *sender = &leg->sender;
    sender->packets_sent++;
    sender->octets_sent += size - OH_RTP_HEADER;
    oh_engine_changed(leg->engine, leg);
    if (leg->secure && !(size = oh_secure_rtp(leg->secure, packet, size))) {
        sender->errors++;
        return;
    }
    if (sendto(leg->rtp, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL, &sender->remote.at.any,
               sender->remote.size) < 0)
        sender->errors++;
}

void oh_sender_send_as(oh_leg *leg, uint64_t sequence, uint8_t second, int64_t timestamp,
                       const uint8_t *payload, size_t size) {
    _Alignas(8) uint8_t packet[OH_RTP_HEADER + OH_MOST_DATAGRAM + OH_SECURE_ROOM];
    if (size > OH_MOST_DATAGRAM)
        return;
    oh_rtp_header(packet, second, (uint16_t)sequence, on_the_wire(&leg->sender, timestamp),
                  leg->sender.ssrc);
    memcpy(packet + OH_RTP_HEADER, payload, size);
    send_packet(leg, packet, OH_RTP_HEADER + size);
}

void oh_sender_send(oh_leg *leg, uint8_t second, int64_t timestamp, const uint8_t *payload,
                    size_t size) {
    oh_sender_send_as(leg, leg->sender.sequence++, second, timestamp, payload, size);
}

void oh_sender_send_event(oh_leg *leg, uint8_t second, int64_t timestamp, const uint8_t *payload,
                          size_t size) {
    uint8_t scaled[4];
    if (leg->sender.scale > 1 && size >= sizeof scaled) {
        uint32_t duration = oh_get16(payload + 2) * leg->sender.scale;
        memcpy(scaled, payload, 2);
        oh_put16(scaled + 2, duration < 0xFFFF ? duration : 0xFFFF);
        payload = scaled;
        size = sizeof scaled;
    }
    oh_sender_send(leg, second, timestamp, payload, size);
}

struct oh_encoder *oh_sender_encoder(oh_leg *leg) {
    enum oh_codec codec = leg->sender.codec;
    if (leg->encoder && oh_encoder_codec(leg->encoder) == codec)
        return leg->encoder;
    oh_encoder_free(leg->encoder);
    return leg->encoder = oh_encoder_new(codec);
}

void oh_sender_relayed(oh_leg *leg, uint8_t second, int64_t units, struct oh_coded coded, double tick) {
    struct oh_sender *sender = &leg->sender;
    oh_sender_send(leg, second, units, coded.octets, coded.size);
    sender->anchor_units = units;
    sender->anchor_tick = tick;
    sender->next_units = units + (int64_t)coded.samples;
    sender->next_tick = -1;
    sender->running = true;
}

/* The packet on the wire; one that is not coded yet gets into `room`. */
static struct oh_coded coded_packet(oh_leg *leg, struct oh_part part, uint8_t room[OH_CODED_MOST]) {
    struct oh_sender *sender = &leg->sender;
    size_t packet = sender->queue.packet;
    struct oh_coded coded = {part.law, packet, packet};
    if (sender->codec < OH_LAWS)
        return coded;
    if (part.coded.size)
        return part.coded;
    int16_t samples[OH_MOST_PACKET];
    struct oh_encoder *encoder = oh_sender_encoder(leg);
    coded.octets = room;
    for (size_t at = 0; at < packet; at++)
        samples[at] = oh_g711_levels[sender->law][part.law[at]];
    coded.size = encoder ? oh_encoder_narrow(encoder, samples, packet, room) : 0;
    return coded;
}

/* Sends a packet; while the peer holds us only the time passes.
 *
 * They begin where the last packet ended, unless more than a packet time has passed since. */
static void send_audio(oh_leg *leg, int64_t tick, struct oh_part part, enum content content) {
    struct oh_sender *sender = &leg->sender;
    int64_t units = sender->next_units, packet = (int64_t)sender->queue.packet;
    if (tick != sender->next_tick) {
        int64_t now = oh_sender_units_at(sender, (double)tick);
        if (now >= units + (sender->running ? packet : 0))
            units = now;
    }
    sender->next_tick = tick + sender->ticks;
    sender->next_units = units + packet;
    if (!sender->can_send) {
        sender->running = false;
        return;
    }
    uint8_t second = sender->payload_type;
    if (!sender->running)
        second |= OH_RTP_MARKER;
    sender->running = true;
    uint8_t room[OH_CODED_MOST];
    struct oh_coded coded = coded_packet(leg, part, room);
    if (coded.size)
        oh_sender_send(leg, second, units, coded.octets, coded.size);
    if (leg->tapping && content == SPOKEN)
        oh_leg_tap_sent(leg, units, tick, part.law);
}

/* Digits. */

static oh_sound *tone_sound(oh_engine *engine, char digit, double duration) {
    size_t size = oh_tone_size(duration);
    oh_sound *sound = calloc(1, sizeof *sound);
    uint8_t *octets = malloc(size * OH_LAWS);
    if (!sound || !octets) {
        free(sound);
        free(octets);
        return NULL;
    }
    sound->engine = engine;
    sound->size = size;
    sound->own = octets;
    for (int codec = 0; codec < OH_LAWS; codec++) {
        uint8_t *part = octets + (size_t)codec * size;
        oh_tone_write(digit, duration, (enum oh_codec)codec, part);
        sound->law[codec] = part;
    }
    return sound;
}

static void play_tone(oh_leg *leg, char digit, double duration) {
    struct oh_playback *playback = calloc(1, sizeof *playback);
    oh_sound *sound = playback ? tone_sound(leg->engine, digit, duration) : NULL;
    if (!sound) {
        free(playback);
        return;
    }
    playback->sound = sound;
    playback->passes_left = 1;
    oh_sound_use(sound);
    oh_queue_add(&leg->sender.queue, playback);
}

void oh_sender_send_digit(oh_leg *leg, char digit, double duration) {
    struct oh_sender *sender = &leg->sender;
    if (sender->dtmf_payload_type < 0) {
        if (sender->queue.waiting < OH_MOST_DIGITS)
            play_tone(leg, digit, duration);
    } else if (sender->digit_count < OH_MOST_DIGITS) {
        int at = (sender->first_digit + sender->digit_count++) % OH_MOST_DIGITS;
        sender->digits[at].event = (uint8_t)oh_event_of(digit);
        sender->digits[at].total = oh_event_total(duration);
    }
}

/* One packet of the digit being pressed; audio waits meanwhile. */
static void transmit_digit(oh_leg *leg, int64_t tick) {
    struct oh_sender *sender = &leg->sender;
    const struct oh_digit *digit = &sender->digits[sender->first_digit];
    if (!sender->digit_running) {
        sender->digit_running = true;
        sender->digit_units = oh_sender_free_units_at(sender, (double)tick);
        sender->digit_step = 0;
    }
    int step = sender->digit_step++;
    int packets = (int)oh_event_packets(digit->total);
    if (step < packets && sender->can_send && sender->dtmf_payload_type >= 0) {
        uint8_t payload[4];
        uint32_t offset = oh_event_payload(digit->event, digit->total, (uint32_t)step, payload);
        int second = sender->dtmf_payload_type | (step ? 0 : OH_RTP_MARKER);
        oh_sender_send_event(leg, (uint8_t)second, sender->digit_units + offset, payload,
                             sizeof payload);
    }
    if (step + 1 >= packets + GAP_PACKETS) {
        sender->first_digit = (sender->first_digit + 1) % OH_MOST_DIGITS;
        sender->digit_count--;
        sender->digit_running = false;
        sender->running = false;
    }
}

/* Every packet time. */

static struct oh_part silence_of(const struct oh_sender *sender) {
    return (struct oh_part){oh_silence[sender->law], {NULL, 0, 0}};
}

/* Sends silence for the packet times since the last relayed packet. */
static void fill(oh_leg *leg, int64_t tick) {
    struct oh_sender *sender = &leg->sender;
    int64_t since = oh_sender_units_at(sender, (double)tick) - sender->next_units;
    int64_t missing = since / (int64_t)sender->queue.packet;
    if (missing > MOST_FILLED)
        return;
    for (int64_t packet = 0; packet < missing; packet++)
        send_audio(leg, tick - sender->ticks * missing, silence_of(sender), SILENT);
}

/* No playback: leave the time to relayed packets, or send the background sound or silence. */
static bool transmit_idle(oh_leg *leg, int64_t tick) {
    struct oh_sender *sender = &leg->sender;
    double quiet = (double)tick - sender->relay_tick;
    if (sender->relays && quiet < RELAY_QUIET)
        return true;
    if (sender->below.sound) {
        if (quiet >= RELAY_GONE) {
            send_audio(leg, tick, oh_repeated_take(&sender->below, &sender->queue), SPOKEN);
            return true;
        }
        sender->below.position = 0;
    }
    if (sender->keeps_sending) {
        if (sender->relays && sender->running)
            fill(leg, tick);
        send_audio(leg, tick, silence_of(sender), SILENT);
        return true;
    }
    sender->running = false;
    return sender->below.sound != NULL;
}

bool oh_sender_transmit(oh_leg *leg, int64_t tick) {
    struct oh_sender *sender = &leg->sender;
    if (!sender->running && tick < sender->not_before)
        return true;
    sender->due = tick + (sender->digit_count ? OH_TICKS_PER_PACKET : sender->ticks);
    if (sender->digit_count) {
        transmit_digit(leg, tick);
        return true;
    }
    struct oh_part part = oh_queue_take(&sender->queue);
    if (!part.law)
        return transmit_idle(leg, tick);
    send_audio(leg, tick, part, SPOKEN);
    return true;
}
