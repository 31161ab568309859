/* The handler may run in any thread at any moment, so it takes no lock and allocates nothing: the ranges are a list to
 * which elements are only added. One whose range is over is used again for another. */
#include "guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SILENCE 0xFF /* of µ-law */

struct range {
    struct range *next;           /* never changes */
    atomic_uintptr_t begin, end;  /* end 0: it is free */
};

static _Atomic(struct range *) ranges;
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static atomic_uint_fast64_t replaced;

static bool is_guarded(uintptr_t at) {
    for (struct range *each = atomic_load(&ranges); each; each = each->next)
        if (at < atomic_load(&each->end) && at >= atomic_load(&each->begin))
            return true;
    return false;
}

static bool replace(uintptr_t at) {
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)(at & ~(uintptr_t)(size - 1));
    if (mmap(page, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
        return false;
    memset(page, SILENCE, size);
    atomic_fetch_add(&replaced, 1);
    return true;
}

static void on_bus_error(int number, siginfo_t *told, void *context) {
    (void)context;
    uintptr_t at = (uintptr_t)told->si_addr;
    if (told->si_code == BUS_ADRERR && is_guarded(at) && replace(at))
        return;
    /* Not ours: who was there before handles it, when the same instruction fails again. */
    sigaction(number, &before, NULL);
}

static bool installed(void) {
    static bool done;
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    if (!done)
        done = sigaction(SIGBUS, &action, &before) == 0;
    return done;
}

static struct range *free_range(void) {
    for (struct range *each = atomic_load(&ranges); each; each = each->next)
        if (!atomic_load(&each->end))
            return each;
    struct range *made = calloc(1, sizeof *made);
    if (made) {
        made->next = atomic_load(&ranges);
        atomic_store(&ranges, made);
    }
    return made;
}

bool oh_guard(uintptr_t begin, size_t size) {
    pthread_mutex_lock(&changing);
    struct range *range = installed() ? free_range() : NULL;
    if (range) {
        atomic_store(&range->begin, begin);
        atomic_store(&range->end, begin + size);
    }
    pthread_mutex_unlock(&changing);
    return range != NULL;
}

void oh_unguard(uintptr_t begin) {
    pthread_mutex_lock(&changing);
    for (struct range *each = atomic_load(&ranges); each; each = each->next)
        if (atomic_load(&each->end) && atomic_load(&each->begin) == begin)
            atomic_store(&each->end, 0);
    pthread_mutex_unlock(&changing);
}

uint64_t oh_guard_replaced(void) { return atomic_load(&replaced); }
