"""Sentences that the server speaks to telephones over real calls, as they arrive there.

Each station is a telephone of its own behind a SIPp; the sentences of a station follow one another, a call
each.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tests.support.receiver import Receiver
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp
from tests.support.telephone import Packet, Telephone

CALL = 90.0
"""Seconds for one call, its synthesis included."""


class Heard(NamedTuple):
    """What a telephone heard of one sentence."""

    text: str
    samples: npt.NDArray[np.int16]
    """8,000 a second."""


async def spoken_over_calls(
    texts: Sequence[str], *, language: str, folder: Path, voices: dict[str, Any], stations: int = 4
) -> list[Heard]:
    """Each of ``texts`` in a call of its own, by an engine of ``voices`` (the configuration's section)."""
    prefixes = [f"+1202555{number:02}" for number in range(stations)]
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        phones = [await stack.enter_async_context(Telephone()) for _ in prefixes]
        carriers = [
            await stack.enter_async_context(
                Sipp("answer", folder, keys={"rtp_port": phone.port}, timeout=3600)
            )
            for phone in phones
        ]
        addresses = {prefix: each.address for prefix, each in zip(prefixes, carriers, strict=True)}
        config = configuration(addresses, webhooks={"VSS": receiver.url("/vss")})
        config["voices"] = voices
        server = await stack.enter_async_context(Server(folder / "server", config))

        async def station(number: int) -> list[Heard]:
            return [
                await _call(
                    server, receiver, phones[number], f"{prefixes[number]}01", text, language
                )
                for text in texts[number::stations]
            ]

        found = await asyncio.gather(*(station(number) for number in range(stations)))
    by_text = {heard.text: heard for each in found for heard in each}
    return [by_text[text] for text in texts]


async def _call(
    server: Server, receiver: Receiver, phone: Telephone, number: str, text: str, language: str
) -> Heard:
    call = {"source": SOURCE, "destination": number}
    before = len(phone.packets)
    session = await server.place(
        {
            "callflow": [
                {"action": "makeCall", "params": call},
                {"action": "say", "params": {"text": text, "language": language}},
                {"action": "hangup"},
            ]
        }
    )
    await receiver.wait_for(lambda: session in receiver.summaries(), CALL)
    return Heard(text, _sound(phone.packets[before:]))


def _sound(packets: Sequence[Packet]) -> npt.NDArray[np.int16]:
    """What the packets say, each at its time; silence where none came."""
    if not packets:
        return np.zeros(0, np.int16)
    ((ssrc, _),) = Counter(packet.ssrc for packet in packets).most_common(1)
    packets = [
        packet for packet in packets if packet.ssrc == ssrc
    ]  # not the call before's last ones
    first = packets[0].timestamp
    at = [(packet.timestamp - first) & 0xFFFF_FFFF for packet in packets]
    sound = np.zeros(max(at) + max(len(packet.payload) for packet in packets), np.int16)
    for start, packet in zip(at, packets, strict=True):
        sound[start : start + len(packet.payload)] = packet.samples
    return sound
