/* RTP (RFC 3550): the header, sequence arithmetic, and what a receiver learns from a stream. */
#ifndef OH_RTP_H
#define OH_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_RTP_HEADER 12
#define OH_RTP_VERSION_2 0x80
#define OH_RTP_MARKER 0x80
#define OH_MAX_MISORDER 100 /* a packet older than the newest by at most this is late (A.1) */

static inline uint16_t oh_get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t oh_get32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
static inline void oh_put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void oh_put32(uint8_t *at, uint32_t value) {
    oh_put16(at, value >> 16);
    oh_put16(at + 2, value);
}

/* newer - older across the wrap. */
static inline int32_t oh_sequence_distance(uint16_t newer, uint16_t older) {
    return (int16_t)(uint16_t)(newer - older);
}
static inline int32_t oh_timestamp_distance(uint32_t newer, uint32_t older) {
    return (int32_t)(newer - older);
}

static inline void oh_rtp_header(uint8_t *at, uint8_t second, uint16_t sequence, uint32_t timestamp,
                                 uint32_t ssrc) {
    at[0] = OH_RTP_VERSION_2;
    at[1] = second;
    oh_put16(at + 2, sequence);
    oh_put32(at + 4, timestamp);
    oh_put32(at + 8, ssrc);
}

/* Where the payload of a datagram begins and ends; false when it is no RTP packet. Steps over CSRCs and a
 * header extension and takes padding off (RFC 3550 sections 5.1, 5.3.1). */
bool oh_rtp_payload(const uint8_t *datagram, size_t size, size_t *start, size_t *end);

enum oh_arrival { OH_NEW, OH_REORDERED, OH_DUPLICATE, OH_STRAY };

#define OH_MOST_MISSING (2 * OH_MAX_MISORDER)

/* The state of one received source: A.1 (sequence), A.3 (loss), A.8 (jitter). The rules and their reasons
 * are in media/rtp.py: both engines count alike, to the last bit. */
struct oh_source {
    int64_t base, highest; /* extended sequence numbers */
    int64_t expected_before;
    int64_t prior_expected, prior_received;
    uint64_t received, duplicates, late;
    double jitter; /* timestamp units */
    double transit, transit_at, quickest;
    int late_in_a_row;
    int32_t resume_at; /* -1: none */
    uint16_t missing_count;
    uint32_t missing[OH_MOST_MISSING]; /* the lower bits, in the order they were found missing */
};

void oh_source_init(struct oh_source *source, uint16_t sequence);
/* timed: false keeps the timestamp of a telephone event out of jitter and lateness. */
enum oh_arrival oh_source_update(struct oh_source *source, uint16_t sequence, uint32_t timestamp,
                                 double arrival, bool timed);
int64_t oh_source_expected(const struct oh_source *source);
int64_t oh_source_lost(const struct oh_source *source);
/* Fraction lost since the last call and cumulative loss, for a reception report. */
void oh_source_report(struct oh_source *source, uint8_t *fraction, int32_t *cumulative);

#endif
