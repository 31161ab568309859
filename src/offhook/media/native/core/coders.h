/* G.722 (ITU-T, 64 kbit/s) and Opus (RFC 6716) for single legs, by libspandsp and libopus where they are.
 *
 * Inside the engine their sound is 16-bit samples, 16,000 a second. Towards G.711, which has half of them,
 * they are converted. What was built in says oh_codec_built. */
#ifndef OH_CODERS_H
#define OH_CODERS_H

#include "halfband.h"
#include "oh_media.h"

#define OH_WIDE_MOST (2 * OH_HALF_MOST) /* samples of the longest packet: 120 ms */
#define OH_CODED_MOST 1276              /* octets of a packet of ours */

struct oh_encoder;
struct oh_decoder;

/* Units of the RTP clock for one of 8,000 a second: Opus counts 48,000 (RFC 7587 section 4.1), G.722 counts
 * 8,000, although it has 16,000 samples (RFC 3551 section 4.5.2). */
static inline uint32_t oh_clock_scale(enum oh_codec codec) { return codec == OH_OPUS ? 6 : 1; }

/* How long a packet is, in samples of 8,000 a second; 0: it is none, or longer than 120 ms. */
size_t oh_coded_samples(enum oh_codec codec, const uint8_t *payload, size_t size);
/* The longest beginning of `samples` (8,000 a second) that makes one packet. */
size_t oh_coded_part(enum oh_codec codec, size_t samples);

/* NULL: no memory, or the codec is not built in. */
struct oh_encoder *oh_encoder_new(enum oh_codec codec);
void oh_encoder_free(struct oh_encoder *encoder);
enum oh_codec oh_encoder_codec(const struct oh_encoder *encoder);
/* `count` is a result of oh_coded_part, doubled for oh_encoder_wide. They return the octets of the packet, which has
 * room for OH_CODED_MOST; 0: failed. */
size_t oh_encoder_narrow(struct oh_encoder *encoder, const int16_t *samples, size_t count, uint8_t *packet);
size_t oh_encoder_wide(struct oh_encoder *encoder, const int16_t *samples, size_t count, uint8_t *packet);

struct oh_decoder *oh_decoder_new(enum oh_codec codec);
void oh_decoder_free(struct oh_decoder *decoder);
enum oh_codec oh_decoder_codec(const struct oh_decoder *decoder);
/* Writes at most OH_WIDE_MOST samples and returns how many; 0: the packet is none. */
size_t oh_decoder_packet(struct oh_decoder *decoder, const uint8_t *payload, size_t size, int16_t *wide);
/* The same sound at half the rate: writes count / 2 samples. */
size_t oh_decoder_narrow(struct oh_decoder *decoder, const int16_t *wide, size_t count, int16_t *narrow);

/* A whole sound at once, for prompts: `rate` is 8,000, 16,000, 24,000 or 48,000 for Opus, 16,000 for G.722. Writes
 * G.722 as it is, and Opus as struct oh_sources wants it. Returns octets, to be freed; NULL: no memory, or `rate` or codec are none. */
uint8_t *oh_encode_sound(enum oh_codec codec, const int16_t *samples, size_t count, uint32_t rate, size_t *size);

#endif
