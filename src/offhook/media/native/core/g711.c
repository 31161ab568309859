#include "g711.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const uint8_t oh_silence_octet[OH_LAWS] = {0xFF, 0xD5};
int16_t oh_g711_levels[OH_LAWS][256];
uint8_t oh_g711_other[OH_LAWS][256];
uint8_t oh_silence[OH_LAWS][OH_MOST_PACKET];

/* The octets in the order of their levels, and twice the threshold between each and the next. */
static uint8_t order[OH_LAWS][256];
static int32_t doubled_threshold[OH_LAWS][255];

/* ITU-T G.711 table 2, scaled to 16 bits. */
static int16_t ulaw_level(int octet) {
    int code = ~octet & 0xFF;
    int magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4);
    return (int16_t)(code & 0x80 ? 0x84 - magnitude : magnitude - 0x84);
}

/* ITU-T G.711 table 1, scaled to 16 bits. */
static int16_t alaw_level(int octet) {
    int code = octet ^ 0x55;
    int segment = (code & 0x70) >> 4;
    int mantissa = ((code & 0x0F) << 4) + 8;
    int magnitude = segment ? (mantissa + 0x100) << (segment - 1) : mantissa;
    return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

static void sort_levels(enum oh_codec codec) {
    const int16_t *levels = oh_g711_levels[codec];
    for (int octet = 0; octet < 256; octet++) {
        int at = octet;
        /* Stable: of the two zeros of the µ-law the smaller octet comes first. */
        while (at > 0 && levels[order[codec][at - 1]] > levels[octet]) {
            order[codec][at] = order[codec][at - 1];
            at--;
        }
        order[codec][at] = (uint8_t)octet;
    }
    for (int at = 0; at < 255; at++)
        doubled_threshold[codec][at] =
            (int32_t)levels[order[codec][at]] + levels[order[codec][at + 1]];
}

uint8_t oh_g711_encode(enum oh_codec codec, int16_t sample) {
    /* A sample on a threshold goes away from zero, as in the ITU-T G.191 reference. */
    int32_t doubled = 2 * (int32_t)sample;
    int low = 0, high = 255;
    while (low < high) {
        int middle = (low + high) / 2;
        int32_t threshold = doubled_threshold[codec][middle];
        bool above = sample >= 0 ? threshold <= doubled : threshold < doubled;
        if (above)
            low = middle + 1;
        else
            high = middle;
    }
    return order[codec][low];
}

static void fill_tables(void) {
    for (int octet = 0; octet < 256; octet++) {
        oh_g711_levels[OH_PCMU][octet] = ulaw_level(octet);
        oh_g711_levels[OH_PCMA][octet] = alaw_level(octet);
    }
    sort_levels(OH_PCMU);
    sort_levels(OH_PCMA);
    for (int octet = 0; octet < 256; octet++) {
        oh_g711_other[OH_PCMU][octet] = oh_g711_encode(OH_PCMA, oh_g711_levels[OH_PCMU][octet]);
        oh_g711_other[OH_PCMA][octet] = oh_g711_encode(OH_PCMU, oh_g711_levels[OH_PCMA][octet]);
    }
    for (int codec = 0; codec < OH_LAWS; codec++)
        memset(oh_silence[codec], oh_silence_octet[codec], OH_MOST_PACKET);
}

void oh_g711_init(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_tables);
}
