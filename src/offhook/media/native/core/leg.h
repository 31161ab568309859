/* One leg in the pacing thread: what it sends, what it receives, what it relays.
 *
 * All functions here run in the pacing thread, but for those that say otherwise. */
#ifndef OH_LEG_H
#define OH_LEG_H

#include <math.h>
#include <stdatomic.h>

#include "coders.h"
#include "playout.h"
#include "ports.h"
#include "rtcp.h"
#include "secure.h"
#include "tap.h"
#include "telephone_event.h"
#include "timers.h"
#include "tones.h"

#define OH_TICK 0.005          /* seconds */
#define OH_TICKS_PER_PACKET 4
#define OH_TICK_UNITS 40       /* RTP timestamp units of one tick */
#define OH_MOST_DIGITS 64      /* waiting to be sent */
#define OH_MOST_STREAMS 8      /* SSRCs of a peer that are remembered */
#define OH_MOST_DATAGRAM 2048  /* longer datagrams are not media and are dropped */

/* A digit waiting to be sent as events. */
struct oh_digit {
    uint8_t event;
    uint32_t total;
};

/* RTP towards the peer: one SSRC, a continuous sequence, one clock. See media/python/sender.py. */
struct oh_sender {
    struct oh_play_queue queue;
    struct oh_repeated below;
    struct oh_digit digits[OH_MOST_DIGITS];
    int first_digit, digit_count;
    int digit_step;          /* packets of the running digit that are over; its gap follows them */
    bool digit_running;
    int64_t digit_units;
    enum oh_codec codec;     /* on the wire */
    enum oh_codec law;       /* of what is played: the codec, or that from which it is encoded */
    uint32_t scale;          /* RTP timestamp units for one of 8,000 a second */
    uint8_t payload_type;
    int16_t dtmf_payload_type; /* -1: not agreed */
    struct oh_endpoint remote;
    bool connected;          /* offer and answer have settled where to send, and the leg is not over */
    bool can_send;           /* false while the peer holds us */
    bool keeps_sending;      /* silence is sent when there is nothing else */
    bool running;            /* the last packet time brought a packet, so the next goes on from it */
    bool scheduled;          /* the engine calls oh_sender_transmit every packet time */
    uint8_t slot;
    uint8_t ticks;           /* of a packet */
    int64_t due;             /* the tick of the next packet, where they are not of 20 ms */
    int relays;              /* legs that are relayed here */
    double relay_tick;       /* when the last relayed packet arrived, later for one of more than 20 ms */
    int64_t not_before;      /* the first tick of the talkspurt to come */
    uint32_t ssrc;
    uint64_t sequence;       /* of the next packet, unwrapped */
    uint16_t first_sequence;
    int64_t anchor_units, next_units; /* RTP timestamps of a clock of 8,000, unwrapped */
    double anchor_tick;
    int64_t next_tick;       /* when the packet after the last one of transmit is due */
    uint64_t packets_sent, octets_sent, errors;
};

/* One SSRC of the peer. */
struct oh_stream {
    struct oh_source source;
    struct oh_presses presses;
    uint32_t ssrc;
    double heard_at;
    int64_t wire;            /* the last RTP timestamp of another clock, unwrapped */
    bool scaled;             /* there was one */
};

struct oh_counts {
    uint64_t received, late;
    int64_t expected, lost;
};

/* RTP from the peer. See media/python/receiver.py. */
struct oh_receiver {
    uint8_t types[128];         /* codec + 1 of each payload type; 0: none */
    int16_t event_types[2];     /* -1: none */
    uint32_t event_scale;       /* of their clock */
    bool receive, mux, latched, has_signalled, has_remote, has_candidate;
    struct oh_endpoint signalled, remote;
    struct oh_network *network; /* hosts besides the signalled one */
    size_t networks;
    uint32_t candidate_ssrc;
    uint16_t candidate_sequence;
    struct oh_stream *stream[OH_MOST_STREAMS];
    int streams;
    struct oh_stream *audio;    /* of the audio; NULL: none yet */
    uint64_t last_pass;
    double digit_second;
    int digit_count;
    struct oh_counts past;      /* of the streams that were removed */
    uint64_t discarded, refused;
    double heard_at, control_at;
};

/* Audio or a telephone event for those who listen. */
struct oh_packet {
    const uint8_t *payload;
    size_t size;
    int codec; /* of the audio; -1: it is none */
    bool marker, is_event;
    bool reordered;          /* a later packet came before */
    uint16_t sequence;
    uint32_t ssrc, timestamp; /* of a clock of 8,000 */
    size_t samples;          /* of the audio, at 8,000 a second */
    const int16_t *wide;     /* the decoded sound of a codec that is not G.711 */
    size_t wide_count;
    double arrival;
};

/* Maps one leg's packets into another's stream. See media/python/relay.py. */
struct oh_relay {
    oh_leg *target;          /* NULL: nothing is relayed */
    oh_leg *next_source;     /* the next leg that is relayed to the same target */
    bool has_source, has_event;
    uint32_t source;         /* SSRC of the audio */
    uint16_t last;           /* sequence number of the newest audio packet relayed, as it came */
    uint64_t next;           /* the target's next sequence number, if nothing else was sent since */
    bool has_next;
    uint32_t newest_timestamp;
    int64_t newest_units;
    double late_since;       /* tick of the first of the late packets in a row; infinity: none */
    uint32_t event_ssrc, event_timestamp;
    int64_t event_units;
};

/* What epoll gives back. */
struct oh_watch {
    oh_leg *leg;
    bool control;
};

#define OH_PUBLISHED 11

struct oh_leg {
    oh_engine *engine;
    uint64_t key;
    struct oh_ports *ports;  /* which its port belongs to */
    uint16_t port;
    int rtp, rtcp;
    bool closed, begun;      /* begun: connected once */
    bool placed;             /* the engine has room for it in all its lists */
    bool dirty;              /* the numbers changed since they were published */
    struct oh_watch watch_rtp, watch_rtcp;
    struct oh_sender sender;
    struct oh_receiver receiver;
    struct oh_relay relay;
    oh_leg *relayed_from;    /* the first leg that is relayed here */
    struct oh_rtcp session;
    struct oh_endpoint rtcp_remote;
    bool has_rtcp_remote;
    struct oh_inband *inband; /* NULL: tones are not looked for */
    struct oh_secure *secure; /* NULL: plain RTP */
    struct oh_encoder *encoder; /* NULL: not needed yet */
    struct oh_decoder *decoder;
    uint32_t decoded_ssrc;    /* the stream that it decodes */
    double media_timeout;     /* 0 or less: none */
    double silent_since;      /* infinity: the peer need not send */
    struct oh_timer timer[OH_TIMERS];
    oh_leg *previous, *next; /* of the engine's open legs */
    bool tapping;
    _Atomic(struct oh_tap *) tap;
    atomic_uint publishing;  /* odd while the numbers are written */
    _Atomic uint64_t published[OH_PUBLISHED];
    atomic_bool caller_connected, caller_closed;
};

/* sender.c */
void oh_sender_init(oh_leg *leg);
bool oh_sender_has_work(const struct oh_sender *sender);
/* Whether a playback or digit replaces the relayed audio. */
bool oh_sender_busy(const struct oh_sender *sender);
void oh_sender_configure(oh_leg *leg, const struct oh_media *media, bool can_send);
void oh_sender_new_source(oh_leg *leg);
/* The timestamp, unwrapped, of a tick or of a time between two. */
int64_t oh_sender_units_at(const struct oh_sender *sender, double tick);
int64_t oh_sender_free_units_at(const struct oh_sender *sender, double tick);
void oh_sender_send_digit(oh_leg *leg, char digit, double duration);
/* Sends audio of another leg, which arrived at `tick`; the clock goes on from it. */
void oh_sender_relayed(oh_leg *leg, uint8_t second, int64_t units, struct oh_coded coded, double tick);
/* The encoder for the codec that the leg sends; NULL: none can be made. */
struct oh_encoder *oh_sender_encoder(oh_leg *leg);
/* Sends what is due at `tick`; false when there is nothing (more) to send. */
bool oh_sender_transmit(oh_leg *leg, int64_t tick);
/* Sends any payload now with the next sequence number. */
void oh_sender_send(oh_leg *leg, uint8_t second, int64_t timestamp, const uint8_t *payload, size_t size);
/* The same for a telephone event, whose duration has a clock of 8,000. */
void oh_sender_send_event(oh_leg *leg, uint8_t second, int64_t timestamp, const uint8_t *payload, size_t size);
/* As oh_sender_send with an earlier number that was left out. */
void oh_sender_send_as(oh_leg *leg, uint64_t sequence, uint8_t second, int64_t timestamp,
                       const uint8_t *payload, size_t size);

/* receiver.c */
void oh_receiver_init(struct oh_receiver *receiver);
void oh_receiver_free(struct oh_receiver *receiver);
/* Takes the networks over; false when there is no memory. */
bool oh_receiver_configure(struct oh_receiver *receiver, const struct oh_media *media);
void oh_receiver_read(oh_leg *leg, uint64_t pass, double now, double skew);
/* One datagram of the RTP socket, as it came; aligned to 4 octets. */
void oh_receiver_arrived(oh_leg *leg, uint8_t *datagram, size_t size, const struct oh_endpoint *from,
                         double arrival);
/* The same after it was decrypted. */
void oh_receiver_datagram(oh_leg *leg, const uint8_t *datagram, size_t size,
                          const struct oh_endpoint *from, double arrival);
struct oh_counts oh_receiver_counts(const struct oh_receiver *receiver);

/* sources.c: whether a packet is the peer's, and to which of its streams it belongs */
struct oh_stream *oh_receiver_admit(oh_leg *leg, const struct oh_endpoint *from, uint32_t ssrc,
                                    uint16_t sequence, double arrival, bool is_audio, bool is_event);

/* relay.c */
void oh_relay_begin(oh_leg *leg, oh_leg *target);
void oh_relay_end(oh_leg *leg);
void oh_relay_packet(oh_leg *leg, const struct oh_packet *packet);

/* control.c: the leg's RTCP */
void oh_control_moved(oh_leg *leg, const struct oh_endpoint *remote, uint16_t signalled);
void oh_control_send(oh_leg *leg, bool bye);
void oh_control_read(oh_leg *leg);
bool oh_control_received(oh_leg *leg, const uint8_t *datagram, size_t size);
/* The same as it came; aligned to 4 octets. */
bool oh_control_arrived(oh_leg *leg, uint8_t *datagram, size_t size);
void oh_control_again(oh_leg *leg, bool initial);

/* leg.c */
bool oh_leg_listens(const oh_leg *leg);
void oh_leg_heard(oh_leg *leg, const struct oh_packet *packet);
/* The peer sends from here. */
void oh_leg_latched(oh_leg *leg);
void oh_leg_digit(oh_leg *leg, char digit, double at);
void oh_leg_collision(oh_leg *leg);
void oh_leg_refused(oh_leg *leg, const struct oh_endpoint *from);
void oh_leg_tap_sent(oh_leg *leg, int64_t units, int64_t tick, const uint8_t *payload);
void oh_leg_timer(oh_leg *leg, enum oh_timer_kind kind);
/* Begins, or changes, the exchange. */
void oh_leg_use(oh_leg *leg, const struct oh_media *media);
void oh_leg_tap(oh_leg *leg, bool start);
/* Sends RTCP BYE and frees everything but the memory of the leg itself; playbacks end as stopped. */
void oh_leg_shut(oh_leg *leg);
void oh_leg_publish(oh_leg *leg);
void oh_leg_free(oh_leg *leg);
void oh_leg_fail(oh_leg *leg);

/* What the engine does for its legs (engine.c). */
double oh_engine_now(const oh_engine *engine); /* monotonic time of the pass */
double oh_engine_clock(void);                  /* monotonic time of this moment */
double oh_engine_tick_at(const oh_engine *engine, double at);
double oh_engine_time_of(const oh_engine *engine, int64_t tick);
double oh_engine_report_interval(const oh_engine *engine);
double oh_engine_random(oh_engine *engine); /* 0..1, no secret */
void oh_engine_emit(oh_engine *engine, const struct oh_event *event);
/* Lets a leg with work be called every packet time, from the next tick with room. */
void oh_engine_schedule(oh_engine *engine, oh_leg *leg);
/* Takes a leg out of its slot. */
void oh_engine_unschedule(oh_engine *engine, oh_leg *leg);
bool oh_engine_watch(oh_engine *engine, oh_leg *leg);
void oh_engine_unwatch(oh_engine *engine, oh_leg *leg);
void oh_engine_forget(oh_engine *engine, oh_leg *leg);
/* So many legs more are relayed to another. */
void oh_engine_relays(oh_engine *engine, int more);
void oh_engine_changed(oh_engine *engine, oh_leg *leg); /* its numbers are to be published */
void oh_engine_timer(oh_engine *engine, struct oh_timer *timer, double at);
void oh_engine_untimer(oh_engine *engine, struct oh_timer *timer);
void oh_random_octets(void *into, size_t size);

#endif
