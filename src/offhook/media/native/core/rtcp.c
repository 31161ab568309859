#include "rtcp.h"

#include <math.h>
#include <string.h>

#define SR 200
#define RR 201
#define SDES 202
#define BYE 203
#define COMPENSATION 1.21828 /* e - 3/2 (section 6.3.1) */
#define NTP_EPOCH 2208988800u
#define LONGEST_ROUND_TRIP 10.0
#define SENDER_SIZE 24 /* of an SR after its header, without blocks */
#define BLOCK_SIZE 24
#define CNAME_ITEM 1

void oh_rtcp_init(struct oh_rtcp *session, const char cname[OH_CNAME]) {
    memset(session, 0, sizeof *session);
    memcpy(session->cname, cname, OH_CNAME);
    session->remote_loss = session->remote_jitter = session->round_trip = -1;
}

double oh_rtcp_interval(double random, double least, bool initial) {
    return (initial ? least / 2 : least) * (0.5 + random) / COMPENSATION;
}

static uint32_t clamped(double value) {
    if (!(value > 0))
        return 0;
    return value < 4294967295.0 ? (uint32_t)value : 0xFFFFFFFF;
}

static uint8_t *put_header(uint8_t *at, int count, int type, size_t body) {
    at[0] = (uint8_t)(0x80 | count);
    at[1] = (uint8_t)type;
    oh_put16(at + 2, (uint32_t)(body / 4));
    return at + 4;
}

static uint8_t *put_block(uint8_t *at, struct oh_rtcp *session, const struct oh_heard *heard,
                          double now) {
    uint8_t fraction;
    int32_t cumulative;
    oh_source_report(heard->source, &fraction, &cumulative);
    double delay = session->last_sr ? rint((now - session->last_sr_at) * 65536) : 0;
    oh_put32(at, heard->ssrc);
    oh_put32(at + 4, (uint32_t)fraction << 24 | ((uint32_t)cumulative & 0xFFFFFF));
    oh_put32(at + 8, (uint32_t)heard->source->highest);
    oh_put32(at + 12, clamped(rint(heard->source->jitter * heard->scale)));
    oh_put32(at + 16, session->last_sr);
    oh_put32(at + 20, clamped(delay));
    return at + BLOCK_SIZE;
}

/* The sender's part of an SR; remembers when it was sent. */
static uint8_t *put_sender(uint8_t *at, struct oh_rtcp *session, const struct oh_sending *sending,
                           double now, double wall) {
    double whole = floor(wall);
    uint32_t seconds = (uint32_t)((uint64_t)whole + NTP_EPOCH);
    uint32_t fraction = (uint32_t)((wall - whole) * 4294967296.0);
    int slot = session->sent_count++ % OH_REMEMBERED_REPORTS;
    session->sent[slot].middle = seconds << 16 | fraction >> 16;
    session->sent[slot].at = now;
    session->packets_reported = sending->packets;
    oh_put32(at, sending->ssrc);
    oh_put32(at + 4, seconds);
    oh_put32(at + 8, fraction);
    oh_put32(at + 12, sending->rtp_timestamp);
    oh_put32(at + 16, (uint32_t)sending->packets);
    oh_put32(at + 20, (uint32_t)sending->octets);
    return at + SENDER_SIZE;
}

size_t oh_rtcp_report(struct oh_rtcp *session, const struct oh_sending *sending,
                      const struct oh_heard *heard, double now, double wall, bool bye,
                      uint8_t into[OH_REPORT_MOST]) {
    uint8_t *at = into;
    int blocks = heard->known && heard->source ? 1 : 0;
    size_t block = (size_t)blocks * BLOCK_SIZE;
    if (sending->packets > session->packets_reported) {
        at = put_header(at, blocks, SR, SENDER_SIZE + block);
        at = put_sender(at, session, sending, now, wall);
    } else {
        at = put_header(at, blocks, RR, 4 + block);
        oh_put32(at, sending->ssrc);
        at += 4;
    }
    if (blocks)
        at = put_block(at, session, heard, now);
    /* The chunk: SSRC, item, name, and at least one zero octet up to the word boundary. */
    size_t item = 4 + 2 + OH_CNAME, padded = item + 4 - item % 4;
    at = put_header(at, 1, SDES, padded);
    memset(at, 0, padded);
    oh_put32(at, sending->ssrc);
    at[4] = CNAME_ITEM;
    at[5] = OH_CNAME;
    memcpy(at + 6, session->cname, OH_CNAME);
    at += padded;
    if (bye) {
        at = put_header(at, 1, BYE, 4);
        oh_put32(at, sending->ssrc);
        at += 4;
    }
    session->spoken = true;
    return (size_t)(at - into);
}

/* Loss, jitter and round trip of our stream (section 6.4.1). */
static void learn(struct oh_rtcp *session, const uint8_t *block, const struct oh_sending *sending,
                  double now) {
    uint32_t loss = oh_get32(block + 4) & 0xFFFFFF;
    double lost = loss & 0x800000 ? 0 : (double)loss;
    double expected = (double)oh_get32(block + 8) - sending->first_sequence + 1;
    if (0 < expected && expected <= (double)sending->packets + 1)
        session->remote_loss = fmin(1.0, lost / expected);
    session->remote_jitter = oh_get32(block + 12) / (8000.0 * sending->scale);
    uint32_t last_sr = oh_get32(block + 16);
    int known = session->sent_count;
    if (known > OH_REMEMBERED_REPORTS)
        known = OH_REMEMBERED_REPORTS;
    for (int at = 0; at < known; at++) {
        if (session->sent[at].middle != last_sr)
            continue;
        double round_trip = now - session->sent[at].at - oh_get32(block + 20) / 65536.0;
        if (round_trip <= LONGEST_ROUND_TRIP)
            session->round_trip = fmax(0.0, round_trip);
    }
}

/* Whether the items of SDES lie within the packet. */
static bool valid_descriptions(const uint8_t *body, size_t size, int count) {
    size_t at = 0;
    for (int chunk = 0; chunk < count; chunk++) {
        if (at + 4 > size)
            return false;
        at += 4;
        while (at < size && body[at]) {
            if (at + 2 > size || at + 2 + body[at + 1] > size)
                return false;
            at += 2 + (size_t)body[at + 1];
        }
        if (at >= size)
            return false;
        at += 4 - at % 4;
    }
    return true;
}

static bool valid_body(int type, int count, const uint8_t *body, size_t size) {
    if (type == SR)
        return size >= SENDER_SIZE + (size_t)count * BLOCK_SIZE;
    if (type == RR)
        return size >= 4 + (size_t)count * BLOCK_SIZE;
    if (type == SDES)
        return valid_descriptions(body, size, count);
    return type != BYE || size >= 4 * (size_t)count;
}

/* The packet at `at`, without padding; false when it is malformed (A.2). */
static bool packet_at(const uint8_t *data, size_t size, size_t at, size_t *body_size, size_t *next) {
    if (at + 4 > size || (data[at] & 0xC0) != 0x80)
        return false;
    size_t end = at + 4 + 4 * (size_t)oh_get16(data + at + 2);
    if (end > size)
        return false;
    *body_size = end - at - 4;
    *next = end;
    if (data[at] & 0x20) {
        uint8_t padding = *body_size ? data[end - 1] : 0;
        if (end != size || !padding || padding > *body_size)
            return false;
        *body_size -= padding;
    }
    return valid_body(data[at + 1], data[at] & 0x1F, data + at + 4, *body_size);
}

static bool valid(const uint8_t *data, size_t size) {
    if (size < 8 || size > OH_RTCP_MOST || size % 4 || (data[0] & 0xE0) != 0x80)
        return false;
    if (data[1] != SR && data[1] != RR)
        return false;
    size_t at = 0, body;
    while (at < size)
        if (!packet_at(data, size, at, &body, &at))
            return false;
    return true;
}

bool oh_rtcp_received(struct oh_rtcp *session, const uint8_t *datagram, size_t size,
                      const struct oh_sending *sending, const struct oh_heard *heard, double now) {
    if (!valid(datagram, size))
        return false;
    size_t at = 0, body = 0, next = 0;
    for (; at < size && packet_at(datagram, size, at, &body, &next); at = next) {
        const uint8_t *content = datagram + at + 4;
        int type = datagram[at + 1], count = datagram[at] & 0x1F;
        if (type != SR && type != RR)
            continue;
        if (heard->known && oh_get32(content) != heard->ssrc)
            return false;
        if (type == SR) {
            session->last_sr = oh_get32(content + 4) << 16 | oh_get32(content + 8) >> 16;
            session->last_sr_at = now;
        }
        const uint8_t *block = content + (type == SR ? SENDER_SIZE : 4);
        for (int index = 0; index < count; index++, block += BLOCK_SIZE)
            if (oh_get32(block) == sending->ssrc)
                learn(session, block, sending, now);
    }
    return true;
}
