#include "coders.h"

#include <stdlib.h>
#include <string.h>

#ifdef OH_HAVE_SPANDSP
#include <spandsp/telephony.h>

#include <spandsp/g722.h>
#endif
#ifdef OH_HAVE_OPUS
#include <opus/opus.h>
#endif

#define RATE 16000
#define OPUS_BITRATE 24000   /* RFC 7587 section 3.1.1: 16 to 20 kbit/s for speech at this bandwidth, and some more */
#define OPUS_COMPLEXITY 5    /* of 10: half the time of the best */
#define G722_BITRATE 64000

bool oh_codec_built(enum oh_codec codec) {
#ifdef OH_HAVE_SPANDSP
    if (codec == OH_G722)
        return true;
#endif
#ifdef OH_HAVE_OPUS
    if (codec == OH_OPUS)
        return true;
#endif
    return codec == OH_PCMU || codec == OH_PCMA;
}

/* The libraries' own state of one direction. */
struct coder {
    enum oh_codec codec;
    void *state;
};

struct oh_encoder {
    struct coder coder;
    struct oh_halfband up;
};

struct oh_decoder {
    struct coder coder;
    struct oh_halfband down;
};

/* Each library behind the same five functions. */

#ifdef OH_HAVE_SPANDSP
static void *g722_encoder(void) { return g722_encode_init(NULL, G722_BITRATE, 0); }
static void *g722_decoder(void) { return g722_decode_init(NULL, G722_BITRATE, 0); }
#else
static void *g722_encoder(void) { return NULL; }
static void *g722_decoder(void) { return NULL; }
#endif

#ifdef OH_HAVE_OPUS
static void *opus_encoder(uint32_t rate) {
    OpusEncoder *made = opus_encoder_create((opus_int32)rate, 1, OPUS_APPLICATION_VOIP, NULL);
    if (made) {
        opus_encoder_ctl(made, OPUS_SET_BITRATE(OPUS_BITRATE));
        opus_encoder_ctl(made, OPUS_SET_COMPLEXITY(OPUS_COMPLEXITY));
        opus_encoder_ctl(made, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    }
    return made;
}
static void *opus_decoder(void) { return opus_decoder_create(RATE, 1, NULL); }
static size_t opus_packet(void *state, const int16_t *samples, size_t count, uint8_t *packet) {
    int size = opus_encode(state, samples, (int)count, packet, OH_CODED_MOST);
    return size > 0 ? (size_t)size : 0;
}
#else
static void *opus_encoder(uint32_t rate) {
    (void)rate;
    return NULL;
}
static void *opus_decoder(void) { return NULL; }
static size_t opus_packet(void *state, const int16_t *samples, size_t count, uint8_t *packet) {
    (void)state, (void)samples, (void)count, (void)packet;
    return 0;
}
#endif

size_t oh_coded_samples(enum oh_codec codec, const uint8_t *payload, size_t size) {
    int samples = (int)size;
#ifdef OH_HAVE_OPUS
    if (codec == OH_OPUS)
        samples = size ? opus_packet_get_nb_samples(payload, (opus_int32)size, RATE / 2) : 0;
#endif
    (void)codec, (void)payload;
    return samples > 0 && samples <= OH_HALF_MOST ? (size_t)samples : 0;
}

size_t oh_coded_part(enum oh_codec codec, size_t samples) {
    static const size_t frames[] = {160, 80, 40, 20}; /* 20 ms and shorter (RFC 6716 section 2.1.4) */
    if (codec != OH_OPUS)
        return samples < OH_HALF_MOST ? samples : OH_HALF_MOST;
    for (size_t at = 0; at < sizeof frames / sizeof *frames; at++)
        if (samples >= frames[at])
            return frames[at];
    return 0;
}

struct oh_encoder *oh_encoder_new(enum oh_codec codec) {
    struct oh_encoder *encoder = codec < OH_LAWS ? NULL : calloc(1, sizeof *encoder);
    if (!encoder)
        return NULL;
    oh_halfband_init();
    encoder->coder.codec = codec;
    encoder->coder.state = codec == OH_OPUS ? opus_encoder(RATE) : g722_encoder();
    if (encoder->coder.state)
        return encoder;
    free(encoder);
    return NULL;
}

void oh_encoder_free(struct oh_encoder *encoder) {
    if (!encoder)
        return;
#ifdef OH_HAVE_SPANDSP
    if (encoder->coder.codec == OH_G722)
        g722_encode_free(encoder->coder.state);
#endif
#ifdef OH_HAVE_OPUS
    if (encoder->coder.codec == OH_OPUS)
        opus_encoder_destroy(encoder->coder.state);
#endif
    free(encoder);
}

enum oh_codec oh_encoder_codec(const struct oh_encoder *encoder) { return encoder->coder.codec; }

size_t oh_encoder_wide(struct oh_encoder *encoder, const int16_t *samples, size_t count, uint8_t *packet) {
    if (encoder->coder.codec == OH_OPUS)
        return opus_packet(encoder->coder.state, samples, count, packet);
#ifdef OH_HAVE_SPANDSP
    return (size_t)g722_encode(encoder->coder.state, packet, samples, (int)count);
#else
    return 0;
#endif
}

size_t oh_encoder_narrow(struct oh_encoder *encoder, const int16_t *samples, size_t count, uint8_t *packet) {
    int16_t wide[OH_WIDE_MOST];
    if (count > OH_HALF_MOST)
        return 0;
    oh_halfband_up(&encoder->up, samples, count, wide);
    return oh_encoder_wide(encoder, wide, 2 * count, packet);
}

struct oh_decoder *oh_decoder_new(enum oh_codec codec) {
    struct oh_decoder *decoder = codec < OH_LAWS ? NULL : calloc(1, sizeof *decoder);
    if (!decoder)
        return NULL;
    oh_halfband_init();
    decoder->coder.codec = codec;
    decoder->coder.state = codec == OH_OPUS ? opus_decoder() : g722_decoder();
    if (decoder->coder.state)
        return decoder;
    free(decoder);
    return NULL;
}

void oh_decoder_free(struct oh_decoder *decoder) {
    if (!decoder)
        return;
#ifdef OH_HAVE_SPANDSP
    if (decoder->coder.codec == OH_G722)
        g722_decode_free(decoder->coder.state);
#endif
#ifdef OH_HAVE_OPUS
    if (decoder->coder.codec == OH_OPUS)
        opus_decoder_destroy(decoder->coder.state);
#endif
    free(decoder);
}

enum oh_codec oh_decoder_codec(const struct oh_decoder *decoder) { return decoder->coder.codec; }

size_t oh_decoder_packet(struct oh_decoder *decoder, const uint8_t *payload, size_t size, int16_t *wide) {
    int count = 0;
    if (!oh_coded_samples(decoder->coder.codec, payload, size))
        return 0;
#ifdef OH_HAVE_SPANDSP
    if (decoder->coder.codec == OH_G722)
        count = g722_decode(decoder->coder.state, wide, payload, (int)size);
#endif
#ifdef OH_HAVE_OPUS
    if (decoder->coder.codec == OH_OPUS)
        count = opus_decode(decoder->coder.state, payload, (opus_int32)size, wide, OH_WIDE_MOST, 0);
#endif
    (void)wide;
    return count > 0 ? (size_t)count : 0;
}

size_t oh_decoder_narrow(struct oh_decoder *decoder, const int16_t *wide, size_t count, int16_t *narrow) {
    oh_halfband_down(&decoder->down, wide, count / 2, narrow);
    return count / 2;
}

/* Whole sounds. */

static uint8_t *encode_g722(const int16_t *samples, size_t count, size_t *size) {
    struct oh_encoder *encoder = oh_encoder_new(OH_G722);
    uint8_t *octets = encoder ? malloc(count / 2 + 1) : NULL;
    *size = 0;
    while (octets && *size < count / 2) {
        size_t part = count - 2 * *size < OH_WIDE_MOST ? count - 2 * *size : OH_WIDE_MOST;
        *size += oh_encoder_wide(encoder, samples + 2 * *size, part & ~(size_t)1, octets + *size);
    }
    oh_encoder_free(encoder);
    return octets;
}

#ifdef OH_HAVE_OPUS
/* A packet for each whole 20 ms; what is left behind the last one stays 0, which is no packet. */
static uint8_t *encode_opus(const int16_t *samples, size_t count, uint32_t rate, size_t *size) {
    size_t frame = rate / 50, packets = count / frame;
    OpusEncoder *encoder = opus_encoder(rate);
    *size = count * (RATE / 2) / rate;
    uint8_t *octets = encoder ? calloc(1, *size + 1) : NULL;
    for (size_t at = 0; octets && at < packets; at++) {
        uint8_t *slot = octets + at * OH_PACKET;
        int coded = opus_encode(encoder, samples + at * frame, (int)frame, slot + OH_SLOT_LENGTH,
                                OH_PACKET - OH_SLOT_LENGTH);
        if (coded > 0) {
            slot[0] = (uint8_t)(coded >> 8);
            slot[1] = (uint8_t)coded;
        }
    }
    if (encoder)
        opus_encoder_destroy(encoder);
    return octets;
}
#endif

uint8_t *oh_encode_sound(enum oh_codec codec, const int16_t *samples, size_t count, uint32_t rate,
                         size_t *size) {
    *size = 0;
    if (codec == OH_G722 && rate == RATE)
        return encode_g722(samples, count, size);
#ifdef OH_HAVE_OPUS
    if (codec == OH_OPUS && (rate == 8000 || rate == RATE || rate == 24000 || rate == 48000))
        return encode_opus(samples, count, rate, size);
#endif
    (void)samples, (void)count;
    return NULL;
}
