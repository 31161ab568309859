"""Recordings of real calls, listened to: who is heard in which channel, when, and how loud."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
from tests.support import sipp
from tests.support.net import free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp
from tests.support.talker import talk
from tests.support.tape import LEVEL, RATE, Sound, heard, level
from tests.support.telephone import Packet, Telephone
from tests.support.upload_servers import PASSWORD, USER, sftp_server

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

A, B = "+12025550100", "+442079460000"
TONE_A, TONE_B = 600.0, 1000.0
NEAR = 0.02


def recorded(*more: dict[str, Any], destination: str = A) -> dict[str, Any]:
    """A callflow that records leg A."""
    call = {"source": SOURCE, "destination": destination, "callRecording": True}
    return {"callflow": [{"action": "makeCall", "params": call}, *more]}


SPEAK = {"action": "say", "params": {"text": "Please hold the line.", "language": "en-US"}}
BRIDGE = {"action": "makeCall", "params": {"source": SOURCE, "destination": B}}


class Site:
    """A server, its customer, and the telephones of both legs."""

    def __init__(self, server: Server, receiver: Receiver, a: Telephone, b: Telephone) -> None:
        self.server = server
        self.receiver = receiver
        self.a = a
        self.b = b

    async def recordings(self, session_id: str) -> list[dict[str, Any]]:
        """What the API lists."""
        status, answer = await self.server.ask("GET", f"recordings/{session_id}")
        assert status == 200, answer
        found: list[dict[str, Any]] = answer["recordings"]
        return found

    async def finished(self, session_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """The session's recording once its VRU webhook has come."""
        await self.receiver.wait_for(lambda: len(self.receiver.at("/vru")) >= 1, timeout)
        (found,) = await self.recordings(session_id)
        return found

    async def sound(self, session_id: str) -> Sound:
        """The finished recording, by its link; one column per channel."""
        found = await self.finished(session_id)
        async with aiohttp.ClientSession() as client, client.get(found["externalFileUrl"]) as got:
            assert got.status == 200, await got.text()
            octets = await got.read()
        sound, rate = soundfile.read(io.BytesIO(octets), dtype="int16", always_2d=True)
        assert rate == RATE
        assert isinstance(sound, np.ndarray)
        return sound


@asynccontextmanager
async def site(
    folder: Path,
    *,
    scenario: str = "answer",
    calls: int = 1,
    seconds: float = 60.0,
    **recording: Any,
) -> AsyncIterator[Site]:
    """``scenario`` is that of leg A's carrier; a call may last ``seconds``."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        phones = [await stack.enter_async_context(Telephone()) for _ in range(2)]
        carriers = [
            await stack.enter_async_context(
                Sipp(
                    each,
                    folder,
                    keys={"rtp_port": phone.port, "patience": round(1000 * seconds)},
                    calls=calls,
                    timeout=2 * seconds,
                )
            )
            for each, phone in zip((scenario, "answer"), phones, strict=True)
        ]
        config = configuration(
            {"+1": carriers[0].address, "+44": carriers[1].address},
            webhooks={"VSS": receiver.url("/vss"), "VRU": receiver.url("/vru")},
        )
        settings = {"format": "wav", "channels": "stereo"} | recording
        config["recording"] = {"directory": str(folder / "recordings")} | settings
        server = await stack.enter_async_context(Server(folder / "server", config))
        yield Site(server, receiver, *phones)


async def test_both_sides_of_a_bridge_are_in_their_channels_at_their_times(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        session = await here.server.place(recorded(BRIDGE))
        await here.b.wait_for(lambda: here.b.target is not None)
        lost = frozenset({10, 11, 12, 40})
        said_a, said_b = await asyncio.gather(
            talk(here.a, TONE_A, 1.5, lost=lost), _later(0.6, talk(here.b, TONE_B, 1.5))
        )
        await here.server.delete_session(session)
        sound = await here.sound(session)
    left, right = sound[:, 0], sound[:, 1]
    heard_a, heard_b = heard(left, TONE_A), heard(right, TONE_B)
    # 60 ms were lost of what A said; 20 ms count as none.
    assert len(heard_a) == 2
    assert heard_a[1][0] - heard_a[0][1] == pytest.approx(0.06, abs=NEAR)
    assert len(heard_b) == 1
    base = said_a[0] - heard_a[0][0]
    assert heard_a[-1][1] + base == pytest.approx(said_a[1], abs=NEAR)
    assert heard_b[0][0] + base == pytest.approx(said_b[0], abs=NEAR)
    assert heard_b[0][1] + base == pytest.approx(said_b[1], abs=NEAR)
    middle = slice(round((heard_b[0][0] + 0.1) * RATE), round((heard_b[0][1] - 0.1) * RATE))
    assert level(right[middle], TONE_B) == pytest.approx(LEVEL, rel=0.03)
    assert level(right, TONE_A) < LEVEL / 100, "a bridge relays A to B and is recorded once"
    assert level(left, TONE_B) < LEVEL / 100


async def test_the_prompt_is_recorded_and_the_customer_is_told(tmp_path: Path) -> None:
    async with site(tmp_path, format="mp3", channels="mono") as here:
        session = await here.server.place(recorded(SPEAK, {"action": "hangup"}))
        sound = await here.sound(session)
        found = await here.finished(session)
        told = here.receiver.at("/vru")[0].payload
        timeline = (await here.server.session(session))["events"]
    assert sound.shape[1] == 1
    assert np.abs(sound.astype(np.int32)).max() > 3000, "the prompt is there"
    duration = len(sound) / RATE
    assert told["status"] == "UPLOAD_COMPLETED"
    assert (told["sessionId"], told["recordingId"]) == (session, found["recordingId"])
    assert told["durationSeconds"] == found["duration"] == round(duration)
    assert told["filePath"].startswith(f"{session}/{found['recordingId']}_")
    assert told["filePath"].endswith(".mp3")
    assert found["sessionid"] == found["sessionId"] == session
    names = [event["event"] for event in timeline]
    assert names.index("RECORDING_STARTED") == names.index("CALL_CONNECTED") + 1
    assert "RECORDING_ENDED" in names


async def test_a_crash_of_the_voice_process_keeps_what_was_said(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        session = await here.server.place(recorded({"action": "say", "params": LONG}))
        said = await talk(here.a, TONE_A, 2.0)
        pid = here.server.kill("voice")
        assert [one["status"] for one in await here.recordings(session)] == ["PROCESSING"]
        await here.server.restarted("voice", pid)
        sound = await here.sound(session)
        found = await here.finished(session)
    assert found["detail"] == "it was cut off by a crash"
    (begin, end), *rest = heard(sound[:, 0], TONE_A)
    assert not rest
    # The file is written four times a second.
    assert end - begin == pytest.approx(said[1] - said[0], abs=0.35)


LONG = {"text": "One. Two. Three. Four. Five. Six. Seven. " * 5, "language": "en-US"}


async def test_the_legs_hear_that_they_are_recorded(tmp_path: Path) -> None:
    words = "This call is recorded."
    async with site(tmp_path, beep=True, consent_prompt=words, consent_language="en-US") as here:
        session = await here.server.place(recorded(BRIDGE))
        await here.b.wait_for(lambda: len(_loud(here.b)) > 50, 20)
        await here.server.delete_session(session)
        sound = await here.sound(session)
        for phone in (here.a, here.b):
            assert len(_loud(phone)) > 50, "each leg hears the words and the tone"
    beeps = heard(sound[:, 1], 1400.0, window=0.05)
    assert beeps or level(sound[:, 1], 1400.0) > 50


def _loud(phone: Telephone) -> list[Any]:
    return [packet for packet in phone.packets if packet.level > 300]


async def _later(seconds: float, what: Any) -> Any:
    await asyncio.sleep(seconds)
    return await what


async def test_a_recording_is_pushed_to_sftp_once_the_server_is_there(tmp_path: Path) -> None:
    """The server is away at first, and the process that would upload is killed in between."""
    async with site(tmp_path, format="mp3", allow_private=True) as here:
        port = free_port()
        push = {"protocol": "SFTP", "host": "127.0.0.1", "port": port, "username": USER}
        push |= {"password": PASSWORD, "path": "/calls"}
        status, answer = await here.server.ask("POST", "recording-push-config", push)
        assert status == 200, answer
        session = await here.server.place(recorded(SPEAK, {"action": "hangup"}))
        await here.receiver.wait_for(lambda: len(here.receiver.at("/vss")) == 1, 30)
        async with asyncio.timeout(60):
            while "no connection" not in (await here.recordings(session))[0].get("detail", ""):
                await asyncio.sleep(0.1)
        pid = here.server.kill("voice")
        async with sftp_server(tmp_path / "files", port=port) as files:
            await here.server.restarted("voice", pid)
            found = await here.finished(session)
            (file,) = files.folder.rglob("*.mp3")
        told = here.receiver.at("/vru")[0].payload
    name = file.relative_to(tmp_path / "files" / "calls").as_posix()
    assert name.startswith(f"{session}/{found['recordingId']}_")
    assert told["filePath"] == found["externalFileUrl"] == f"sftp://127.0.0.1:{port}/calls/{name}"
    sound, _ = soundfile.read(file, dtype="int16", always_2d=True)
    assert np.abs(sound.astype(np.int32)).max() > 3000
    kept = list((tmp_path / "recordings" / "files").rglob("*.mp3"))
    assert kept == [], "what was uploaded is deleted here"


async def test_a_hold_is_silence_of_its_length_and_the_prompt_goes_on(tmp_path: Path) -> None:
    """The phone holds us for some seconds in the middle of the call, and sends nothing meanwhile."""
    async with site(tmp_path, scenario="hold_sendonly_silent") as here:
        session = await here.server.place(recorded({"action": "say", "params": LONG}))
        before = await talk(here.a, TONE_A, 0.6)
        await here.receiver.wait_for(lambda: len(here.receiver.at("/vss")) == 1, 60)
        sound = await here.sound(session)
        summary = here.receiver.at("/vss")[0].payload
    (begin, end), *rest = heard(sound[:, 0], TONE_A)
    assert not rest
    assert end - begin == pytest.approx(before[1] - before[0], abs=2 * NEAR)
    seconds = len(sound) / RATE
    assert seconds == pytest.approx(summary["details"]["callA"]["callDuration"], abs=1.1)
    # While it holds us nothing is sent to it, so nothing of the prompt is in the recording.
    right = np.abs(sound[:, 1].astype(np.int32))
    quiet = [right[at : at + RATE].max() == 0 for at in range(0, len(right) - RATE, RATE // 4)]
    assert any(quiet)


async def test_a_number_can_have_its_incoming_calls_recorded(tmp_path: Path) -> None:
    """A caller is answered by say, and is recorded from the answer on, without callRecording."""
    async with Receiver() as receiver, Telephone() as phone:
        answers = [{"callflow": [SPEAK, {"action": "hangup"}]}, {}]
        receiver.on("/vca", lambda _request, _body: Reply(body=json.dumps(answers.pop(0)).encode()))
        config = configuration(
            {"": "udp:127.0.0.1:9"},
            webhooks={name: receiver.url(f"/{name.lower()}") for name in ("VCA", "VSS", "VRU")},
            sub_account={"numbers": [{"msisdn": "+6568332048", "record_inbound": True}]},
        )
        config["recording"] = {"directory": str(tmp_path / "recordings"), "format": "wav"}
        config["recording"]["channels"] = "stereo"
        async with (
            Server(tmp_path / "server", config) as server,
            Sipp(
                "talk",
                tmp_path,
                keys={
                    "caller_number": "+14155550123",
                    "rtp_port": phone.port,
                    "talk": 60_000,  # the server hangs up when it has spoken
                    "bye_status": 200,
                },
                calls=1,
                target=f"127.0.0.1:{server.sip_port}",
                service="+6568332048",
            ),
        ):
            said = await talk(phone, TONE_A, 0.8)
            await receiver.wait_for(lambda: len(receiver.at("/vru")) == 1, 60)
            told = receiver.at("/vru")[0].payload
    assert told["status"] == "UPLOAD_COMPLETED"
    (file,) = (tmp_path / "recordings" / "files").rglob("*.wav")
    sound, _ = soundfile.read(file, dtype="int16", always_2d=True)
    ((begin, end),) = heard(sound[:, 0], TONE_A)
    assert end - begin == pytest.approx(said[1] - said[0], abs=2 * NEAR)
    assert np.abs(sound[:, 1].astype(np.int32)).max() > 3000, "the prompt is on the other side"


async def test_the_phone_hears_the_same_octets_with_and_without_a_recording(tmp_path: Path) -> None:
    async with site(tmp_path, calls=2) as here:
        without = await _octets_of_a_call(here, record=False)
        with_one = await _octets_of_a_call(here, record=True)
        await here.receiver.wait_for(lambda: len(here.receiver.at("/vru")) == 1, 60)
    assert len(without) > RATE
    assert without == with_one


async def _octets_of_a_call(here: Site, *, record: bool) -> bytes:
    before = len(here.a.packets)
    call = {"source": SOURCE, "destination": A, "callRecording": record}
    calls = [{"action": "makeCall", "params": call}, SPEAK, {"action": "hangup"}]
    session = await here.server.place({"callflow": calls})
    await here.receiver.wait_for(lambda: session in here.receiver.summaries(), 30)
    return _octets(here.a.packets[before:])


def _octets(packets: Sequence[Packet]) -> bytes:
    """What was sent of the prompt: from the first packet that is not silent to the last one."""
    ssrc = packets[-1].ssrc
    payloads = [packet.payload for packet in packets if packet.ssrc == ssrc]
    loud = [number for number, payload in enumerate(payloads) if set(payload) - {0xFF, 0x7F}]
    return b"".join(payloads[loud[0] : loud[-1] + 1])
