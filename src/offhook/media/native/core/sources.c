/* Whose packets a leg takes (spec/execution.md, "Media"). The rules and their reasons are in
 * media/python/rtp_receiver.py. */
#include <stdlib.h>
#include <string.h>

#include "leg.h"

#define MOVED_AFTER 0.2 /* seconds the old address is silent before the peer is followed to another */

static bool in_network(const struct oh_network *network, const struct oh_address *address) {
    if (network->version != address->version)
        return false;
    int whole = network->prefix / 8, rest = network->prefix % 8;
    if (memcmp(network->octets, address->octets, (size_t)whole))
        return false;
    return !rest || !((network->octets[whole] ^ address->octets[whole]) >> (8 - rest));
}

/* Whether the latest offer and answer, or the trunk, name this host. */
static bool is_named(const struct oh_receiver *receiver, const struct oh_endpoint *from) {
    if (receiver->has_signalled && oh_endpoint_same_host(from, &receiver->signalled))
        return true;
    struct oh_address address;
    oh_endpoint_address(from, &address);
    for (size_t at = 0; at < receiver->networks; at++)
        if (in_network(&receiver->network[at], &address))
            return true;
    return false;
}

/* Whether the present stream goes on with this sequence number. */
static bool goes_on(const struct oh_receiver *receiver, uint16_t sequence) {
    uint16_t newest = (uint16_t)receiver->audio->source.highest;
    return abs(oh_sequence_distance(sequence, newest)) <= OH_MAX_MISORDER;
}

/* Whether a packet that comes from a new address, or with a new SSRC, is the peer's. */
static bool may_send(oh_leg *leg, const struct oh_endpoint *from, uint32_t ssrc, uint16_t sequence,
                     double arrival) {
    struct oh_receiver *receiver = &leg->receiver;
    bool named = is_named(receiver, from);
    if (ssrc == leg->sender.ssrc) {
        if (named)
            oh_leg_collision(leg);
        return false;
    }
    bool silent = arrival - receiver->heard_at >= MOVED_AFTER;
    bool signalled = receiver->has_signalled && oh_endpoint_equal(from, &receiver->signalled);
    bool known = receiver->has_remote && oh_endpoint_equal(from, &receiver->remote);
    bool allowed;
    if (!receiver->latched)
        allowed = named;
    else if (receiver->audio && ssrc == receiver->audio->ssrc)
        allowed = signalled || (silent && goes_on(receiver, sequence));
    else
        allowed = named && (silent || known || signalled);
    if (!allowed && !named && receiver->refused++ == 0)
        oh_leg_refused(leg, from);
    return allowed;
}

static struct oh_stream *find(const struct oh_receiver *receiver, uint32_t ssrc) {
    for (int at = 0; at < receiver->streams; at++)
        if (receiver->stream[at]->ssrc == ssrc)
            return receiver->stream[at];
    return NULL;
}

/* Whether audio with another SSRC is the peer's from now on: the first of all at once, a changed one at its
 * second packet in sequence (RFC 3550 A.1). */
static bool takes_over(struct oh_receiver *receiver, struct oh_stream *known, uint32_t ssrc,
                       uint16_t sequence) {
    bool expected = receiver->has_candidate && receiver->candidate_ssrc == ssrc &&
                    receiver->candidate_sequence == sequence;
    if (receiver->audio && !expected) {
        receiver->has_candidate = true;
        receiver->candidate_ssrc = ssrc;
        receiver->candidate_sequence = (uint16_t)(sequence + 1);
        return false;
    }
    receiver->has_candidate = false;
    if (known)
        receiver->audio = known;
    return true;
}

static void remove_quietest(struct oh_receiver *receiver) {
    int quietest = 0;
    for (int at = 1; at < receiver->streams; at++)
        if (receiver->stream[at]->heard_at < receiver->stream[quietest]->heard_at)
            quietest = at;
    struct oh_stream *stream = receiver->stream[quietest];
    receiver->past.received += stream->source.received;
    receiver->past.late += stream->source.late;
    receiver->past.expected += oh_source_expected(&stream->source);
    receiver->past.lost += oh_source_lost(&stream->source);
    if (receiver->audio == stream)
        receiver->audio = NULL;
    free(stream);
    receiver->stream[quietest] = receiver->stream[--receiver->streams];
}

/* A stream for a new SSRC; NULL when there is no memory. */
static struct oh_stream *open_stream(oh_leg *leg, uint32_t ssrc, uint16_t sequence, bool is_audio,
                                     double arrival) {
    struct oh_receiver *receiver = &leg->receiver;
    struct oh_stream *stream = malloc(sizeof *stream);
    if (!stream) {
        oh_leg_fail(leg);
        return NULL;
    }
    if (receiver->streams >= OH_MOST_STREAMS)
        remove_quietest(receiver);
    oh_source_init(&stream->source, sequence);
    oh_presses_init(&stream->presses);
    stream->ssrc = ssrc;
    stream->scaled = false;
    stream->heard_at = arrival;
    receiver->stream[receiver->streams++] = stream;
    if (is_audio || !receiver->audio)
        receiver->audio = stream;
    return stream;
}

/* The peer sends from here. */
static void latch(oh_leg *leg, const struct oh_endpoint *from) {
    struct oh_receiver *receiver = &leg->receiver;
    bool changed = !receiver->has_remote || !oh_endpoint_equal(from, &receiver->remote);
    if (receiver->latched && !changed)
        return;
    receiver->latched = receiver->has_remote = true;
    receiver->remote = *from;
    if (changed)
        oh_leg_latched(leg);
}

struct oh_stream *oh_receiver_admit(oh_leg *leg, const struct oh_endpoint *from, uint32_t ssrc,
                                    uint16_t sequence, double arrival, bool is_audio, bool is_event) {
    struct oh_receiver *receiver = &leg->receiver;
    struct oh_stream *stream = find(receiver, ssrc);
    bool settled = stream && receiver->latched && oh_endpoint_equal(from, &receiver->remote);
    if (!settled && !may_send(leg, from, ssrc, sequence, arrival))
        return NULL;
    if (!stream && !is_audio && !is_event)
        return NULL;
    bool other = !receiver->audio || receiver->audio->ssrc != ssrc;
    if (is_audio && other && !takes_over(receiver, stream, ssrc, sequence))
        return NULL;
    latch(leg, from);
    return stream ? stream : open_stream(leg, ssrc, sequence, is_audio, arrival);
}
