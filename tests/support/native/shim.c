/* The parts of the core that are compared with the modules of media, for ctypes. */
#include <stdlib.h>
#include <string.h>

#include "g711.h"
#include "rtcp.h"
#include "rtp.h"
#include "telephone_event.h"
#include "tones.h"

void shim_init(void) { oh_tones_init(); }
int shim_level(int codec, int octet) { return oh_g711_levels[codec][octet]; }
int shim_encode(int codec, int sample) { return oh_g711_encode((enum oh_codec)codec, (int16_t)sample); }
int shim_other(int codec, int octet) { return oh_g711_other[codec][octet]; }

int shim_payload(const uint8_t *datagram, size_t size, size_t *start, size_t *end) {
    return oh_rtp_payload(datagram, size, start, end);
}

void *shim_source(int sequence) {
    struct oh_source *source = malloc(sizeof *source);
    oh_source_init(source, (uint16_t)sequence);
    return source;
}
int shim_update(void *source, int sequence, uint32_t timestamp, double arrival, int timed) {
    return (int)oh_source_update(source, (uint16_t)sequence, timestamp, arrival, timed);
}
void shim_counts(const struct oh_source *source, int64_t counts[5], double *jitter) {
    counts[0] = (int64_t)source->received;
    counts[1] = (int64_t)source->duplicates;
    counts[2] = (int64_t)source->late;
    counts[3] = oh_source_expected(source);
    counts[4] = source->highest & 0xFFFFFFFF;
    *jitter = source->jitter / 8000;
}
void shim_report(void *source, int *fraction, int *cumulative) {
    uint8_t part;
    int32_t lost;
    oh_source_report(source, &part, &lost);
    *fraction = part;
    *cumulative = lost;
}

void *shim_presses(void) {
    struct oh_presses *presses = malloc(sizeof *presses);
    oh_presses_init(presses);
    return presses;
}
int shim_press(void *presses, int sequence, uint32_t timestamp, int marker, const uint8_t *payload,
               size_t size) {
    return oh_presses_packet(presses, (uint16_t)sequence, timestamp, marker, payload, size);
}
uint32_t shim_event_total(double duration) { return oh_event_total(duration); }
uint32_t shim_event_packets(uint32_t total) { return oh_event_packets(total); }
uint32_t shim_event_payload(int event, uint32_t total, uint32_t index, uint8_t payload[4]) {
    return oh_event_payload((uint8_t)event, total, index, payload);
}

size_t shim_tone(char digit, double duration, int codec, uint8_t *octets) {
    oh_tone_write(digit, duration, (enum oh_codec)codec, octets);
    return oh_tone_size(duration);
}
void *shim_inband(void) {
    struct oh_inband *inband = malloc(sizeof *inband);
    oh_inband_init(inband);
    return inband;
}
int shim_inband_packet(void *inband, int codec, uint32_t ssrc, uint32_t timestamp, const uint8_t *payload,
                       size_t size, char *keys) {
    return oh_inband_packet(inband, (enum oh_codec)codec, ssrc, timestamp, payload, size, keys, 16);
}

void *shim_rtcp(const char *cname) {
    struct oh_rtcp *session = malloc(sizeof *session);
    oh_rtcp_init(session, cname);
    return session;
}
/* numbers: SSRC, timestamp, packets, octets, first sequence; heard: SSRC, or below 0. */
size_t shim_rtcp_report(void *session, const int64_t numbers[5], int64_t heard, void *source, double now,
                        double wall, int bye, uint8_t *into) {
    struct oh_sending sending = {(uint32_t)numbers[0], (uint32_t)numbers[1], (uint64_t)numbers[2],
                                 (uint64_t)numbers[3], (uint16_t)numbers[4], 1};
    struct oh_heard from = {heard >= 0, (uint32_t)heard, source, 1};
    return oh_rtcp_report(session, &sending, &from, now, wall, bye, into);
}
int shim_rtcp_received(struct oh_rtcp *session, const uint8_t *datagram, size_t size,
                       const int64_t numbers[5], int64_t heard, double now, double told[3]) {
    struct oh_sending sending = {(uint32_t)numbers[0], (uint32_t)numbers[1], (uint64_t)numbers[2],
                                 (uint64_t)numbers[3], (uint16_t)numbers[4], 1};
    struct oh_heard from = {heard >= 0, (uint32_t)heard, NULL, 1};
    int taken = oh_rtcp_received(session, datagram, size, &sending, &from, now);
    told[0] = session->remote_loss;
    told[1] = session->remote_jitter;
    told[2] = session->round_trip;
    return taken;
}
