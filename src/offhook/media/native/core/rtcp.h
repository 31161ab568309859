/* RTCP (RFC 3550 section 6) of one leg: makes our reports and reads the peer's. */
#ifndef OH_RTCP_H
#define OH_RTCP_H

#include "rtp.h"

#define OH_RTCP_MOST 1500 /* longer compound packets are refused */
#define OH_CNAME 16
#define OH_REMEMBERED_REPORTS 8
#define OH_REPORT_MOST 128 /* octets of a compound packet of ours */

/* The state of the sending side. */
struct oh_sending {
    uint32_t ssrc, rtp_timestamp; /* of the present moment */
    uint64_t packets, octets;
    uint16_t first_sequence;
    uint32_t scale; /* of its clock: units for one of 8,000 a second */
};

/* The source we receive. */
struct oh_heard {
    bool known;
    uint32_t ssrc;
    struct oh_source *source;
    uint32_t scale; /* of its clock, for the jitter */
};

struct oh_rtcp {
    char cname[OH_CNAME];
    struct {
        uint32_t middle;
        double at;
    } sent[OH_REMEMBERED_REPORTS];
    int sent_count;
    uint64_t packets_reported;
    uint32_t last_sr;
    double last_sr_at;
    bool spoken;          /* whether anything was sent yet */
    double remote_loss;   /* 0..1 of what we sent; below 0: unknown */
    double remote_jitter; /* seconds; below 0: unknown */
    double round_trip;    /* seconds; below 0: unknown */
};

/* cname: random characters, for this session only (RFC 7022 section 4.2). */
void oh_rtcp_init(struct oh_rtcp *session, const char cname[OH_CNAME]);
/* Writes the compound packet due now: SR when packets went out since the last one, else RR. `wall` is
 * seconds since 1970. Returns its octets. */
size_t oh_rtcp_report(struct oh_rtcp *session, const struct oh_sending *sending,
                      const struct oh_heard *heard, double now, double wall, bool bye,
                      uint8_t into[OH_REPORT_MOST]);
/* Processes the peer's compound packet; false when it is not valid or not the peer's. */
bool oh_rtcp_received(struct oh_rtcp *session, const uint8_t *datagram, size_t size,
                      const struct oh_sending *sending, const struct oh_heard *heard, double now);
/* Seconds until the next report (section 6.3.1); `random` is from 0 to 1. */
double oh_rtcp_interval(double random, double least, bool initial);

#endif
