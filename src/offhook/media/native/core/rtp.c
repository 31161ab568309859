#include "rtp.h"

#include <math.h>
#include <string.h>

#define MAX_DROPOUT 3000    /* a jump forward below this is loss, not a restart (A.1) */
#define CLOCK_RATE 8000.0
#define LATE_AFTER 480.0    /* timestamp units (60 ms) behind the quickest packets */
#define DRIFT 0.032         /* units per packet: clocks may drift apart by 200 ppm */
#define PUNCTUAL 320.0      /* units (40 ms): a smaller delay needs no further check */
#define PAUSE 1.0           /* seconds without a packet after which a buffer starts anew */
#define LATE_IN_A_ROW 25    /* late packets after which the path counts as changed */

bool oh_rtp_payload(const uint8_t *datagram, size_t size, size_t *start, size_t *end) {
    if (size < OH_RTP_HEADER || (datagram[0] & 0xC0) != OH_RTP_VERSION_2)
        return false;
    size_t begin = OH_RTP_HEADER + 4 * (size_t)(datagram[0] & 0x0F);
    if (datagram[0] & 0x10) {
        if (begin + 4 > size)
            return false;
        begin += 4 + 4 * (size_t)oh_get16(datagram + begin + 2);
    }
    size_t stop = size;
    if (datagram[0] & 0x20) {
        uint8_t padding = datagram[size - 1];
        if (!padding || padding > size)
            return false;
        stop -= padding;
    }
    *start = begin;
    *end = stop;
    return begin <= stop;
}

void oh_source_init(struct oh_source *source, uint16_t sequence) {
    memset(source, 0, sizeof *source);
    source->base = sequence;
    source->highest = (int64_t)sequence - 1;
    source->resume_at = -1;
    source->transit = INFINITY;
    source->transit_at = -INFINITY;
}

int64_t oh_source_expected(const struct oh_source *source) {
    return source->expected_before + source->highest - source->base + 1;
}

int64_t oh_source_lost(const struct oh_source *source) {
    int64_t lost = oh_source_expected(source) - (int64_t)source->received;
    return lost > 0 ? lost : 0;
}

static int missing_index(const struct oh_source *source, uint32_t number) {
    for (int at = 0; at < source->missing_count; at++)
        if (source->missing[at] == number)
            return at;
    return -1;
}

static void forget_missing(struct oh_source *source, int at) {
    source->missing_count--;
    memmove(source->missing + at, source->missing + at + 1,
            sizeof source->missing[0] * (size_t)(source->missing_count - at));
}

/* The numbers between two may still come, as far as they are not too old. */
static void expect_between(struct oh_source *source, int64_t older, int64_t newer) {
    int64_t number = older + 1;
    if (number < newer - OH_MAX_MISORDER)
        number = newer - OH_MAX_MISORDER;
    for (; number < newer; number++) {
        if (missing_index(source, (uint32_t)number) >= 0)
            continue;
        if (source->missing_count == OH_MOST_MISSING)
            forget_missing(source, 0);
        source->missing[source->missing_count++] = (uint32_t)number;
    }
}

static enum oh_arrival overtaken(struct oh_source *source, uint16_t step) {
    int64_t number = source->highest - (uint16_t)-step;
    if (number < source->base) {
        expect_between(source, number, source->base);
        source->base = number;
        return OH_REORDERED;
    }
    int at = missing_index(source, (uint32_t)number);
    if (at < 0) {
        source->duplicates++;
        return OH_DUPLICATE;
    }
    forget_missing(source, at);
    return OH_REORDERED;
}

/* A packet that is not the next one: after a gap, overtaken, repeated, or a restart. */
static enum oh_arrival out_of_step(struct oh_source *source, uint16_t sequence) {
    uint16_t step = (uint16_t)(sequence - source->highest);
    if (step > 0 && step < MAX_DROPOUT) {
        expect_between(source, source->highest, source->highest + step);
        source->highest += step;
        return OH_NEW;
    }
    if (step == 0 || step >= 0x10000 - OH_MAX_MISORDER)
        return overtaken(source, step);
    if (sequence != source->resume_at) {
        source->resume_at = (uint16_t)(sequence + 1);
        return OH_STRAY;
    }
    /* The source began to count anew: its packets so far stay counted. */
    source->expected_before = oh_source_expected(source);
    source->base = source->highest = sequence;
    source->missing_count = 0;
    source->resume_at = -1;
    source->transit = INFINITY;
    return OH_NEW;
}

/* Measure delays from this packet on. */
static void begin_timing(struct oh_source *source, double transit, double arrival) {
    source->transit = source->quickest = transit;
    source->transit_at = arrival;
    source->late_in_a_row = 0;
}

static void note_transit(struct oh_source *source, double transit, double difference,
                         double arrival) {
    source->jitter += (fabs(difference) - source->jitter) / 16;
    source->transit = transit;
    source->transit_at = arrival;
    source->quickest = fmin(transit, source->quickest + DRIFT);
}

/* Jitter by A.8, and whether the packet was still of use. */
static void time_slowly(struct oh_source *source, double transit, double arrival) {
    double difference = transit - source->transit;
    if (fabs(difference) > 0x40000000 && isfinite(difference)) {
        /* The 32-bit timestamp wrapped between the two packets. */
        transit -= rint(difference / 4294967296.0) * 4294967296.0;
        difference = transit - source->transit;
    }
    if (arrival - source->transit_at > PAUSE || fabs(difference) > 10 * CLOCK_RATE) {
        /* The first, or after a pause, or the sender's timestamps jumped: not delay. */
        begin_timing(source, transit, arrival);
        return;
    }
    note_transit(source, transit, difference, arrival);
    if (transit - source->quickest <= LATE_AFTER) {
        source->late_in_a_row = 0;
        return;
    }
    source->late++;
    if (++source->late_in_a_row >= LATE_IN_A_ROW)
        begin_timing(source, transit, arrival);
}

enum oh_arrival oh_source_update(struct oh_source *source, uint16_t sequence, uint32_t timestamp,
                                 double arrival, bool timed) {
    enum oh_arrival result = OH_NEW;
    if ((uint16_t)(sequence - source->highest) == 1) {
        source->highest++;
    } else {
        result = out_of_step(source, sequence);
        if (result == OH_DUPLICATE || result == OH_STRAY)
            return result;
    }
    source->received++;
    if (!timed)
        return result;
    double transit = arrival * CLOCK_RATE - timestamp;
    double difference = transit - source->transit;
    if (-PUNCTUAL < difference && difference < PUNCTUAL && transit - source->quickest < PUNCTUAL) {
        note_transit(source, transit, difference, arrival);
        source->late_in_a_row = 0;
    } else {
        time_slowly(source, transit, arrival);
    }
    return result;
}

void oh_source_report(struct oh_source *source, uint8_t *fraction, int32_t *cumulative) {
    int64_t expected = oh_source_expected(source);
    int64_t received = (int64_t)(source->received + source->duplicates);
    int64_t span = expected - source->prior_expected;
    int64_t missing = span - (received - source->prior_received);
    source->prior_expected = expected;
    source->prior_received = received;
    int64_t part = span > 0 && missing > 0 ? (missing << 8) / span : 0;
    *fraction = (uint8_t)(part < 255 ? part : 255);
    int64_t lost = expected - received;
    if (lost < -0x800000)
        lost = -0x800000;
    *cumulative = (int32_t)(lost < 0x7FFFFF ? lost : 0x7FFFFF);
}
