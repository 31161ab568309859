/* The commands of callers in any order, on up to four legs and four sounds that come and go. */
#include "fuzz.h"

#define HANDLES 4

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t next(struct input *input) {
    if (!input->left)
        return 0;
    input->left--;
    return *input->at++;
}

static uint8_t octets[2000];

static void new_sound(oh_engine *engine, oh_sound **sound, uint8_t size) {
    /* The octets are packets of Opus, too, some of them too long. */
    struct oh_sources sources = {{octets, octets}, (size_t)size * 7, size & 1 ? octets : NULL,
                                 size & 2 ? octets : NULL, sizeof octets, sizeof octets};
    for (size_t at = 0; at + 1 < sizeof octets; at += OH_PACKET)
        octets[at + 1] = (uint8_t)(10 + at / 10);
    if (*sound)
        oh_sound_release(*sound);
    if (oh_sound_new(engine, &sources, NULL, sound) != OH_OK)
        *sound = NULL;
}

static void connect_leg(oh_leg *leg, struct input *input) {
    uint8_t how = next(input);
    struct oh_network network = {4, (uint8_t)(how & 63), {127}};
    struct oh_media media = fuzz_media((uint16_t)(1 + next(input)));
    media.send = how & 1;
    media.receive = how & 2;
    media.ptime = (const uint8_t[]){0, 10, 30, 60}[how >> 5 & 3];
    media.rtcp_mux = how & 4;
    media.codec = next(input) % (OH_CODECS + 1);
    media.dtmf_payload_type = (int16_t)(how & 8 ? -1 : 101);
    media.networks = how >> 7;
    media.keys.suite = next(input) % (OH_SUITES + 1);
    memset(media.keys.send, next(input), sizeof media.keys.send);
    memset(media.keys.receive, next(input), sizeof media.keys.receive);
    media.network = &network;
    if (how & 16)
        memset(media.remote.octets, 0, sizeof media.remote.octets);
    oh_leg_connect(leg, &media);
}

static void command(oh_leg *leg, oh_leg *other, oh_sound *sound, struct input *input, uint8_t what) {
    uint8_t frames[4096];
    struct oh_statistics statistics;
    switch (what) {
    case 0: connect_leg(leg, input); break;
    case 1: oh_leg_keep_sending(leg); break;
    case 2: if (sound) oh_leg_play(leg, sound, next(input), next(input), next(input) * 50u); break;
    case 3: oh_leg_play_below(leg, sound, next(input)); break;
    case 4: oh_leg_stop_playing(leg, next(input)); break;
    case 5: oh_leg_send_digit(leg, (char)next(input), next(input) / 100.0); break;
    case 6: oh_leg_relay(leg, other); break;
    case 7: oh_leg_start_tap(leg); break;
    case 8: oh_leg_stop_tap(leg); break;
    case 9: oh_leg_take_frames(leg, frames, next(input) * 16u); break;
    case 10: oh_leg_statistics(leg, &statistics); break;
    default: oh_leg_close(leg); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    oh_engine *engine = fuzz_engine();
    oh_leg *leg[HANDLES] = {NULL};
    oh_sound *sound[HANDLES] = {NULL};
    for (uint64_t key = 1; input.left; key++) {
        uint8_t what = next(&input), which = next(&input);
        oh_leg **mine = &leg[which % HANDLES];
        if (what % 16 == 15)
            fuzz_pass(engine, what >> 4);
        else if (what % 16 == 14)
            new_sound(engine, &sound[which % HANDLES], next(&input));
        else if (!*mine)
            oh_leg_open(engine, key, which / 100.0, (const uint8_t[]){0, 4, 6}[which % 3], mine);
        else if (what % 16 == 13) {
            oh_leg_release(*mine);
            *mine = NULL;
        } else
            command(*mine, leg[which >> 2 & 3], sound[which >> 4 & 3], &input, what % 16);
    }
    for (int at = 0; at < HANDLES; at++) {
        if (sound[at])
            oh_sound_release(sound[at]);
        if (leg[at])
            oh_leg_release(leg[at]);
    }
    fuzz_end(engine);
    return 0;
}
