/* RTP and RTCP of two bridged legs, one with tones and a tap: the first octet says which codecs they speak and whether
 * they are encrypted, then each datagram is a length, where it comes from, and its octets. */
#include "fuzz.h"

static void receive(oh_leg *leg, uint8_t how, const uint8_t *octets, size_t size) {
    struct oh_address address = {4, {127, 0, 0, (uint8_t)(1 + (how >> 6))}, (uint16_t)(5000 + (how & 3))};
    struct oh_endpoint from;
    /* A copy of just this size: the sanitizer sees each octet read beyond it. */
    uint8_t *datagram = malloc(size ? size : 1);
    memcpy(datagram, octets, size);
    oh_endpoint_of(&from, &address);
    if (how & 4)
        oh_control_arrived(leg, datagram, size);
    else
        oh_receiver_arrived(leg, datagram, size, &from, oh_engine_clock());
    free(datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    oh_engine *engine = fuzz_engine();
    oh_leg *leg[2];
    uint8_t kinds = size ? data[0] : 0;
    for (int at = 0; at < 2; at++) {
        struct oh_media media = fuzz_media(5000);
        media.rtcp_mux = at;
        media.dtmf_payload_type = at ? -1 : 101;
        media.codec = at ? kinds >> 2 & 3 : kinds & 3;
        media.keys.suite = at && kinds >> 4 < OH_SUITES ? kinds >> 4 : OH_NO_SRTP;
        if (oh_leg_open(engine, (uint64_t)at + 1, 0.01, 0, &leg[at]) != OH_OK)
            abort();
        oh_leg_connect(leg[at], &media);
        oh_leg_keep_sending(leg[at]);
    }
    oh_leg_start_tap(leg[1]);
    oh_leg_relay(leg[0], leg[1]);
    oh_leg_relay(leg[1], leg[0]);
    fuzz_pass(engine, 0);
    size_t at = 1;
    while (at + 2 <= size) {
        size_t length = data[at] < 240 ? data[at] : (size_t)(data[at] - 239) * 128;
        uint8_t how = data[at + 1];
        at += 2;
        if (length > size - at)
            length = size - at;
        if (length <= OH_MOST_DATAGRAM)
            receive(leg[how >> 3 & 1], how, data + at, length);
        at += length;
        if (how & 16)
            fuzz_pass(engine, how & 32 ? 60 : 1);
    }
    fuzz_pass(engine, 4);
    struct oh_statistics statistics;
    uint8_t frames[4096];
    for (int each = 0; each < 2; each++) {
        oh_leg_statistics(leg[each], &statistics);
        if (statistics.lost > statistics.expected || statistics.late > statistics.received)
            abort();
        while (oh_leg_take_frames(leg[each], frames, sizeof frames))
            continue;
        oh_leg_release(leg[each]);
    }
    fuzz_end(engine);
    return 0;
}
