#include "secure.h"

#include <stdlib.h>
#include <string.h>

/* Octets of master key and master salt (RFC 3711, 6188, 7714). */
size_t oh_key_octets(enum oh_suite suite) {
    static const uint8_t octets[OH_SUITES] = {0, 30, 30, 46, 46, 28, 44};
    return octets[suite];
}

#ifdef OH_HAVE_SRTP

#include <arpa/inet.h>
#include <pthread.h>
#include <srtp2/srtp.h>

#define WINDOW 1024 /* packets that may come, or be sent, behind the newest */

struct oh_secure {
    srtp_t out, in;
    struct oh_keys keys;
    uint32_t heard[OH_MOST_SECURED]; /* SSRCs of the peer, in the order of their first packets */
    int heard_count;
};

static void set_policies(enum oh_suite suite, srtp_crypto_policy_t *rtp, srtp_crypto_policy_t *rtcp) {
    switch (suite) {
    case OH_AES_CM_128_HMAC_SHA1_32: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(rtp); break;
    case OH_AES_256_CM_HMAC_SHA1_80: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(rtp); break;
    case OH_AES_256_CM_HMAC_SHA1_32: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(rtp); break;
    case OH_AEAD_AES_128_GCM: srtp_crypto_policy_set_aes_gcm_128_16_auth(rtp); break;
    case OH_AEAD_AES_256_GCM: srtp_crypto_policy_set_aes_gcm_256_16_auth(rtp); break;
    default: srtp_crypto_policy_set_rtp_default(rtp);
    }
    /* A tag of 32 bits is for RTP only: that of SRTCP has 80 (RFC 4568 section 6.2.2, 6188 section 4). */
    if (suite == OH_AES_CM_128_HMAC_SHA1_32)
        srtp_crypto_policy_set_rtcp_default(rtcp);
    else if (suite == OH_AES_256_CM_HMAC_SHA1_32)
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(rtcp);
    else
        *rtcp = *rtp;
}

static srtp_t open_direction(enum oh_suite suite, const uint8_t *key, srtp_ssrc_type_t direction) {
    srtp_policy_t policy;
    srtp_t made = NULL;
    uint8_t copy[OH_MOST_KEY];
    memset(&policy, 0, sizeof policy);
    memcpy(copy, key, sizeof copy);
    set_policies(suite, &policy.rtp, &policy.rtcp);
    policy.ssrc.type = direction;
    policy.key = copy;
    policy.window_size = WINDOW;
    if (srtp_create(&made, &policy) != srtp_err_status_ok)
        made = NULL;
    explicit_bzero(copy, sizeof copy);
    return made;
}

static bool built[OH_SUITES];

/* AES-GCM depends on the cryptographic library that libsrtp was built with. */
static void set_up(void) {
    static const uint8_t key[OH_MOST_KEY];
    if (srtp_init() != srtp_err_status_ok)
        return;
    for (int suite = OH_NO_SRTP + 1; suite < OH_SUITES; suite++) {
        srtp_t made = open_direction((enum oh_suite)suite, key, ssrc_any_outbound);
        built[suite] = made != NULL;
        if (made)
            srtp_dealloc(made);
    }
}

bool oh_suite_built(enum oh_suite suite) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    return suite > OH_NO_SRTP && suite < OH_SUITES && built[suite];
}

void oh_secure_free(struct oh_secure *secure) {
    if (!secure)
        return;
    if (secure->out)
        srtp_dealloc(secure->out);
    if (secure->in)
        srtp_dealloc(secure->in);
    explicit_bzero(secure, sizeof *secure);
    free(secure);
}

static bool same(const uint8_t *one, const uint8_t *other, enum oh_suite suite) {
    return !memcmp(one, other, oh_key_octets(suite));
}

struct oh_secure *oh_secure_change(struct oh_secure *now, const struct oh_keys *keys) {
    enum oh_suite suite = (enum oh_suite)keys->suite;
    struct oh_secure *made = oh_suite_built(suite) ? calloc(1, sizeof *made) : NULL;
    if (made) {
        bool kept = now && now->keys.suite == suite;
        made->keys = *keys;
        if (kept && same(now->keys.send, keys->send, suite)) {
            made->out = now->out;
            now->out = NULL;
        } else {
            made->out = open_direction(suite, keys->send, ssrc_any_outbound);
        }
        if (kept && same(now->keys.receive, keys->receive, suite)) {
            made->in = now->in;
            now->in = NULL;
            memcpy(made->heard, now->heard, sizeof made->heard);
            made->heard_count = now->heard_count;
        } else {
            made->in = open_direction(suite, keys->receive, ssrc_any_inbound);
        }
        if (!made->in || !made->out) {
            oh_secure_free(made);
            made = NULL;
        }
    }
    oh_secure_free(now);
    return made;
}

void oh_secure_forget(struct oh_secure *secure, uint32_t ssrc) {
    srtp_remove_stream(secure->out, htonl(ssrc));
}

size_t oh_secure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    int length = (int)size;
    return srtp_protect(secure->out, packet, &length) == srtp_err_status_ok ? (size_t)length : 0;
}

size_t oh_secure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    int length = (int)size;
    return srtp_protect_rtcp(secure->out, packet, &length) == srtp_err_status_ok ? (size_t)length : 0;
}

/* The library keeps a state for each SSRC that it has heard; of a peer that goes on to make new ones the oldest is
 * dropped. */
static void remember(struct oh_secure *secure, const uint8_t *ssrc_at) {
    uint32_t ssrc;
    memcpy(&ssrc, ssrc_at, sizeof ssrc);
    for (int at = 0; at < secure->heard_count; at++)
        if (secure->heard[at] == ssrc)
            return;
    if (secure->heard_count == OH_MOST_SECURED) {
        srtp_remove_stream(secure->in, secure->heard[0]); /* in network order, as it stands in a packet */
        memmove(secure->heard, secure->heard + 1, (OH_MOST_SECURED - 1) * sizeof ssrc);
        secure->heard_count--;
    }
    secure->heard[secure->heard_count++] = ssrc;
}

size_t oh_unsecure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    int length = (int)size;
    if (size < 12 || srtp_unprotect(secure->in, packet, &length) != srtp_err_status_ok)
        return 0;
    remember(secure, packet + 8);
    return (size_t)length;
}

size_t oh_unsecure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    int length = (int)size;
    if (size < 8 || srtp_unprotect_rtcp(secure->in, packet, &length) != srtp_err_status_ok)
        return 0;
    remember(secure, packet + 4);
    return (size_t)length;
}

#else

bool oh_suite_built(enum oh_suite suite) {
    (void)suite;
    return false;
}

struct oh_secure *oh_secure_change(struct oh_secure *now, const struct oh_keys *keys) {
    (void)now, (void)keys;
    return NULL;
}

void oh_secure_free(struct oh_secure *secure) { (void)secure; }
void oh_secure_forget(struct oh_secure *secure, uint32_t ssrc) { (void)secure, (void)ssrc; }

/* There is no state, so these are never called. */
static size_t never(struct oh_secure *secure, uint8_t *packet, size_t size) {
    (void)secure, (void)packet, (void)size;
    return 0;
}
size_t oh_secure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    return never(secure, packet, size);
}
size_t oh_secure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    return never(secure, packet, size);
}
size_t oh_unsecure_rtp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    return never(secure, packet, size);
}
size_t oh_unsecure_rtcp(struct oh_secure *secure, uint8_t *packet, size_t size) {
    return never(secure, packet, size);
}

#endif
