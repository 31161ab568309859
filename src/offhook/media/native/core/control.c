/* RTCP of one leg: the socket and the timer around the session. */
#include <string.h>
#include <time.h>

#include "leg.h"

static struct oh_sending sending(const oh_leg *leg) {
    const struct oh_sender *sender = &leg->sender;
    double tick = oh_engine_tick_at(leg->engine, oh_engine_clock());
    struct oh_sending state = {sender->ssrc, (uint32_t)(uint64_t)oh_sender_units_at(sender, tick) * sender->scale,
                               sender->packets_sent, sender->octets_sent, sender->first_sequence,
                               sender->scale};
    return state;
}

static struct oh_heard heard(oh_leg *leg) {
    struct oh_stream *audio = leg->receiver.audio;
    struct oh_heard state = {audio != NULL, audio ? audio->ssrc : 0, audio ? &audio->source : NULL,
                             audio && audio->scaled ? oh_clock_scale(OH_OPUS) : 1};
    return state;
}

void oh_control_moved(oh_leg *leg, const struct oh_endpoint *remote, uint16_t signalled) {
    leg->has_rtcp_remote = !oh_endpoint_unspecified(remote);
    leg->rtcp_remote = *remote;
    if (leg->receiver.mux)
        return;
    /* As signalled, else on the port after RTP's (RFC 3550 section 11). */
    unsigned port = signalled ? signalled : oh_endpoint_port(remote) + 1u;
    if (port > 65535)
        leg->has_rtcp_remote = false;
    else
        oh_endpoint_set_port(&leg->rtcp_remote, (uint16_t)port);
}

void oh_control_send(oh_leg *leg, bool bye) {
    if (!leg->has_rtcp_remote)
        return;
    _Alignas(8) uint8_t report[OH_REPORT_MOST + OH_SECURE_ROOM];
    struct oh_sending state = sending(leg);
    struct oh_heard source = heard(leg);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    size_t size = oh_rtcp_report(&leg->session, &state, &source, oh_engine_clock(),
                                 (double)wall.tv_sec + (double)wall.tv_nsec * 1e-9, bye, report);
    if (leg->secure && !(size = oh_secure_rtcp(leg->secure, report, size)))
        return;
    int from = leg->receiver.mux ? leg->rtp : leg->rtcp;
    if (sendto(from, report, size, MSG_DONTWAIT | MSG_NOSIGNAL, &leg->rtcp_remote.at.any,
               leg->rtcp_remote.size) < 0)
        leg->sender.errors++;
}

bool oh_control_received(oh_leg *leg, const uint8_t *datagram, size_t size) {
    struct oh_sending state = sending(leg);
    struct oh_heard source = heard(leg);
    double now = oh_engine_clock();
    oh_engine_changed(leg->engine, leg);
    if (!oh_rtcp_received(&leg->session, datagram, size, &state, &source, now)) {
        leg->receiver.discarded++;
        return false;
    }
    leg->receiver.control_at = now;
    return true;
}

bool oh_control_arrived(oh_leg *leg, uint8_t *datagram, size_t size) {
    if (leg->secure && !(size = oh_unsecure_rtcp(leg->secure, datagram, size))) {
        leg->receiver.discarded++;
        return false;
    }
    return oh_control_received(leg, datagram, size);
}

void oh_control_read(oh_leg *leg) {
    _Alignas(8) uint8_t datagram[OH_RTCP_MOST + 1];
    struct oh_endpoint from;
    struct oh_receiver *receiver = &leg->receiver;
    from.size = sizeof from.at;
    ssize_t size = recvfrom(leg->rtcp, datagram, sizeof datagram, MSG_DONTWAIT, &from.at.any, &from.size);
    if (size < 0)
        return;
    /* Only the host that RTP is accepted from counts. */
    if (!receiver->has_remote || !oh_endpoint_same_host(&from, &receiver->remote))
        receiver->discarded++;
    else if (oh_control_arrived(leg, datagram, (size_t)size))
        leg->rtcp_remote = from;
}

void oh_control_again(oh_leg *leg, bool initial) {
    double least = oh_engine_report_interval(leg->engine);
    double delay = oh_rtcp_interval(oh_engine_random(leg->engine), least, initial);
    oh_engine_timer(leg->engine, &leg->timer[OH_TIMER_RTCP], oh_engine_now(leg->engine) + delay);
}
