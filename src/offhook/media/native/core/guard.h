/* Mapped files that become shorter while they are read do not end the process.
 *
 * The kernel sends SIGBUS to who reads a page that the file has no more. For the ranges that are named here the
 * page is replaced by silence, and the read goes on; any other SIGBUS ends the process as ever. */
#ifndef OH_GUARD_H
#define OH_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From any thread. false: no memory, or the handler cannot be installed. */
bool oh_guard(uintptr_t begin, size_t size);
/* Before the range is unmapped. */
void oh_unguard(uintptr_t begin);
/* How many pages were replaced so far. */
uint64_t oh_guard_replaced(void);

#endif
