/* What the fuzz targets share: an engine that has no thread, whose passes the target makes. */
#ifndef OH_FUZZ_H
#define OH_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* One for all inputs: each input opens and releases legs of its own. */
static oh_engine *fuzz_engine(void) {
    static oh_engine *engine;
    struct oh_config config = {.host = {4, {127, 0, 0, 1}, 0}, .first_port = 42000, .last_port = 42127,
                               .report_interval = 0.001};
    if (engine)
        return engine;
    if (oh_engine_new(&config, &engine) != OH_OK)
        abort();
    /* Commands go into the queue, and the passes of the target carry them out. */
    atomic_store(&engine->state, OH_STATE_RUNNING);
    return engine;
}

/* Time goes on by so many ticks. */
static void fuzz_pass(oh_engine *engine, unsigned ticks) {
    engine->began -= ticks * OH_TICK;
    oh_engine_pass(engine);
    struct oh_event events[64];
    while (oh_engine_take_events(engine, events, 64))
        continue;
}

/* After the release of all handles: nothing of the input is left. */
static void fuzz_end(oh_engine *engine) {
    fuzz_pass(engine, 0);
    if (engine->legs || engine->known || engine->timers.count || engine->changed_count)
        abort();
}

static struct oh_media fuzz_media(uint16_t port) {
    struct oh_media media = {.remote = {4, {127, 0, 0, 1}, port}, .dtmf_payload_type = 101,
                             .dtmf_receive_type = 96, .send = true, .receive = true};
    media.receive_codecs[0] = OH_PCMU + 1;
    media.receive_codecs[8] = OH_PCMA + 1;
    media.receive_codecs[9] = OH_G722 + 1;
    media.receive_codecs[111] = OH_OPUS + 1;
    return media;
}

#endif
