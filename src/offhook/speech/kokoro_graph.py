"""Cuts the graph of Kokoro's model in two, so that speech is heard while the rest of it is made.

The front takes a text's phonemes and says how long each of them lasts, with what pitch and loudness: a
twentieth of the work. The back makes sound of any stretch of that. The model comes as one graph; this reads
just enough of its file (ONNX, which is protocol buffers) to take the part between named values out of it.
It stands alone, as its worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

DURATIONS = "/encoder/Clip_output_0"
"""Frames of each phoneme."""
SOUNDS, PITCH, LOUDNESS = (
    "/encoder/MatMul_1_output_0",
    "/encoder/Reshape_output_0",
    "/encoder/Reshape_1_output_0",
)
"""By frame, the last two by half frame."""

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE = (
    1,
    2,
    5,
    11,
    12,
    13,
)
NODE_INPUT, NODE_OUTPUT, INITIALIZER_NAME, VALUE_NAME = 1, 2, 8, 1
LENGTH = 2
"""Field numbers of ``onnx.proto3``, and the wire type of what has a length."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    value: memoryview
    """Empty for what has no length of its own."""
    raw: memoryview
    """With its head."""


class GraphNode(NamedTuple):
    """A step of the computation."""

    field: Field
    takes: list[str]
    makes: list[str]


class ModelGraph:
    """A model's file, taken apart; the file's octets must stay."""

    def __init__(self, model: bytes) -> None:
        """Raises :class:`ValueError`, :class:`IndexError` for what is no model."""
        self._nodes: list[GraphNode] = []
        self._values: dict[str, memoryview] = {}
        self._initializers: dict[str, Field] = {}
        self._name = b""
        self._others: list[bytes] = []
        for field in _fields(memoryview(model)):
            if field.number == MODEL_GRAPH:
                self._read(field.value)
            else:
                self._others.append(bytes(field.raw))

    def part(self, inputs: Iterable[str], outputs: Iterable[str]) -> bytes:
        """The model that computes the values ``outputs`` from the values ``inputs``.

        Raises :class:`KeyError` when there is no such value.
        """
        inputs, outputs = tuple(inputs), tuple(outputs)
        needed = _needed(self._nodes, inputs, outputs)
        kept = [node.field for node in self._nodes if not needed.isdisjoint(node.makes)]
        constants = [field for label, field in self._initializers.items() if label in needed]
        graph = b"".join(
            [
                *(field.raw for field in (*kept, *constants)),
                self._name,
                *(_framed(GRAPH_INPUT, self._values[label]) for label in inputs),
                *(_framed(GRAPH_OUTPUT, self._values[label]) for label in outputs),
            ]
        )
        return b"".join([*self._others, _framed(MODEL_GRAPH, graph)])

    def _read(self, graph: memoryview) -> None:
        for field in _fields(graph):
            if field.number == GRAPH_NODE:
                takes, makes = (_names(field.value, end) for end in (NODE_INPUT, NODE_OUTPUT))
                self._nodes.append(GraphNode(field, takes, makes))
            elif field.number == GRAPH_INITIALIZER:
                self._initializers[_names(field.value, INITIALIZER_NAME)[0]] = field
            elif field.number in (GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE):
                self._values[_names(field.value, VALUE_NAME)[0]] = field.value
            elif field.number == GRAPH_NAME:
                self._name = bytes(field.raw)


def _needed(nodes: list[GraphNode], inputs: tuple[str, ...], outputs: tuple[str, ...]) -> set[str]:
    """The values that ``outputs`` are computed from; nothing behind ``inputs``."""
    takes = {made: node.takes for node in nodes for made in node.makes}
    needed: set[str] = set()
    left = list(outputs)
    while left:
        value = left.pop()
        if value not in needed and value not in inputs:
            needed.add(value)
            left += takes.get(value, ())
    return needed


def _names(message: memoryview, number: int) -> list[str]:
    return [str(field.value, "utf-8") for field in _fields(message) if field.number == number]


def _fields(message: memoryview) -> Iterator[Field]:
    """Raises :class:`ValueError` for what is no message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        value = message[at:at]
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                length, at = _varint(message, at)
                value = message[at : at + length]
                at += length
            case other:
                raise ValueError(f"a field of wire type {other}")
        yield Field(tag >> 3, value, message[start:at])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = message[at]
        value |= (octet & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if octet < 0x80:
            return value, at


def _framed(number: int, payload: bytes | memoryview) -> bytes:
    head = bytearray()
    for left in (number << 3 | LENGTH, len(payload)):
        value = left
        while value > 0x7F:
            head.append(value & 0x7F | 0x80)
            value >>= 7
        head.append(value)
    return bytes(head) + bytes(payload)
