/* The bridge: sends the packets that one leg receives on another leg. The rules are in
 * media/python/relay.py and docs/decisions/negotiated-media.md. */
#include <string.h>

#include "g711.h"
#include "leg.h"

#define MOST_SKIPPED 100 /* sequence numbers left out to show a loss */
#define MOST_AHEAD 1600  /* timestamp units (200 ms) a packet may be ahead of the clock */
#define LATE_FOR 40      /* ticks (200 ms) of only late packets after which timestamps are mapped anew */

void oh_relay_begin(oh_leg *leg, oh_leg *target) {
    struct oh_relay *relay = &leg->relay;
    memset(relay, 0, sizeof *relay);
    relay->late_since = INFINITY;
    relay->target = target;
    relay->next_source = target->relayed_from;
    target->relayed_from = leg;
    target->sender.relays++;
    oh_engine_relays(leg->engine, 1);
    target->sender.relay_tick = -INFINITY;
}

void oh_relay_end(oh_leg *leg) {
    oh_leg *target = leg->relay.target;
    if (!target)
        return;
    oh_leg **link = &target->relayed_from;
    while (*link != leg)
        link = &(*link)->relay.next_source;
    *link = leg->relay.next_source;
    leg->relay.target = leg->relay.next_source = NULL;
    target->sender.relays--;
    oh_engine_relays(leg->engine, -1);
}

/* Whether nothing else was sent on the target since the last relayed packet. */
static bool unbroken(const struct oh_relay *relay) {
    return relay->has_next && relay->target->sender.sequence == relay->next;
}

static void note_next(struct oh_relay *relay) {
    relay->has_next = true;
    relay->next = relay->target->sender.sequence;
}

/* The packet in the target's codec, where no sound must be encoded for it; else of size 0. `other` has room for the other
 * law. */
static struct oh_coded as_it_is(const struct oh_relay *relay, const struct oh_packet *packet,
                                uint8_t other[OH_MOST_DATAGRAM]) {
    int codec = (int)relay->target->sender.codec;
    struct oh_coded coded = {packet->payload, packet->size, packet->samples};
    if (packet->codec == codec)
        return coded;
    coded.octets = other;
    if (codec >= OH_LAWS || packet->codec >= OH_LAWS)
        coded.size = 0;
    for (size_t at = 0; at < coded.size; at++)
        other[at] = oh_g711_other[packet->codec][packet->payload[at]];
    return coded;
}

/* Encodes the packet's sound for a target that has another codec than G.711, and sends it. It may take more than one
 * packet. */
static void send_encoded(struct oh_relay *relay, const struct oh_packet *packet, uint8_t second,
                         int64_t units, double tick) {
    uint8_t octets[OH_CODED_MOST];
    int16_t narrow[OH_HALF_MOST];
    enum oh_codec codec = relay->target->sender.codec;
    struct oh_encoder *encoder = oh_sender_encoder(relay->target);
    size_t all = packet->samples < OH_HALF_MOST ? packet->samples : OH_HALF_MOST, part;
    if (!encoder)
        return;
    for (size_t at = 0; !packet->wide && at < all; at++)
        narrow[at] = oh_g711_levels[packet->codec][packet->payload[at]];
    for (size_t at = 0; (part = oh_coded_part(codec, all - at)); at += part) {
        struct oh_coded coded = {octets, 0, part};
        if (packet->wide)
            coded.size = oh_encoder_wide(encoder, packet->wide + 2 * at, 2 * part, octets);
        else
            coded.size = oh_encoder_narrow(encoder, narrow + at, part, octets);
        if (coded.size)
            oh_sender_relayed(relay->target, second, units + (int64_t)at, coded, tick);
        second &= 0x7F;
    }
}

static void send_audio(struct oh_relay *relay, const struct oh_packet *packet, uint8_t second,
                       int64_t units, double tick) {
    uint8_t other[OH_MOST_DATAGRAM];
    struct oh_coded coded = as_it_is(relay, packet, other);
    if (coded.size)
        oh_sender_relayed(relay->target, second, units, coded, tick);
    else if (relay->target->sender.codec >= OH_LAWS) /* a packet without sound is not sent at all */
        send_encoded(relay, packet, second, units, tick);
}

/* A reordered packet takes the sequence number that was left out for it. */
static void overtaken(struct oh_relay *relay, const struct oh_packet *packet, int32_t step) {
    struct oh_sender *sender = &relay->target->sender;
    uint8_t other[OH_MOST_DATAGRAM];
    if (!unbroken(relay) || step <= -MOST_SKIPPED)
        return;
    int32_t distance = oh_timestamp_distance(packet->timestamp, relay->newest_timestamp);
    uint64_t number = sender->sequence - 1 - (uint64_t)-step;
    struct oh_coded coded = as_it_is(relay, packet, other);
    if (coded.size)
        oh_sender_send_as(relay->target, number, sender->payload_type, relay->newest_units + distance,
                          coded.octets, coded.size);
}

/* The packet's timestamp in the target's stream; false: the timestamps must be mapped anew. */
static bool place(const struct oh_relay *relay, const struct oh_packet *packet, double tick,
                  int64_t *units) {
    const struct oh_sender *sender = &relay->target->sender;
    *units = relay->newest_units +
             oh_timestamp_distance(packet->timestamp, relay->newest_timestamp);
    if (*units > oh_sender_units_at(sender, tick) + MOST_AHEAD)
        return false;
    bool late = *units < sender->next_units;
    return !late || (!packet->marker && tick - relay->late_since < LATE_FOR);
}

static void relay_audio(struct oh_relay *relay, const struct oh_packet *packet, double tick) {
    struct oh_sender *sender = &relay->target->sender;
    bool same = relay->has_source && packet->ssrc == relay->source;
    int32_t step = same ? oh_sequence_distance(packet->sequence, relay->last) : 1;
    bool follows = same && unbroken(relay);
    int64_t units;
    if (step <= 0) {
        if (follows)
            overtaken(relay, packet, step);
        return;
    }
    bool joins = !same || !place(relay, packet, tick, &units);
    if (joins) {
        units = oh_sender_free_units_at(sender, tick);
    } else if (units < sender->next_units) {
        relay->late_since = fmin(relay->late_since, tick);
        return;
    }
    relay->late_since = INFINITY;
    relay->has_source = true;
    relay->source = packet->ssrc;
    relay->last = packet->sequence;
    relay->newest_timestamp = packet->timestamp;
    relay->newest_units = units;
    if (follows && step <= MOST_SKIPPED)
        sender->sequence += (uint64_t)step - 1;
    uint8_t marker = packet->marker || joins ? OH_RTP_MARKER : 0;
    send_audio(relay, packet, sender->payload_type | marker, units, tick);
    note_next(relay);
}

/* The timestamp of a press in the target's stream: the current one if the sender does not advance its own. */
static int64_t event_place(const struct oh_relay *relay, const struct oh_packet *packet, double tick) {
    int32_t step = oh_timestamp_distance(packet->timestamp, relay->newest_timestamp);
    if (relay->has_source && packet->ssrc == relay->source && step >= -MOST_AHEAD && step <= MOST_AHEAD)
        return relay->newest_units + step;
    return oh_sender_free_units_at(&relay->target->sender, tick);
}

/* Passes on an event packet; one press keeps one timestamp. */
static void relay_event(struct oh_relay *relay, const struct oh_packet *packet, double tick) {
    struct oh_sender *sender = &relay->target->sender;
    if (!relay->has_event || packet->ssrc != relay->event_ssrc ||
        packet->timestamp != relay->event_timestamp) {
        relay->has_event = true;
        relay->event_ssrc = packet->ssrc;
        relay->event_timestamp = packet->timestamp;
        relay->event_units = event_place(relay, packet, tick);
    }
    bool follows = unbroken(relay), same = relay->has_source && packet->ssrc == relay->source;
    if (same) {
        int32_t step = oh_sequence_distance(packet->sequence, relay->last);
        if (step <= 0)
            return;
        relay->last = packet->sequence;
        if (follows && step <= MOST_SKIPPED)
            sender->sequence += (uint64_t)step - 1;
    }
    int second = sender->dtmf_payload_type | (packet->marker ? OH_RTP_MARKER : 0);
    oh_sender_send_event(relay->target, (uint8_t)second, relay->event_units, packet->payload, packet->size);
    if (same || follows)
        note_next(relay);
}

/* How much longer than a usual packet this one is, in ticks: the next one comes as much later. */
static double longer_by(const struct oh_packet *packet) {
    size_t samples = oh_coded_samples((enum oh_codec)packet->codec, packet->payload, packet->size);
    return samples <= OH_PACKET ? 0 : (double)(samples - OH_PACKET) / OH_TICK_UNITS;
}

void oh_relay_packet(oh_leg *leg, const struct oh_packet *packet) {
    struct oh_relay *relay = &leg->relay;
    struct oh_sender *sender = &relay->target->sender;
    bool event = packet->codec < 0 && packet->is_event && sender->dtmf_payload_type >= 0;
    if (packet->codec < 0 && !event)
        return;
    double tick = oh_engine_tick_at(leg->engine, packet->arrival);
    sender->relay_tick = event ? tick : tick + longer_by(packet);
    if (!sender->can_send || oh_sender_busy(sender))
        return;
    if (event)
        relay_event(relay, packet, tick);
    else
        relay_audio(relay, packet, tick);
}
