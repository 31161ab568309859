/* SRTP (RFC 3711) with keys that signalling has agreed on (RFC 4568), by libsrtp where it is. */
#ifndef OH_SECURE_H
#define OH_SECURE_H

#include "oh_media.h"

#define OH_SECURE_ROOM 64  /* octets by which a packet may grow */
#define OH_MOST_SECURED 16 /* SSRCs of a peer whose state is kept */

struct oh_secure;

/* The state for these keys. `now` is the state until now (NULL: none), which is used up: a direction whose key is the
 * same goes on with its rollover counter, another begins with 0. NULL: plain RTP, or a failure. */
struct oh_secure *oh_secure_change(struct oh_secure *now, const struct oh_keys *keys);
void oh_secure_free(struct oh_secure *secure);

/* One of our SSRCs is not used any more. */
void oh_secure_forget(struct oh_secure *secure, uint32_t ssrc);

/* Encrypt in place, with OH_SECURE_ROOM octets behind the packet. They return the new size; 0: it must not go out. The
 * packet is aligned to 4 octets, here and below. */
size_t oh_secure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size);
size_t oh_secure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size);
/* Check and decrypt in place; they return the new size; 0: it is not the peer's, or was received before. */
size_t oh_unsecure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size);
size_t oh_unsecure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size);

#endif
