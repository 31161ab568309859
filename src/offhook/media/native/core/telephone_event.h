/* DTMF digits as RTP telephone events (RFC 4733): recognised once per press, and sent.
 *
 * The theory of operation is in media/telephone_event.py; the rules are the same. */
#ifndef OH_TELEPHONE_EVENT_H
#define OH_TELEPHONE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_DIGITS "0123456789*#ABCD" /* event codes 0..15 in order (RFC 4733 section 3.2) */
#define OH_EVENT_STEP 160            /* timestamp units of one packet */
#define OH_MOST_PRESSES 32           /* remembered, to recognise their late packets */

struct oh_press {
    uint32_t start, timestamp, duration;
    uint8_t event;
    bool ended;
};

/* The presses of one source (SSRC). */
struct oh_presses {
    struct oh_press press[OH_MOST_PRESSES]; /* the newest last */
    int count;
    int32_t newest; /* sequence number; -1: none */
};

void oh_presses_init(struct oh_presses *presses);
/* The digit, at the first packet of its press; 0 for later packets and for other events. */
char oh_presses_packet(struct oh_presses *presses, uint16_t sequence, uint32_t timestamp, bool marker,
                       const uint8_t *payload, size_t size);

/* The event code of a digit; -1: it is none. */
int oh_event_of(char digit);
/* Timestamp units of a press to be sent; `duration` is in seconds and clamped to 0.04..30. */
uint32_t oh_event_total(double duration);
/* How many packets a press has. */
uint32_t oh_event_packets(uint32_t total);
/* Writes the payload of 4 octets of packet `index`; returns what is added to the timestamp. */
uint32_t oh_event_payload(uint8_t event, uint32_t total, uint32_t index, uint8_t payload[4]);

#endif
