/* The receiving side of a leg. The theory of operation is in media/python/rtp_receiver.py. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "leg.h"

#define FIRST_CONTROL 192    /* packet types of RTCP on the port of RTP (RFC 5761 section 4) */
#define LAST_CONTROL 223
#define BURST 8              /* datagrams read from one leg in one go while they queue up */
#define DIGITS_PER_SECOND 25 /* a digit takes at least 40 ms, so faster ones are not key presses */

void oh_receiver_init(struct oh_receiver *receiver) {
    memset(receiver, 0, sizeof *receiver);
    receiver->event_types[0] = receiver->event_types[1] = -1;
}

void oh_receiver_free(struct oh_receiver *receiver) {
    for (int at = 0; at < receiver->streams; at++)
        free(receiver->stream[at]);
    free(receiver->network);
    receiver->network = NULL;
    receiver->networks = 0;
    receiver->streams = 0;
    receiver->audio = NULL;
}

static bool copy_networks(struct oh_receiver *receiver, const struct oh_media *media) {
    struct oh_network *copy = NULL;
    if (media->networks) {
        copy = calloc(media->networks, sizeof *copy);
        if (!copy)
            return false;
        memcpy(copy, media->network, media->networks * sizeof *copy);
    }
    free(receiver->network);
    receiver->network = copy;
    receiver->networks = media->networks;
    return true;
}

static int16_t event_type(const struct oh_media *media, int16_t type) {
    return type >= 0 && type < 128 && !media->receive_codecs[type] ? type : -1;
}

bool oh_receiver_configure(struct oh_receiver *receiver, const struct oh_media *media) {
    struct oh_endpoint remote;
    if (!copy_networks(receiver, media))
        return false;
    memcpy(receiver->types, media->receive_codecs, sizeof receiver->types);
    /* Some peers send the payload type of their own description instead of ours. */
    receiver->event_types[0] = event_type(media, media->dtmf_receive_type);
    receiver->event_types[1] = event_type(media, media->dtmf_payload_type);
    receiver->event_scale = oh_clock_scale(media->codec);
    receiver->receive = media->receive;
    receiver->mux = media->rtcp_mux;
    oh_endpoint_of(&remote, &media->remote);
    /* An unspecified address is hold; the peer stays where it was. */
    bool held = receiver->has_signalled && oh_endpoint_unspecified(&remote);
    bool same = receiver->has_signalled && oh_endpoint_equal(&remote, &receiver->signalled);
    if (!same && !held) {
        receiver->signalled = receiver->remote = remote;
        receiver->has_signalled = receiver->has_remote = true;
        receiver->latched = false;
        /* The first packet from there is accepted, as at the beginning. */
        receiver->has_candidate = false;
        receiver->audio = NULL;
    }
    return true;
}

static void count(struct oh_counts *counts, const struct oh_source *source) {
    counts->received += source->received;
    counts->late += source->late;
    counts->expected += oh_source_expected(source);
    counts->lost += oh_source_lost(source);
}

struct oh_counts oh_receiver_counts(const struct oh_receiver *receiver) {
    struct oh_counts counts = receiver->past;
    for (int at = 0; at < receiver->streams; at++)
        count(&counts, &receiver->stream[at]->source);
    return counts;
}

static void digit(oh_leg *leg, char key, double arrival) {
    struct oh_receiver *receiver = &leg->receiver;
    if (arrival - receiver->digit_second >= 1) {
        receiver->digit_second = arrival;
        receiver->digit_count = 0;
    }
    if (++receiver->digit_count <= DIGITS_PER_SECOND)
        oh_leg_digit(leg, key, arrival);
}

/* RTCP on the RTP port (RFC 5761). */
static void control(oh_leg *leg, const uint8_t *datagram, size_t size, const struct oh_endpoint *from) {
    struct oh_receiver *receiver = &leg->receiver;
    if (receiver->mux && receiver->has_remote && oh_endpoint_equal(from, &receiver->remote))
        oh_control_received(leg, datagram, size);
    else
        receiver->discarded++;
}

static bool is_event_type(const struct oh_receiver *receiver, uint8_t type) {
    return receiver->event_types[0] == type || receiver->event_types[1] == type;
}

/* The timestamp in a clock of 8,000. */
static uint32_t units_of(struct oh_stream *stream, uint32_t timestamp, uint32_t scale) {
    if (scale == 1) {
        stream->scaled = false;
        return timestamp;
    }
    if (!stream->scaled)
        stream->wire = (int64_t)1 << 32 | timestamp;
    stream->scaled = true;
    stream->wire += oh_timestamp_distance(timestamp, (uint32_t)stream->wire);
    return (uint32_t)(stream->wire / scale);
}

static uint32_t audio_scale(int codec) { return codec < 0 ? 1 : oh_clock_scale((enum oh_codec)codec); }

/* The usual packet: plain audio of the known stream, and no listener. */
static bool usual(oh_leg *leg, const uint8_t *datagram, const struct oh_endpoint *from, double arrival) {
    struct oh_receiver *receiver = &leg->receiver;
    if (datagram[0] != OH_RTP_VERSION_2 || !receiver->audio || !receiver->types[datagram[1] & 0x7F] ||
        oh_get32(datagram + 8) != receiver->audio->ssrc || oh_leg_listens(leg) ||
        !oh_endpoint_equal(from, &receiver->remote))
        return false;
    receiver->heard_at = arrival;
    uint32_t scale = audio_scale(receiver->types[datagram[1] & 0x7F] - 1);
    uint32_t units = units_of(receiver->audio, oh_get32(datagram + 4), scale);
    oh_source_update(&receiver->audio->source, oh_get16(datagram + 2), units, arrival, true);
    return true;
}

/* A packet that the source check let through. */
static void accepted(oh_leg *leg, struct oh_stream *stream, struct oh_packet *packet) {
    struct oh_receiver *receiver = &leg->receiver;
    receiver->heard_at = stream->heard_at = packet->arrival;
    enum oh_arrival outcome = oh_source_update(&stream->source, packet->sequence, packet->timestamp,
                                               packet->arrival, packet->codec >= 0);
    if ((outcome != OH_NEW && outcome != OH_REORDERED) || !receiver->receive)
        return;
    packet->reordered = outcome == OH_REORDERED;
    if (packet->is_event) {
        char key = oh_presses_packet(&stream->presses, packet->sequence, packet->timestamp,
                                     packet->marker, packet->payload, packet->size);
        if (key)
            digit(leg, key, packet->arrival);
    }
    if (oh_leg_listens(leg))
        oh_leg_heard(leg, packet);
}

/* An event's duration in a clock of 8,000. */
static void scale_event(const struct oh_receiver *receiver, struct oh_packet *packet, uint8_t scaled[4]) {
    if (!packet->is_event || packet->size < 4 || receiver->event_scale == 1)
        return;
    memcpy(scaled, packet->payload, 2);
    oh_put16(scaled + 2, oh_get16(packet->payload + 2) / receiver->event_scale);
    packet->payload = scaled;
    packet->size = 4;
}

static size_t samples_of(const struct oh_packet *packet) {
    if (packet->codec < OH_LAWS)
        return packet->size;
    return oh_coded_samples((enum oh_codec)packet->codec, packet->payload, packet->size);
}

void oh_receiver_datagram(oh_leg *leg, const uint8_t *datagram, size_t size,
                          const struct oh_endpoint *from, double arrival) {
    struct oh_receiver *receiver = &leg->receiver;
    size_t start, end;
    oh_engine_changed(leg->engine, leg);
    if (size >= OH_RTP_HEADER && usual(leg, datagram, from, arrival))
        return;
    if (!oh_rtp_payload(datagram, size, &start, &end)) {
        receiver->discarded++;
        return;
    }
    if (datagram[1] >= FIRST_CONTROL && datagram[1] <= LAST_CONTROL) {
        control(leg, datagram, size, from);
        return;
    }
    uint8_t type = datagram[1] & 0x7F;
    struct oh_packet packet = {.payload = datagram + start, .size = end - start,
                               .codec = receiver->types[type] - 1,
                               .marker = datagram[1] >= OH_RTP_MARKER,
                               .is_event = is_event_type(receiver, type),
                               .sequence = oh_get16(datagram + 2), .ssrc = oh_get32(datagram + 8),
                               .timestamp = oh_get32(datagram + 4), .arrival = arrival};
    struct oh_stream *stream = oh_receiver_admit(leg, from, packet.ssrc, packet.sequence, arrival,
                                                 packet.codec >= 0, packet.is_event);
    if (!stream) {
        receiver->discarded++;
        return;
    }
    uint8_t scaled[4];
    uint32_t scale = packet.is_event ? receiver->event_scale : audio_scale(packet.codec);
    packet.timestamp = units_of(stream, packet.timestamp, scale);
    packet.samples = samples_of(&packet);
    scale_event(receiver, &packet, scaled);
    accepted(leg, stream, &packet);
}

void oh_receiver_arrived(oh_leg *leg, uint8_t *datagram, size_t size, const struct oh_endpoint *from,
                         double arrival) {
    bool is_control = size >= 2 && datagram[1] >= FIRST_CONTROL && datagram[1] <= LAST_CONTROL;
    if (leg->secure) {
        size = is_control ? oh_unsecure_rtcp(leg->secure, datagram, size)
                          : oh_unsecure_rtp(leg->secure, datagram, size);
        if (!size) {
            leg->receiver.discarded++;
            return;
        }
    }
    oh_receiver_datagram(leg, datagram, size, from, arrival);
}

/* When the kernel received the datagram, as monotonic time; `now` when it does not say. */
static double arrival_of(struct msghdr *message, double now, double skew) {
    struct cmsghdr *control_message = CMSG_FIRSTHDR(message);
    if (!control_message || control_message->cmsg_level != SOL_SOCKET ||
        control_message->cmsg_type != SCM_TIMESTAMPNS)
        return now;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(control_message), sizeof stamp);
    double noted = (double)stamp.tv_sec + (double)stamp.tv_nsec * 1e-9 - skew;
    return noted - now > -0.5 && noted - now < 0.001 ? noted : now;
}

void oh_receiver_read(oh_leg *leg, uint64_t pass, double now, double skew) {
    struct oh_receiver *receiver = &leg->receiver;
    _Alignas(8) uint8_t datagram[OH_MOST_DATAGRAM];
    int reads = receiver->last_pass + 1 == pass ? BURST : 1;
    receiver->last_pass = pass;
    while (reads-- && !leg->closed) {
        struct oh_endpoint from;
        char ancillary[CMSG_SPACE(sizeof(struct timespec))];
        struct iovec buffer = {datagram, sizeof datagram};
        struct msghdr message = {.msg_name = &from.at, .msg_namelen = sizeof from.at,
                                 .msg_iov = &buffer, .msg_iovlen = 1,
                                 .msg_control = ancillary, .msg_controllen = sizeof ancillary};
        ssize_t size = recvmsg(leg->rtp, &message, MSG_DONTWAIT);
        if (size < 0)
            return;
        from.size = message.msg_namelen;
        if (message.msg_flags & MSG_TRUNC)
            receiver->discarded++;
        else
            oh_receiver_arrived(leg, datagram, (size_t)size, &from, arrival_of(&message, now, skew));
    }
}
