/* The media engine's interface in C: RTP in and out of every leg of a process.
 *
 * Theory of operation. An engine has one pacing thread. Everything that happens to a leg happens there; the
 * caller's threads only put commands into a ring and take events out of another. A command never blocks, but
 * for a ring that is full, and events are signalled on an eventfd. A leg's numbers are published by the
 * thread and read by any thread (oh_leg_statistics), and so are the frames of its tap (oh_leg_take_frames).
 *
 * Handles. oh_leg and oh_sound are owned by the caller until they are released; the engine keeps what it
 * still uses beyond that. All functions of one engine may be called from any thread, but not after or during
 * oh_engine_free. A handle is not used after its release: the Python extension guarantees that by types that
 * hold one reference each.
 *
 * Times are monotonic seconds (CLOCK_MONOTONIC).
 */
#ifndef OH_MEDIA_H
#define OH_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OH_PACKET 160      /* octets of G.711 in a packet of 20 ms */
#define OH_MOST_PACKET 480 /* the same of 60 ms, the longest that a leg sends of itself */
#define OH_SLOT_LENGTH 2   /* octets before a packet of Opus that is ready */
#define OH_MOST_QUEUED 1000 /* playbacks waiting on one leg; one more ends at once */

enum oh_codec { OH_PCMU = 0, OH_PCMA = 1, OH_LAWS = 2, OH_G722 = 2, OH_OPUS = 3, OH_CODECS = 4 };

/* Of SRTP (RFC 4568 section 6.2, 6188, 7714). */
enum oh_suite {
    OH_NO_SRTP = 0,
    OH_AES_CM_128_HMAC_SHA1_80,
    OH_AES_CM_128_HMAC_SHA1_32,
    OH_AES_256_CM_HMAC_SHA1_80,
    OH_AES_256_CM_HMAC_SHA1_32,
    OH_AEAD_AES_128_GCM,
    OH_AEAD_AES_256_GCM,
    OH_SUITES,
};
#define OH_MOST_KEY 46 /* octets of master key and master salt */

/* Both directions of a leg: master key, then master salt, of oh_key_octets(suite) together. */
struct oh_keys {
    uint8_t suite;
    uint8_t send[OH_MOST_KEY], receive[OH_MOST_KEY];
};


enum oh_result {
    OH_OK = 0,
    OH_NO_MEMORY,
    OH_NO_PORTS,       /* every port of the range is in use */
    OH_NO_DESCRIPTORS, /* the process or the system has no file descriptor left */
    OH_SYSTEM,         /* another error of the system: errno tells */
    OH_INVALID,        /* an argument is out of range */
    OH_BUSY,           /* the command ring stayed full */
    OH_NOT_RUNNING,
};

struct oh_address {
    uint8_t version; /* 4, 6; 0: none */
    uint8_t octets[16];
    uint16_t port;
};

struct oh_network {
    uint8_t version;
    uint8_t prefix; /* bits that count */
    uint8_t octets[16];
};

struct oh_config {
    struct oh_address host;           /* to bind */
    struct oh_address other;          /* one of the other IP version; version 0: none */
    uint16_t first_port, last_port;   /* inclusive */
    double report_interval;           /* seconds between RTCP reports, before randomisation */
};

/* What offer and answer settled (RFC 3264), seen from our side. */
struct oh_media {
    struct oh_address remote;
    uint16_t rtcp_port;            /* 0: remote.port + 1 */
    uint8_t codec;                 /* of what we send */
    uint8_t payload_type;
    int16_t dtmf_payload_type;     /* telephone-event as we send it; -1: not agreed */
    int16_t dtmf_receive_type;     /* as the peer sends it; -1: not agreed */
    uint8_t ptime;                 /* ms of sound in our packets, in tens from 10 to 60, of Opus always 20; 0: 20 */
    bool send, receive, rtcp_mux;
    uint8_t receive_codecs[128];   /* by payload type: codec + 1; 0: none */
    struct oh_keys keys;           /* telephone-event has the clock rate of the codec that we send */
    size_t networks;               /* hosts besides the signalled one whose packets are taken */
    const struct oh_network *network; /* copied */
};

enum oh_event_kind {
    OH_PLAYBACK_STARTED = 1, /* number */
    OH_PLAYBACK_ENDED,       /* number, flag: stopped */
    OH_DIGIT,                /* digit, flag: as a tone */
    OH_MEDIA_LOST,
    OH_SOURCE_REFUSED,       /* host */
    OH_LEG_FAILED,           /* out of memory */
    OH_LEG_CLOSED,           /* the last event of a leg */
    OH_SOUND_FREED,          /* owner: nothing reads the sound's octets any more */
};

struct oh_event {
    uint64_t key; /* of the leg, as given to oh_leg_open */
    double at;
    void *owner;
    uint32_t number;
    uint8_t kind;
    uint8_t flag;
    char digit;
    struct oh_address host;
};

/* Counters of one leg (RFC 3550 section 6.4.1, appendix A). */
struct oh_statistics {
    uint64_t packets_sent, octets_sent;
    uint64_t received, expected, lost, late, refused;
    double jitter;      /* seconds */
    double remote_loss; /* 0..1 of what we sent, by the peer's reports; below 0: none came */
    double remote_jitter;
    double round_trip;
};

typedef struct oh_engine oh_engine;
typedef struct oh_leg oh_leg;
typedef struct oh_sound oh_sound;

/* What this library was built with. */
bool oh_codec_built(enum oh_codec codec);
bool oh_suite_built(enum oh_suite suite);
size_t oh_key_octets(enum oh_suite suite);

enum oh_result oh_engine_new(const struct oh_config *config, oh_engine **made);
enum oh_result oh_engine_start(oh_engine *engine);
/* Closes all legs and joins the thread. Events stay to be taken. Idempotent. */
void oh_engine_stop(oh_engine *engine);
/* After stop, and after the release of all legs and sounds. Events not taken are lost. */
void oh_engine_free(oh_engine *engine);
/* Readable while there are events. */
int oh_engine_event_fd(const oh_engine *engine);
/* For one thread at a time. */
size_t oh_engine_take_events(oh_engine *engine, struct oh_event *events, size_t most);

/* What a sound is made of. The octets must stay until OH_SOUND_FREED comes with `owner`. Without G.722 or Opus a leg
 * with that codec encodes the G.711 as it plays. */
struct oh_sources {
    const uint8_t *law[OH_LAWS];
    size_t size;                     /* octets of each law: samples at 8,000 a second */
    const uint8_t *g722;             /* NULL, or at least `size` octets */
    const uint8_t *opus;             /* NULL, or as many: a packet of 20 ms in each OH_PACKET octets, after its length in
                                        OH_SLOT_LENGTH (big-endian); a packet that is too long is not played */
    size_t g722_size, opus_size;
};

/* OH_INVALID: G.722 or Opus are not what they should be. */
enum oh_result oh_sound_new(oh_engine *engine, const struct oh_sources *sources, void *owner, oh_sound **made);
void oh_sound_release(oh_sound *sound);

/* timeout: seconds of silence until OH_MEDIA_LOST; 0 or less: none. */
/* version: of IP, 4 or 6; 0: that of the engine's host. OH_INVALID: the engine has no address of it. */
enum oh_result oh_leg_open(oh_engine *engine, uint64_t key, double timeout, uint8_t version, oh_leg **made);
uint16_t oh_leg_port(const oh_leg *leg);
enum oh_result oh_leg_connect(oh_leg *leg, const struct oh_media *media);
enum oh_result oh_leg_keep_sending(oh_leg *leg);
enum oh_result oh_leg_play(oh_leg *leg, oh_sound *sound, uint32_t number, uint32_t repetition,
                           uint32_t pause_octets);
enum oh_result oh_leg_play_below(oh_leg *leg, oh_sound *sound, uint32_t pause_octets);
/* number 0: all playbacks. */
enum oh_result oh_leg_stop_playing(oh_leg *leg, uint32_t number);
enum oh_result oh_leg_send_digit(oh_leg *leg, char digit, double duration);
enum oh_result oh_leg_relay(oh_leg *leg, oh_leg *other);
enum oh_result oh_leg_start_tap(oh_leg *leg);
enum oh_result oh_leg_stop_tap(oh_leg *leg);
/* Copies whole frames, oldest first; returns the octets copied. Also after close. */
size_t oh_leg_take_frames(oh_leg *leg, uint8_t *into, size_t room);
void oh_leg_statistics(oh_leg *leg, struct oh_statistics *statistics);
enum oh_result oh_leg_close(oh_leg *leg);
/* Closes the leg if need be. */
void oh_leg_release(oh_leg *leg);

#endif
