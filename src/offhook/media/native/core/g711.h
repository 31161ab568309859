/* G.711: octets to 16-bit samples, back, and from one law to the other. */
#ifndef OH_G711_H
#define OH_G711_H

#include "oh_media.h"

extern const uint8_t oh_silence_octet[OH_LAWS];
extern int16_t oh_g711_levels[OH_LAWS][256];
/* The octet in the other law. */
extern uint8_t oh_g711_other[OH_LAWS][256];
/* A packet of silence in each codec. */
extern uint8_t oh_silence[OH_LAWS][OH_MOST_PACKET];

/* Fills the tables; more than once does no harm. */
void oh_g711_init(void);
uint8_t oh_g711_encode(enum oh_codec codec, int16_t sample);

#endif
