"""A capture server sees the SIP of a whole call."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.support.server import Server, configuration, voice_message

PHONE = "+12025550101"


async def test_a_capture_server_gets_the_messages_of_a_call(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as capture:
        capture.bind(("127.0.0.1", 0))
        capture.setblocking(False)
        config = configuration({})
        config["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1}]}
        config["sip"]["hep"] = f"udp:127.0.0.1:{capture.getsockname()[1]}"
        async with Server(tmp_path / "server", config) as server, asyncio.timeout(60):
            await server.place(voice_message(PHONE, "Hello."))
            seen = b""
            while b"BYE sip:" not in seen:
                packet = await asyncio.get_running_loop().sock_recv(capture, 65_535)
                assert packet.startswith(b"HEP3")
                seen += packet
        assert b"INVITE sip:" + PHONE.encode() in seen
        assert b"SIP/2.0 200 OK" in seen
