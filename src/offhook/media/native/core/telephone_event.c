#include "telephone_event.h"

#include <math.h>
#include <string.h>

#include "rtp.h"

#define END 0x80
#define MAX_DURATION 0xFFFF
#define LONGEST_UPDATE 3200 /* units a segment may stop short of the largest duration */
#define VOLUME 10           /* -10 dBm0 (RFC 4733 section 2.3.3) */
#define END_REPEATS 480     /* units that repeated end packets may creep: three packets of 20 ms */
#define ENDS 3              /* the final packet is sent three times (section 2.5.1.4) */

struct packet {
    uint32_t timestamp, duration;
    uint8_t event;
    bool marker, ended;
};

void oh_presses_init(struct oh_presses *presses) {
    presses->count = 0;
    presses->newest = -1;
}

/* Whether a packet's timestamp lies in the span from the first packet to the end. */
static bool holds(const struct oh_press *press, const struct packet *packet) {
    if (packet->event != press->event)
        return false;
    int32_t since_start = oh_timestamp_distance(packet->timestamp, press->start);
    int32_t since_last = oh_timestamp_distance(packet->timestamp, press->timestamp);
    return since_start >= 0 && (since_last <= 0 || since_last < (int32_t)press->duration);
}

/* Whether the timestamp went on by no more than the duration has grown. */
static bool crept_to(const struct oh_press *press, const struct packet *packet) {
    int32_t step = oh_timestamp_distance(packet->timestamp, press->timestamp);
    int32_t repeats = packet->ended ? END_REPEATS : 0;
    return 0 < step && step <= (int32_t)packet->duration - (int32_t)press->duration + repeats;
}

/* Whether the packet begins the next segment of a digit held beyond the largest duration (2.5.1.3). */
static bool segment_before(const struct oh_press *press, const struct packet *packet) {
    int32_t step = oh_timestamp_distance(packet->timestamp, press->timestamp);
    return MAX_DURATION - LONGEST_UPDATE <= step && step <= MAX_DURATION + 1;
}

/* Whether the next packet in sequence belongs to this press. */
static bool goes_on_with(const struct oh_press *press, const struct packet *packet) {
    if (packet->event != press->event)
        return false;
    if (press->ended) {
        /* Only the end is repeated; the timestamp may have crept on by up to the duration. */
        int32_t step = oh_timestamp_distance(packet->timestamp, press->timestamp);
        return packet->ended && 0 <= step && step <= (int32_t)press->duration;
    }
    if (packet->marker && packet->duration < press->duration)
        return false;
    return holds(press, packet) || crept_to(press, packet) || segment_before(press, packet);
}

static void add(struct oh_press *press, const struct packet *packet) {
    bool same = packet->timestamp == press->timestamp;
    press->timestamp = packet->timestamp;
    if (!same || packet->duration > press->duration)
        press->duration = packet->duration;
    press->ended = press->ended || packet->ended;
}

/* Whether the packet is older than the newest one. */
static bool overtaken(struct oh_presses *presses, uint16_t sequence) {
    if (presses->newest >= 0) {
        int32_t step = oh_sequence_distance(sequence, (uint16_t)presses->newest);
        if (-OH_MAX_MISORDER <= step && step <= 0)
            return true;
    }
    presses->newest = sequence;
    return false;
}

static void remember(struct oh_presses *presses, const struct packet *packet, bool late) {
    struct oh_press *all = presses->press;
    if (presses->count == OH_MOST_PRESSES) {
        presses->count--;
        memmove(all, all + 1, sizeof *all * (size_t)presses->count);
    }
    struct oh_press press = {packet->timestamp, packet->timestamp, packet->duration, packet->event,
                             packet->ended};
    all[presses->count++] = press;
    if (late && presses->count > 1) {
        /* The press that goes on stays the newest. */
        all[presses->count - 1] = all[presses->count - 2];
        all[presses->count - 2] = press;
    }
}

char oh_presses_packet(struct oh_presses *presses, uint16_t sequence, uint32_t timestamp, bool marker,
                       const uint8_t *payload, size_t size) {
    if (size < 4 || payload[0] >= strlen(OH_DIGITS))
        return 0;
    struct packet packet = {timestamp, oh_get16(payload + 2), payload[0], marker,
                            (payload[1] & END) != 0};
    bool late = overtaken(presses, sequence);
    if (late) {
        for (int at = 0; at < presses->count; at++)
            if (holds(&presses->press[at], &packet))
                return 0;
    } else if (presses->count && goes_on_with(&presses->press[presses->count - 1], &packet)) {
        add(&presses->press[presses->count - 1], &packet);
        return 0;
    }
    remember(presses, &packet, late);
    return OH_DIGITS[packet.event];
}

int oh_event_of(char digit) {
    const char *at = digit ? strchr(OH_DIGITS, digit) : NULL;
    return at ? (int)(at - OH_DIGITS) : -1;
}

uint32_t oh_event_total(double duration) {
    if (!(duration > 0.04))
        duration = 0.04;
    if (duration > 30)
        duration = 30;
    double packets = rint(duration / 0.02);
    return (uint32_t)(packets < 2 ? 2 : packets) * OH_EVENT_STEP;
}

uint32_t oh_event_packets(uint32_t total) { return total / OH_EVENT_STEP + ENDS - 1; }

uint32_t oh_event_payload(uint8_t event, uint32_t total, uint32_t index, uint8_t payload[4]) {
    uint32_t longest = MAX_DURATION / OH_EVENT_STEP * OH_EVENT_STEP;
    uint32_t at = (index + 1) * OH_EVENT_STEP;
    if (at > total)
        at = total;
    uint32_t segment = (at - 1) / longest * longest;
    payload[0] = event;
    payload[1] = (uint8_t)((at == total ? END : 0) | VOLUME);
    oh_put16(payload + 2, at - segment);
    return segment;
}
