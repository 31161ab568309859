/* The engine of core/ as a Python module, by the limited API.
 *
 * What Python holds are objects of three types, which only this module makes: an Engine, its Legs and its
 * Sounds. Each Leg and Sound keeps its Engine alive, and each releases its handle when Python drops it, so that
 * no order of calls and drops reaches memory that is freed. Every argument is checked here or in the core.
 * The octets of a Sound are buffers that are kept until the core says that nothing reads them any more. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "core/coders.h"
#include "core/guard.h"

#define INTERFACE 6 /* one more with each change of what _core.pyi says */
#define EVENTS_AT_ONCE 64
#define FRAMES_AT_ONCE 65536
#define MOST_FRAME_OCTETS ((size_t)1 << 24)
#define NETWORK_SIZE 18 /* version, prefix, 16 octets */

typedef struct {
    PyTypeObject *engine, *leg, *sound;
} state_of_module;

typedef struct {
    PyObject_HEAD
    oh_engine *core; /* NULL: never made */
    PyTypeObject *leg, *sound;
} EngineObject;

typedef struct {
    PyObject_HEAD
    EngineObject *engine;
    oh_leg *core;
} LegObject;

typedef struct {
    PyObject_HEAD
    EngineObject *engine;
    oh_sound *core;
    Py_ssize_t samples;
} SoundObject;

typedef struct {
    Py_buffer view[OH_CODECS]; /* without a buffer where the codec is not there */
} Octets;

static PyObject *raise_result(enum oh_result result) {
    switch (result) {
    case OH_NO_MEMORY: return PyErr_NoMemory();
    case OH_NO_PORTS: PyErr_SetString(PyExc_LookupError, "every RTP port is in use"); break;
    case OH_NO_DESCRIPTORS: PyErr_SetString(PyExc_LookupError, "out of file descriptors"); break;
    case OH_SYSTEM: return PyErr_SetFromErrno(PyExc_OSError);
    case OH_INVALID: PyErr_SetString(PyExc_ValueError, "an argument is out of range"); break;
    case OH_BUSY: PyErr_SetString(PyExc_RuntimeError, "the media thread does not keep up"); break;
    case OH_NOT_RUNNING: PyErr_SetString(PyExc_RuntimeError, "the media engine is not running"); break;
    default: PyErr_SetString(PyExc_SystemError, "unknown result of the media core");
    }
    return NULL;
}

static PyObject *none_or(enum oh_result result) {
    if (result != OH_OK)
        return raise_result(result);
    Py_RETURN_NONE;
}

static void drop_object(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static void *new_object(PyTypeObject *type) {
    allocfunc make = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return make(type, 0);
}

/* An address of 4 or 16 octets; false, with an exception, for another length. */
static bool read_address(struct oh_address *address, const char *octets, Py_ssize_t size, int port) {
    memset(address, 0, sizeof *address);
    if ((size != 4 && size != 16) || port < 0 || port > 65535) {
        PyErr_SetString(PyExc_ValueError, "not an address and port");
        return false;
    }
    address->version = size == 4 ? 4 : 6;
    address->port = (uint16_t)port;
    memcpy(address->octets, octets, (size_t)size);
    return true;
}

/* Sounds. */

static void drop_octets(Octets *octets) {
    for (int codec = 0; codec < OH_CODECS; codec++)
        PyBuffer_Release(&octets->view[codec]);
    PyMem_Free(octets);
}

static void sound_dealloc(PyObject *at) {
    SoundObject *self = (SoundObject *)at;
    if (self->core)
        oh_sound_release(self->core);
    Py_XDECREF((PyObject *)self->engine);
    drop_object(at);
}

static PyObject *sound_samples(PyObject *at, void *Py_UNUSED(closure)) {
    return PyLong_FromSsize_t(((SoundObject *)at)->samples);
}

/* None, besides for G.711: the codec is not there. */
static Octets *read_octets(PyObject *const source[OH_CODECS]) {
    Octets *octets = PyMem_Calloc(1, sizeof *octets);
    if (!octets) {
        PyErr_NoMemory();
        return NULL;
    }
    for (int codec = 0; codec < OH_CODECS; codec++) {
        if (codec >= OH_LAWS && source[codec] == Py_None)
            continue;
        if (PyObject_GetBuffer(source[codec], &octets->view[codec], PyBUF_SIMPLE) < 0) {
            drop_octets(octets);
            return NULL;
        }
    }
    if (octets->view[OH_PCMU].len != octets->view[OH_PCMA].len) {
        PyErr_SetString(PyExc_ValueError, "a sound has the same number of octets in both laws");
        drop_octets(octets);
        return NULL;
    }
    return octets;
}

static PyObject *engine_load(PyObject *at, PyObject *arguments) {
    EngineObject *self = (EngineObject *)at;
    PyObject *source[OH_CODECS] = {NULL, NULL, Py_None, Py_None};
    if (!PyArg_ParseTuple(arguments, "OO|OO", &source[OH_PCMU], &source[OH_PCMA], &source[OH_G722],
                          &source[OH_OPUS]))
        return NULL;
    Octets *octets = read_octets(source);
    SoundObject *sound = octets ? new_object(self->sound) : NULL;
    if (!sound) {
        if (octets)
            drop_octets(octets);
        return NULL;
    }
    const Py_buffer *view = octets->view;
    struct oh_sources sources = {{view[OH_PCMU].buf, view[OH_PCMA].buf}, (size_t)view[OH_PCMU].len,
                                 view[OH_G722].buf, view[OH_OPUS].buf, (size_t)view[OH_G722].len,
                                 (size_t)view[OH_OPUS].len};
    sound->samples = view[OH_PCMU].len;
    enum oh_result result = oh_sound_new(self->core, &sources, octets, &sound->core);
    if (result != OH_OK) {
        drop_octets(octets);
        Py_DECREF((PyObject *)sound);
        return raise_result(result);
    }
    Py_INCREF(at);
    sound->engine = self;
    return (PyObject *)sound;
}

/* Engines. */

/* The core says that nothing reads these octets any more. */
static void sort_out(const struct oh_event *event) {
    if (event->kind == OH_SOUND_FREED)
        drop_octets(event->owner);
}

static void engine_dealloc(PyObject *at) {
    EngineObject *self = (EngineObject *)at;
    struct oh_event events[EVENTS_AT_ONCE];
    size_t count;
    if (self->core) {
        Py_BEGIN_ALLOW_THREADS
        oh_engine_stop(self->core);
        Py_END_ALLOW_THREADS
        while ((count = oh_engine_take_events(self->core, events, EVENTS_AT_ONCE)))
            for (size_t each = 0; each < count; each++)
                sort_out(&events[each]);
        oh_engine_free(self->core);
    }
    Py_XDECREF((PyObject *)self->leg);
    Py_XDECREF((PyObject *)self->sound);
    drop_object(at);
}

static PyObject *engine_start(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return none_or(oh_engine_start(((EngineObject *)at)->core));
}

static PyObject *engine_close(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    EngineObject *self = (EngineObject *)at;
    Py_BEGIN_ALLOW_THREADS
    oh_engine_stop(self->core);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *engine_event_fd(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return PyLong_FromLong(oh_engine_event_fd(((EngineObject *)at)->core));
}

static PyObject *event_tuple(const struct oh_event *event) {
    Py_ssize_t host = event->host.version == 6 ? 16 : event->host.version == 4 ? 4 : 0;
    return Py_BuildValue("(iKdIiCy#)", (int)event->kind, (unsigned long long)event->key, event->at,
                         (unsigned)event->number, (int)event->flag, (int)event->digit,
                         (const char *)event->host.octets, host);
}

static PyObject *engine_events(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    EngineObject *self = (EngineObject *)at;
    struct oh_event events[EVENTS_AT_ONCE];
    PyObject *found = PyList_New(0);
    size_t count;
    while (found && (count = oh_engine_take_events(self->core, events, EVENTS_AT_ONCE))) {
        for (size_t each = 0; each < count; each++) {
            if (events[each].kind == OH_SOUND_FREED) {
                sort_out(&events[each]);
                continue;
            }
            PyObject *event = found ? event_tuple(&events[each]) : NULL;
            if (found && (!event || PyList_Append(found, event) < 0)) {
                Py_DECREF(found);
                found = NULL;
            }
            Py_XDECREF(event);
        }
    }
    return found;
}

static PyObject *engine_open_leg(PyObject *at, PyObject *arguments) {
    EngineObject *self = (EngineObject *)at;
    unsigned long long key;
    double timeout;
    unsigned char version;
    if (!PyArg_ParseTuple(arguments, "Kdb", &key, &timeout, &version))
        return NULL;
    LegObject *leg = new_object(self->leg);
    if (!leg)
        return NULL;
    enum oh_result result = oh_leg_open(self->core, key, timeout, version, &leg->core);
    if (result != OH_OK) {
        leg->core = NULL;
        Py_DECREF((PyObject *)leg);
        return raise_result(result);
    }
    Py_INCREF(at);
    leg->engine = self;
    return (PyObject *)leg;
}

static PyObject *make_engine(PyObject *module, PyObject *arguments) {
    state_of_module *state = PyModule_GetState(module);
    struct oh_config config;
    const char *host, *other;
    Py_ssize_t size, other_size;
    int first, last;
    memset(&config, 0, sizeof config);
    if (!PyArg_ParseTuple(arguments, "y#y#iid", &host, &size, &other, &other_size, &first, &last,
                          &config.report_interval))
        return NULL;
    if (!read_address(&config.host, host, size, 0) ||
        (other_size && !read_address(&config.other, other, other_size, 0)))
        return NULL;
    if (first < 1 || last > 65535 || first > last) {
        PyErr_SetString(PyExc_ValueError, "no pair of ports in this range");
        return NULL;
    }
    config.first_port = (uint16_t)first;
    config.last_port = (uint16_t)last;
    EngineObject *self = new_object(state->engine);
    if (!self)
        return NULL;
    enum oh_result result = oh_engine_new(&config, &self->core);
    if (result != OH_OK) {
        self->core = NULL;
        Py_DECREF((PyObject *)self);
        return raise_result(result);
    }
    Py_INCREF((PyObject *)state->leg);
    self->leg = state->leg;
    Py_INCREF((PyObject *)state->sound);
    self->sound = state->sound;
    return (PyObject *)self;
}

/* Legs. */

static void leg_dealloc(PyObject *at) {
    LegObject *self = (LegObject *)at;
    if (self->core)
        oh_leg_release(self->core);
    Py_XDECREF((PyObject *)self->engine);
    drop_object(at);
}

static oh_leg *leg_core(PyObject *at) { return ((LegObject *)at)->core; }

static PyObject *leg_port(PyObject *at, void *Py_UNUSED(closure)) {
    return PyLong_FromLong(oh_leg_port(leg_core(at)));
}

static bool read_networks(struct oh_media *media, struct oh_network *network, const uint8_t *octets) {
    for (size_t each = 0; each < media->networks; each++, octets += NETWORK_SIZE) {
        network[each].version = octets[0];
        network[each].prefix = octets[1];
        memcpy(network[each].octets, octets + 2, 16);
    }
    media->network = network;
    return true;
}

static PyObject *connect_with(oh_leg *leg, struct oh_media *media, const char *networks, Py_ssize_t size) {
    if (size % NETWORK_SIZE) {
        PyErr_SetString(PyExc_ValueError, "half a network");
        return NULL;
    }
    media->networks = (size_t)(size / NETWORK_SIZE);
    struct oh_network *network = PyMem_Calloc(media->networks + 1, sizeof *network);
    if (!network)
        return PyErr_NoMemory();
    read_networks(media, network, (const uint8_t *)networks);
    enum oh_result result = oh_leg_connect(leg, media);
    PyMem_Free(network);
    return none_or(result);
}

static PyObject *leg_connect(PyObject *at, PyObject *arguments) {
    struct oh_media media;
    const char *host, *types, *networks, *send_key, *receive_key;
    Py_ssize_t host_size, types_size, networks_size, send_size, receive_size;
    int suite, port, rtcp_port, codec, type, ptime, dtmf, dtmf_receive, send, receive, mux;
    memset(&media, 0, sizeof media);
    if (!PyArg_ParseTuple(arguments, "y#iiiiiiipppy#y#iy#y#", &host, &host_size, &port, &rtcp_port, &codec, &type,
                          &ptime, &dtmf, &dtmf_receive, &send, &receive, &mux, &types, &types_size, &networks,
                          &networks_size, &suite, &send_key, &send_size, &receive_key, &receive_size))
        return NULL;
    if (!read_address(&media.remote, host, host_size, port))
        return NULL;
    if (rtcp_port < 0 || rtcp_port > 65535 || codec < 0 || codec >= OH_CODECS || type < 0 || type > 127 || ptime < 0 || ptime > 255 ||
        dtmf < -1 || dtmf > 127 || dtmf_receive < -1 || dtmf_receive > 127 ||
        types_size != (Py_ssize_t)sizeof media.receive_codecs)
        return raise_result(OH_INVALID);
    if (suite < 0 || suite >= OH_SUITES || send_size != receive_size ||
        (size_t)send_size != oh_key_octets((enum oh_suite)suite))
        return raise_result(OH_INVALID);
    media.keys.suite = (uint8_t)suite;
    memcpy(media.keys.send, send_key, (size_t)send_size);
    memcpy(media.keys.receive, receive_key, (size_t)receive_size);
    media.rtcp_port = (uint16_t)rtcp_port;
    media.codec = (uint8_t)codec;
    media.payload_type = (uint8_t)type;
    media.ptime = (uint8_t)ptime;
    media.dtmf_payload_type = (int16_t)dtmf;
    media.dtmf_receive_type = (int16_t)dtmf_receive;
    media.send = send;
    media.receive = receive;
    media.rtcp_mux = mux;
    memcpy(media.receive_codecs, types, sizeof media.receive_codecs);
    PyObject *done = connect_with(leg_core(at), &media, networks, networks_size);
    explicit_bzero(&media.keys, sizeof media.keys);
    return done;
}

static PyObject *leg_keep_sending(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return none_or(oh_leg_keep_sending(leg_core(at)));
}

/* The core's sound of an argument; NULL, with an exception, when it is none of this engine. */
static oh_sound *read_sound(PyObject *at, PyObject *argument) {
    LegObject *self = (LegObject *)at;
    if (!PyObject_TypeCheck(argument, self->engine->sound) ||
        ((SoundObject *)argument)->engine != self->engine) {
        PyErr_SetString(PyExc_TypeError, "sounds of another engine cannot be played");
        return NULL;
    }
    return ((SoundObject *)argument)->core;
}

static PyObject *leg_play(PyObject *at, PyObject *arguments) {
    PyObject *argument;
    unsigned long number, repetition, pause;
    if (!PyArg_ParseTuple(arguments, "Okkk", &argument, &number, &repetition, &pause))
        return NULL;
    oh_sound *sound = read_sound(at, argument);
    if (!sound)
        return NULL;
    if (!number || number > UINT32_MAX || repetition > UINT32_MAX || pause > UINT32_MAX)
        return raise_result(OH_INVALID);
    return none_or(oh_leg_play(leg_core(at), sound, (uint32_t)number, (uint32_t)repetition,
                               (uint32_t)pause));
}

static PyObject *leg_play_below(PyObject *at, PyObject *arguments) {
    PyObject *argument;
    unsigned long pause;
    if (!PyArg_ParseTuple(arguments, "Ok", &argument, &pause))
        return NULL;
    if (pause > UINT32_MAX)
        return raise_result(OH_INVALID);
    if (argument == Py_None)
        return none_or(oh_leg_play_below(leg_core(at), NULL, 0));
    oh_sound *sound = read_sound(at, argument);
    return sound ? none_or(oh_leg_play_below(leg_core(at), sound, (uint32_t)pause)) : NULL;
}

static PyObject *leg_stop(PyObject *at, PyObject *arguments) {
    unsigned long number;
    if (!PyArg_ParseTuple(arguments, "k", &number))
        return NULL;
    if (number > UINT32_MAX)
        return raise_result(OH_INVALID);
    return none_or(oh_leg_stop_playing(leg_core(at), (uint32_t)number));
}

static PyObject *leg_send_digit(PyObject *at, PyObject *arguments) {
    int digit;
    double duration;
    if (!PyArg_ParseTuple(arguments, "Cd", &digit, &duration))
        return NULL;
    if (digit < 0 || digit > 127)
        return raise_result(OH_INVALID);
    return none_or(oh_leg_send_digit(leg_core(at), (char)digit, duration));
}

static PyObject *leg_relay(PyObject *at, PyObject *other) {
    LegObject *self = (LegObject *)at;
    if (other == Py_None)
        return none_or(oh_leg_relay(self->core, NULL));
    if (!PyObject_TypeCheck(other, Py_TYPE(at)) || ((LegObject *)other)->engine != self->engine) {
        PyErr_SetString(PyExc_TypeError, "legs of different engines cannot be relayed");
        return NULL;
    }
    return none_or(oh_leg_relay(self->core, leg_core(other)));
}

static PyObject *leg_start_tap(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return none_or(oh_leg_start_tap(leg_core(at)));
}

static PyObject *leg_stop_tap(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return none_or(oh_leg_stop_tap(leg_core(at)));
}

static PyObject *leg_take_frames(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    char *frames = NULL;
    size_t size = 0, more;
    do {
        char *grown = PyMem_Realloc(frames, size + FRAMES_AT_ONCE);
        if (!grown) {
            PyMem_Free(frames);
            return PyErr_NoMemory();
        }
        frames = grown;
        more = oh_leg_take_frames(leg_core(at), (uint8_t *)frames + size, FRAMES_AT_ONCE);
        size += more;
    } while (more > FRAMES_AT_ONCE / 2 && size < MOST_FRAME_OCTETS);
    PyObject *taken = PyBytes_FromStringAndSize(frames, (Py_ssize_t)size);
    PyMem_Free(frames);
    return taken;
}

static PyObject *leg_statistics(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    struct oh_statistics s;
    oh_leg_statistics(leg_core(at), &s);
    return Py_BuildValue("(KKKKKKKdddd)", (unsigned long long)s.packets_sent,
                         (unsigned long long)s.octets_sent, (unsigned long long)s.received,
                         (unsigned long long)s.expected, (unsigned long long)s.lost,
                         (unsigned long long)s.late, (unsigned long long)s.refused, s.jitter,
                         s.remote_loss, s.remote_jitter, s.round_trip);
}

static PyObject *leg_close(PyObject *at, PyObject *Py_UNUSED(arguments)) {
    return none_or(oh_leg_close(leg_core(at)));
}

/* The module. */

static PyMethodDef engine_methods[] = {
    {"start", engine_start, METH_NOARGS, NULL},
    {"close", engine_close, METH_NOARGS, NULL},
    {"event_fd", engine_event_fd, METH_NOARGS, NULL},
    {"events", engine_events, METH_NOARGS, NULL},
    {"load", engine_load, METH_VARARGS, NULL},
    {"open_leg", engine_open_leg, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef leg_methods[] = {
    {"connect", leg_connect, METH_VARARGS, NULL},
    {"keep_sending", leg_keep_sending, METH_NOARGS, NULL},
    {"play", leg_play, METH_VARARGS, NULL},
    {"play_below", leg_play_below, METH_VARARGS, NULL},
    {"stop", leg_stop, METH_VARARGS, NULL},
    {"send_digit", leg_send_digit, METH_VARARGS, NULL},
    {"relay", leg_relay, METH_O, NULL},
    {"start_tap", leg_start_tap, METH_NOARGS, NULL},
    {"stop_tap", leg_stop_tap, METH_NOARGS, NULL},
    {"take_frames", leg_take_frames, METH_NOARGS, NULL},
    {"statistics", leg_statistics, METH_NOARGS, NULL},
    {"close", leg_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef leg_getters[] = {{"port", leg_port, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};
static PyGetSetDef sound_getters[] = {{"samples", sound_samples, NULL, NULL, NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot engine_slots[] = {
    {Py_tp_dealloc, engine_dealloc}, {Py_tp_methods, engine_methods}, {0, NULL}};
static PyType_Slot leg_slots[] = {{Py_tp_dealloc, leg_dealloc},
                                  {Py_tp_methods, leg_methods},
                                  {Py_tp_getset, leg_getters},
                                  {0, NULL}};
static PyType_Slot sound_slots[] = {
    {Py_tp_dealloc, sound_dealloc}, {Py_tp_getset, sound_getters}, {0, NULL}};

#define FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE)
static PyType_Spec engine_spec = {"offhook.media.native._core.Engine", sizeof(EngineObject), 0, FLAGS,
                                  engine_slots};
static PyType_Spec leg_spec = {"offhook.media.native._core.Leg", sizeof(LegObject), 0, FLAGS, leg_slots};
static PyType_Spec sound_spec = {"offhook.media.native._core.Sound", sizeof(SoundObject), 0, FLAGS,
                                 sound_slots};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type) {
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type ? PyModule_AddType(module, *type) : -1;
}

static int fill_module(PyObject *module) {
    state_of_module *state = PyModule_GetState(module);
    if (PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0)
        return -1;
    if (add_type(module, &engine_spec, &state->engine) < 0 || add_type(module, &leg_spec, &state->leg) < 0)
        return -1;
    return add_type(module, &sound_spec, &state->sound);
}

static int visit_module(PyObject *module, visitproc visit, void *arg) {
    state_of_module *state = PyModule_GetState(module);
    Py_VISIT((PyObject *)state->engine);
    Py_VISIT((PyObject *)state->leg);
    Py_VISIT((PyObject *)state->sound);
    return 0;
}

static int clear_module(PyObject *module) {
    state_of_module *state = PyModule_GetState(module);
    Py_CLEAR(state->engine);
    Py_CLEAR(state->leg);
    Py_CLEAR(state->sound);
    return 0;
}

/* What the core was built with, as a tuple of numbers. */
static PyObject *built(int count, bool (*has)(int)) {
    PyObject *found = PyList_New(0);
    for (int number = 0; found && number < count; number++) {
        if (!has(number))
            continue;
        PyObject *one = PyLong_FromLong(number);
        if (!one || PyList_Append(found, one) < 0)
            Py_CLEAR(found);
        Py_XDECREF(one);
    }
    PyObject *all = found ? PyList_AsTuple(found) : NULL;
    Py_XDECREF(found);
    return all;
}

static bool has_codec(int codec) { return oh_codec_built((enum oh_codec)codec); }
static bool has_suite(int suite) { return oh_suite_built((enum oh_suite)suite); }

static PyObject *codecs(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments)) {
    return built(OH_CODECS, has_codec);
}

static PyObject *suites(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments)) {
    return built(OH_SUITES, has_suite);
}

static PyObject *encode(PyObject *Py_UNUSED(module), PyObject *arguments) {
    int codec, rate;
    Py_buffer pcm;
    size_t size = 0;
    uint8_t *octets;
    if (!PyArg_ParseTuple(arguments, "iiy*", &codec, &rate, &pcm))
        return NULL;
    if (pcm.len % 2 || (uintptr_t)pcm.buf % 2 || rate < 0 || codec < OH_LAWS || codec >= OH_CODECS) {
        PyBuffer_Release(&pcm);
        return raise_result(OH_INVALID);
    }
    Py_BEGIN_ALLOW_THREADS
    octets = oh_encode_sound((enum oh_codec)codec, pcm.buf, (size_t)pcm.len / 2, (uint32_t)rate, &size);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&pcm);
    if (!octets)
        return raise_result(OH_INVALID);
    PyObject *encoded = PyBytes_FromStringAndSize((const char *)octets, (Py_ssize_t)size);
    free(octets);
    return encoded;
}

static PyObject *guard(PyObject *Py_UNUSED(module), PyObject *arguments) {
    unsigned long long begin, size;
    if (!PyArg_ParseTuple(arguments, "KK", &begin, &size))
        return NULL;
    return oh_guard((uintptr_t)begin, (size_t)size) ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

static PyObject *unguard(PyObject *Py_UNUSED(module), PyObject *arguments) {
    unsigned long long begin;
    if (!PyArg_ParseTuple(arguments, "K", &begin))
        return NULL;
    oh_unguard((uintptr_t)begin);
    Py_RETURN_NONE;
}

static PyObject *guard_replaced(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(arguments)) {
    return PyLong_FromUnsignedLongLong(oh_guard_replaced());
}

static PyMethodDef module_methods[] = {{"make_engine", make_engine, METH_VARARGS, NULL},
                                       {"codecs", codecs, METH_NOARGS, NULL},
                                       {"suites", suites, METH_NOARGS, NULL},
                                       {"encode", encode, METH_VARARGS, NULL},
                                       {"guard", guard, METH_VARARGS, NULL},
                                       {"unguard", unguard, METH_VARARGS, NULL},
                                       {"guard_replaced", guard_replaced, METH_NOARGS, NULL},
                                       {NULL, NULL, 0, NULL}};
static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill_module}, {0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_core", NULL, sizeof(state_of_module), module_methods,
    module_slots, visit_module, clear_module, NULL};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
