#include "ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void oh_endpoint_of(struct oh_endpoint *endpoint, const struct oh_address *address) {
    memset(endpoint, 0, sizeof *endpoint);
    if (address->version == 6) {
        endpoint->at.v6.sin6_family = AF_INET6;
        memcpy(&endpoint->at.v6.sin6_addr, address->octets, 16);
        endpoint->at.v6.sin6_port = htons(address->port);
        endpoint->size = sizeof endpoint->at.v6;
    } else {
        endpoint->at.v4.sin_family = AF_INET;
        memcpy(&endpoint->at.v4.sin_addr, address->octets, 4);
        endpoint->at.v4.sin_port = htons(address->port);
        endpoint->size = sizeof endpoint->at.v4;
    }
}

static bool is_v6(const struct oh_endpoint *endpoint) { return endpoint->at.any.sa_family == AF_INET6; }

void oh_endpoint_address(const struct oh_endpoint *endpoint, struct oh_address *address) {
    memset(address, 0, sizeof *address);
    address->version = is_v6(endpoint) ? 6 : 4;
    address->port = oh_endpoint_port(endpoint);
    if (is_v6(endpoint))
        memcpy(address->octets, &endpoint->at.v6.sin6_addr, 16);
    else
        memcpy(address->octets, &endpoint->at.v4.sin_addr, 4);
}

bool oh_endpoint_same_host(const struct oh_endpoint *one, const struct oh_endpoint *other) {
    if (one->at.any.sa_family != other->at.any.sa_family)
        return false;
    if (is_v6(one))
        return !memcmp(&one->at.v6.sin6_addr, &other->at.v6.sin6_addr, 16);
    return one->at.v4.sin_addr.s_addr == other->at.v4.sin_addr.s_addr;
}

bool oh_endpoint_equal(const struct oh_endpoint *one, const struct oh_endpoint *other) {
    /* The port stands at the same place in both kinds. */
    return one->at.v4.sin_port == other->at.v4.sin_port && oh_endpoint_same_host(one, other);
}

uint16_t oh_endpoint_port(const struct oh_endpoint *endpoint) { return ntohs(endpoint->at.v4.sin_port); }

void oh_endpoint_set_port(struct oh_endpoint *endpoint, uint16_t port) {
    endpoint->at.v4.sin_port = htons(port);
}

bool oh_endpoint_unspecified(const struct oh_endpoint *endpoint) {
    static const uint8_t zeros[16];
    if (is_v6(endpoint))
        return !memcmp(&endpoint->at.v6.sin6_addr, zeros, 16);
    return endpoint->at.v4.sin_addr.s_addr == 0;
}

static uint32_t random_below(uint32_t bound) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)rand();
    return random % bound;
}

enum oh_result oh_ports_open(struct oh_ports *ports, const struct oh_address *host, uint16_t first,
                             uint16_t last) {
    memset(ports, 0, sizeof *ports);
    unsigned even = (unsigned)first + first % 2u;
    if (first < 1 || even + 1 > last)
        return OH_INVALID;
    ports->host = *host;
    ports->room = ports->count = (last - 1u - even) / 2 + 1;
    ports->free = calloc(ports->room, sizeof *ports->free);
    if (!ports->free)
        return OH_NO_MEMORY;
    pthread_mutex_init(&ports->lock, NULL);
    for (size_t at = 0; at < ports->count; at++) {
        size_t other = random_below((uint32_t)at + 1);
        ports->free[at] = ports->free[other];
        ports->free[other] = (uint16_t)(even + 2 * at);
    }
    return OH_OK;
}

void oh_ports_close(struct oh_ports *ports) {
    free(ports->free);
    pthread_mutex_destroy(&ports->lock);
}

void oh_ports_release(struct oh_ports *ports, uint16_t port) {
    pthread_mutex_lock(&ports->lock);
    if (ports->count < ports->room)
        ports->free[(ports->first + ports->count++) % ports->room] = port;
    pthread_mutex_unlock(&ports->lock);
}

static uint16_t next_free(struct oh_ports *ports) {
    uint16_t port = 0;
    pthread_mutex_lock(&ports->lock);
    if (ports->count) {
        port = ports->free[ports->first];
        ports->first = (ports->first + 1) % ports->room;
        ports->count--;
    }
    pthread_mutex_unlock(&ports->lock);
    return port;
}

/* A socket bound to the port; below 0: errno tells. */
static int bind_one(const struct oh_address *host, uint16_t port) {
    struct oh_address address = *host;
    struct oh_endpoint endpoint;
    address.port = port;
    oh_endpoint_of(&endpoint, &address);
    int made = socket(endpoint.at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return made;
    int on = 1;
    if (address.version == 6) /* the same port of IPv4 is another leg's */
        setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(made, &endpoint.at.any, endpoint.size) < 0) {
        int error = errno;
        close(made);
        errno = error;
        return -1;
    }
    return made;
}

static bool bind_pair(const struct oh_address *host, uint16_t port, int *rtp, int *rtcp) {
    *rtp = bind_one(host, port);
    if (*rtp < 0)
        return false;
    *rtcp = bind_one(host, (uint16_t)(port + 1));
    if (*rtcp >= 0)
        return true;
    int error = errno;
    close(*rtp);
    errno = error;
    return false;
}

enum oh_result oh_ports_bind(struct oh_ports *ports, uint16_t *port, int *rtp, int *rtcp) {
    for (size_t tries = ports->room; tries; tries--) {
        *port = next_free(ports);
        if (!*port)
            return OH_NO_PORTS;
        if (bind_pair(&ports->host, *port, rtp, rtcp))
            return OH_OK;
        int error = errno;
        oh_ports_release(ports, *port);
        if (error == EMFILE || error == ENFILE)
            return OH_NO_DESCRIPTORS;
        if (error == ENOMEM || error == ENOBUFS)
            return OH_NO_MEMORY;
    }
    return OH_NO_PORTS;
}
