/* The UDP sockets of legs: RTP on an even port, RTCP on the next (RFC 3550 section 11). */
#ifndef OH_PORTS_H
#define OH_PORTS_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "oh_media.h"

/* A socket address as the system wants it. */
struct oh_endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t size;
};

void oh_endpoint_of(struct oh_endpoint *endpoint, const struct oh_address *address);
void oh_endpoint_address(const struct oh_endpoint *endpoint, struct oh_address *address);
/* Host and port are equal. */
bool oh_endpoint_equal(const struct oh_endpoint *one, const struct oh_endpoint *other);
bool oh_endpoint_same_host(const struct oh_endpoint *one, const struct oh_endpoint *other);
uint16_t oh_endpoint_port(const struct oh_endpoint *endpoint);
void oh_endpoint_set_port(struct oh_endpoint *endpoint, uint16_t port);
/* 0.0.0.0 or ::, an old way to say hold. */
bool oh_endpoint_unspecified(const struct oh_endpoint *endpoint);

/* Even ports of a range in a random order; a freed one is used again after all others. */
struct oh_ports {
    pthread_mutex_t lock;
    struct oh_address host;
    uint16_t *free;
    size_t count, first, room;
};

enum oh_result oh_ports_open(struct oh_ports *ports, const struct oh_address *host, uint16_t first,
                             uint16_t last);
void oh_ports_close(struct oh_ports *ports);
/* Binds the next free pair, non-blocking. A port that another program uses is skipped. */
enum oh_result oh_ports_bind(struct oh_ports *ports, uint16_t *port, int *rtp, int *rtcp);
void oh_ports_release(struct oh_ports *ports, uint16_t port);

#endif
