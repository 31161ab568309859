"""What the front of the stream transports gives to its workers: a real Unix socket, raw workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

from offhook.sip import Address
from offhook.sip.demux import mark_of
from offhook.telephony.relay_front import ListeningPort, RelayFront
from offhook.telephony.transports.relayed_stream import RelayFrame, RelayFrameKind, take_frames
from offhook.telephony.transports.sip_transport import SipTransport, Standing

PHONE = Address("tcp", "192.0.2.7", 40_000, flow=1234)
LISTENER = 3


class Worker:
    """The end of a worker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._buffer = bytearray()

    async def frame(self) -> RelayFrame:
        """The next frame."""
        async with asyncio.timeout(10):
            while True:
                for frame in take_frames(self._buffer):
                    return frame
                self._buffer += await self._reader.read(65_536)


@asynccontextmanager
async def front_with(folder: Path, workers: int) -> AsyncIterator[tuple[RelayFront, list[Worker]]]:
    path = str(folder / "relay.sock")
    front = RelayFront(path, workers, list)
    async with AsyncExitStack() as stack:
        await front.start({})
        stack.push_async_callback(front.close)
        made = []
        for number in range(workers):
            reader, writer = await asyncio.open_unix_connection(path)
            stack.callback(writer.close)
            known = RelayFrame(RelayFrameKind.KNOWN, LISTENER, 0, f"192.0.2.{number}", 5060)
            writer.write(bytes([number]) + known.packed())
            async with asyncio.timeout(10):
                while front.standing_of(known.host) is not Standing.KNOWN:
                    await asyncio.sleep(0)
            made.append(Worker(reader, writer))
        yield front, made


async def test_all_workers_hear_that_nothing_can_be_sent_to_an_address(tmp_path: Path) -> None:
    """Any of them may have a call over that connection."""
    async with front_with(tmp_path, 2) as (front, workers):
        port = ListeningPort(front, LISTENER, cast(SipTransport, None))
        port.fail(PHONE, "the connection was reset")
        text = b"the connection was reset"
        told = RelayFrame(RelayFrameKind.FAILED, LISTENER, 1234, PHONE.host, PHONE.port, text)
        assert [await worker.frame() for worker in workers] == [told, told]


async def test_a_message_goes_to_the_worker_of_its_call(tmp_path: Path) -> None:
    async with front_with(tmp_path, 2) as (front, workers):
        port = ListeningPort(front, LISTENER, cast(SipTransport, None))
        for number in (1, 0):
            tag = f"{mark_of(number)}5"
            data = (
                f"INFO sip:a@h SIP/2.0\r\nTo: <sip:a@h>;tag={tag}\r\nCSeq: 1 INFO\r\n\r\n".encode()
            )
            port.take_in([(data, PHONE)])
            got = await workers[number].frame()
            assert got == RelayFrame(
                RelayFrameKind.MESSAGE, LISTENER, 1234, PHONE.host, PHONE.port, data
            )
