/* The far ends of bench_engines: N telephones that send 50 packets a second each and note when ours arrive.
 *
 * Reads the number of telephones and each one's target port on loopback, prints the ports of its own sockets,
 * waits for a line, runs for so many seconds, and prints one line of JSON: packets sent and received, and how
 * late the packets of each stream left on their own grid of 20 ms (the grid is that of the earliest packet), by
 * the kernel's receive timestamps, so that its own slowness does not count. */
#include <math.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKET 0.02
#define SIZE 172

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct phone {
    int fd;
    struct sockaddr_in target;
    double *at;
    size_t count;
};

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void receive(struct phone *phone, size_t room) {
    char data[256], control[64];
    for (;;) {
        struct iovec into = {data, sizeof data};
        struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t size = recvmsg(phone->fd, &message, MSG_DONTWAIT);
        if (size < 0)
            return;
        struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
        if (size != SIZE || !stamp || phone->count == room)
            continue;
        struct timespec t;
        memcpy(&t, CMSG_DATA(stamp), sizeof t);
        phone->at[phone->count++] = (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
    }
}

static void send_next(struct phone *phone, unsigned number) {
    uint8_t packet[SIZE] = {0x80, 0, (uint8_t)(number >> 8), (uint8_t)number};
    uint32_t stamp = htonl(160 * number);
    memcpy(packet + 4, &stamp, 4);
    packet[11] = 7;
    memset(packet + 12, 0x55, SIZE - 12);
    sendto(phone->fd, packet, SIZE, MSG_DONTWAIT, (struct sockaddr *)&phone->target, sizeof phone->target);
}

static void report(struct phone *phones, size_t count, uint64_t sent) {
    size_t all = 0, used = 0, over5 = 0;
    for (size_t each = 0; each < count; each++)
        all += phones[each].count;
    double *late = malloc((all + 1) * sizeof *late);
    for (size_t each = 0; each < count; each++) {
        double first = INFINITY;
        for (size_t n = 0; n < phones[each].count; n++)
            first = fmin(first, phones[each].at[n] - (double)n * PACKET);
        for (size_t n = 0; n < phones[each].count; n++)
            late[used++] = phones[each].at[n] - (double)n * PACKET - first;
    }
    qsort(late, used, sizeof *late, by_value);
    for (size_t n = 0; n < used; n++)
        over5 += late[n] > 0.005;
    double whole = used ? (double)used : 1;
    printf("{\"peer_sent\": %llu, \"peer_received\": %zu, \"pacing_ms_p50\": %.3f, \"pacing_ms_p99\": %.3f, "
           "\"pacing_ms_p999\": %.3f, \"pacing_ms_max\": %.3f, \"late_5ms_percent\": %.3f}\n",
           (unsigned long long)sent, used, used ? 1e3 * late[used / 2] : 0, used ? 1e3 * late[used * 99 / 100] : 0,
           used ? 1e3 * late[used * 999 / 1000] : 0, used ? 1e3 * late[used - 1] : 0, 100 * (double)over5 / whole);
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 10;
    size_t count, room = (size_t)(seconds * 60) + 100;
    if (scanf("%zu", &count) != 1 || !count || count > 20000)
        return 2;
    struct phone *phones = calloc(count, sizeof *phones);
    for (size_t each = 0; each < count; each++) {
        unsigned port;
        int on = 1, buffer = 1 << 18;
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof own;
        phones[each].fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (scanf("%u", &port) != 1 || phones[each].fd < 0 || bind(phones[each].fd, (struct sockaddr *)&own, size))
            return 2;
        setsockopt(phones[each].fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        setsockopt(phones[each].fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        phones[each].target = own;
        phones[each].target.sin_port = htons((uint16_t)port);
        phones[each].at = malloc(room * sizeof(double));
        getsockname(phones[each].fd, (struct sockaddr *)&own, &size);
        printf("%u ", ntohs(own.sin_port));
    }
    printf("\n");
    fflush(stdout);
    while (getchar() != '\n')
        continue;
    if (getchar() == EOF)
        return 1;
    double began = now();
    uint64_t number = 0;
    size_t reader = 0;
    for (double at = began; at < began + seconds; at = now()) {
        /* Spread over the packet time, as those of real telephones are. */
        uint64_t due = (uint64_t)((at - began) / PACKET * (double)count);
        for (; number < due; number++)
            send_next(&phones[number % count], (unsigned)(number / count));
        for (size_t each = 0; each < count / 16 + 1; each++, reader = (reader + 1) % count)
            receive(&phones[reader], room);
        const struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
    for (size_t each = 0; each < count; each++)
        receive(&phones[each], room);
    report(phones, count, number);
    return 0;
}
