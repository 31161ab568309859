"""The commands for numbers, menus, media, opt-outs and campaigns, against a real server."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.support.http_world import KEY, OPERATOR_KEY, RecordWorld, running_record_world

from offhook import cli
from offhook.commands import campaign_commands as campaigns
from offhook.session.campaign import CampaignOrder

Ran = Callable[..., Coroutine[Any, Any, tuple[int, str, str]]]

CALLFLOW = {
    "callflow": [
        {"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{number}}"}},
        {"action": "say", "params": {"text": "Hello {{name}}.", "language": "en-US"}},
    ]
}
MENU = {
    "first": "welcome",
    "callflows": {
        "welcome": [{"action": "say", "params": {"text": "Welcome.", "language": "en-US"}}],
    },
    "table": [{"menu": "welcome", "on": "none", "next": "welcome"}],
    "numbers": ["+6568332048"],
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
def run(
    world: RecordWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ran:
    """Runs a command as a user with keys in the environment does: status, stdout, stderr."""
    monkeypatch.setenv("OFFHOOK_URL", f"http://127.0.0.1:{world.port}")
    monkeypatch.setenv("OFFHOOK_API_KEY", KEY)
    monkeypatch.setenv("OFFHOOK_ADMIN_KEY", OPERATOR_KEY)
    monkeypatch.setenv("OFFHOOK_SUBACCOUNT", "acme_corp")

    async def run(*arguments: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(cli.main, arguments)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def a_wav() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(800))
    return made.getvalue()


# --- numbers


async def test_numbers_are_assigned_listed_checked_and_withdrawn(run: Ran) -> None:
    status, out, _ = await run(
        "numbers", "assign", "+6568332049", "--reference-id", "PSTN2", "--incoming-rate", "0.02"
    )
    assert (status, out) == (0, "+6568332049 is a number of acme_corp.\n")
    status, out, _ = await run("numbers", "list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "NUMBER",
        "+6568332048",
        "+6568332049",
    ]
    assert "0.02 USD" in out.splitlines()[2]
    status, out, _ = await run("numbers", "check", "+6568332049")
    assert (status, out) == (0, "+6568332049 is Active, NOT_CHECKED_YET.\n")
    await run("numbers", "assign", "+6568332049", "--no-active")
    status, out, _ = await run("numbers", "check", "+6568332049", "--json")
    assert status == 1
    assert json.loads(out)["payload"]["operationalStatus"] == "Inactive"
    status, out, _ = await run("numbers", "withdraw", "+6568332049")
    assert (status, out) == (0, "+6568332049 is no number of acme_corp any more.\n")
    status, out, err = await run("numbers", "check", "+6568332049")
    assert (status, out) == (1, "")
    assert err == "offhook: Number not found (status code 404)\n"


# --- menus


async def test_a_menu_is_put_listed_shown_and_deleted(run: Ran, tmp_path: Path) -> None:
    file = tmp_path / "menu.json"
    file.write_text(json.dumps(MENU))
    status, out, _ = await run("menus", "put", "house", str(file))
    assert (status, out) == (0, "Menu house answers +6568332048.\n")
    _, out, _ = await run("menus", "list")
    assert out.splitlines()[1].split() == ["house", "welcome", "1", "+6568332048"]
    _, out, _ = await run("menus", "show", "house")
    assert json.loads(out) == MENU
    assert (await run("menus", "delete", "house"))[:2] == (0, "Menu house is deleted.\n")
    assert (await run("menus", "list"))[1] == "There are no menus.\n"


async def test_the_numbers_of_the_command_replace_the_files(run: Ran, tmp_path: Path) -> None:
    file = tmp_path / "menu.json"
    file.write_text(json.dumps({**MENU, "numbers": []}))
    assert (await run("menus", "put", "house", str(file)))[1].endswith("no number yet.\n")
    _, out, _ = await run("menus", "put", "house", str(file), "--number", "6568332048")
    assert out == "Menu house answers +6568332048.\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON"),
        ("[]", "expected an object"),
        ('{"first": "x", "callflows": {}}', "callflows: "),
    ],
)
async def test_a_bad_menu_is_told_in_a_line(
    run: Ran, tmp_path: Path, text: str | None, told: str
) -> None:
    file = tmp_path / "menu.json"
    if text is not None:
        file.write_text(text)
    status, out, err = await run("menus", "put", "house", str(file))
    assert status != 0
    assert out == ""
    assert told in err
    assert len(err.splitlines()) == 1


# --- media


async def test_a_file_is_put_listed_downloaded_and_deleted(run: Ran, tmp_path: Path) -> None:
    file = tmp_path / "jingle.wav"
    file.write_bytes(a_wav())
    status, out, _ = await run("media", "put", str(file))
    assert (status, out) == (0, "Play it with the fileUrl offhook:jingle.wav\n")
    await run("media", "put", str(file), "second.wav")
    _, out, _ = await run("media", "list")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "offhook:jingle.wav",
        "offhook:second.wav",
    ]
    copy = tmp_path / "copy.wav"
    status, _, _ = await run("media", "get", "second.wav", "-o", str(copy))
    assert status == 0
    assert copy.read_bytes() == a_wav()
    assert (await run("media", "delete", "second.wav"))[0] == 0
    status, _, err = await run("media", "get", "second.wav", "-o", str(copy))
    assert (status, err) == (1, "offhook: File not found (status code 404)\n")


async def test_what_is_no_audio_is_told_in_a_line(run: Ran, tmp_path: Path) -> None:
    file = tmp_path / "x.mp3"
    file.write_text("not audio")
    status, _, err = await run("media", "put", str(file))
    assert (status, len(err.splitlines())) == (1, 1)
    assert "neither a wav nor an mp3 file" in err


# --- opt-outs


async def test_opt_outs_are_added_listed_and_removed(run: Ran) -> None:
    status, out, _ = await run("opt-outs", "add", "+1 202 555 0101")
    assert status == 0
    assert out.startswith("+12025550101 is on the list since ")
    await run("opt-outs", "add", "+12025550102")
    _, out, _ = await run("opt-outs", "list")
    assert {line.split()[0] for line in out.splitlines()[1:]} == {"+12025550101", "+12025550102"}
    _, out, _ = await run("opt-outs", "list", "--limit", "1")
    assert out.splitlines()[-1].startswith("More: --cursor ")
    cursor = out.split()[-1]
    _, out, _ = await run("opt-outs", "list", "--limit", "1", "--cursor", cursor, "--json")
    assert len(json.loads(out)["optOuts"]) == 1
    assert (await run("opt-outs", "remove", "+12025550101"))[0] == 0
    status, _, err = await run("opt-outs", "remove", "+12025550101")
    assert (status, err) == (
        1,
        "offhook: The number is not on the opt-out list (status code 404)\n",
    )


# --- campaigns


def a_list(folder: Path, count: int, *, bad_line: int | None = None) -> Path:
    lines = [f"+1202555{number:04},Ann {number}" for number in range(count)]
    if bad_line is not None:
        lines[bad_line - 2] = "nobody,Ann"
    file = folder / "numbers.csv"
    file.write_text("number,name\n" + "\n".join(lines) + "\n")
    return file


async def created(run: Ran, folder: Path, *arguments: str, count: int = 5) -> dict[str, Any]:
    callflow = folder / "callflow.json"
    callflow.write_text(json.dumps(CALLFLOW))
    file = folder / "numbers.csv"
    if not file.exists():
        a_list(folder, count)
    command = ("campaigns", "create", str(callflow), "--list", str(file), "--json", *arguments)
    status, out, err = await run(*command)
    assert status == 0, err
    made: dict[str, Any] = json.loads(out)
    return made


async def test_a_long_list_is_uploaded_in_pieces_and_a_bad_line_is_named(
    run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaigns, "PIECE", 1000)
    monkeypatch.setattr(campaigns.pieces, "__defaults__", (1000,))
    callflow = tmp_path / "callflow.json"
    callflow.write_text(json.dumps(CALLFLOW))
    file = a_list(tmp_path, 500, bad_line=400)
    status, out, err = await run(
        "campaigns", "create", str(callflow), "--list", str(file), "--no-start"
    )
    assert status == 0
    assert "499 numbers, 0 twice, 1 not usable." in out
    assert err.splitlines() == [f"offhook: {file}: line 400: {err.partition('400: ')[2].strip()}"]
    campaign = out.split()[1].rstrip(":")
    _, shown, _ = await run("campaigns", "show", campaign)
    assert "499 numbers: 0 done, 0 calling, 499 waiting; 0 calls made" in shown


async def test_a_campaign_takes_orders(run: Ran, tmp_path: Path) -> None:
    made = await created(run, tmp_path, "--no-start", "--name", "July")
    campaign = made["campaignId"]
    for order, state in (
        ("start", "RUNNING"),
        ("pause", "PAUSED"),
        ("resume", "RUNNING"),
        ("cancel", "CANCELED"),
    ):
        assert (await run("campaigns", order, campaign))[0] == 0
        _, out, _ = await run("campaigns", "list")
        line = out.splitlines()[1].split()
        assert (line[0], line[-3], line[-1]) == (campaign, state, "July")
    status, _, err = await run("campaigns", "resume", campaign)
    assert (status, len(err.splitlines())) == (1, 1)


async def test_watching_ends_with_the_campaign(
    run: Ran, world: RecordWorld, tmp_path: Path
) -> None:
    campaign = (await created(run, tmp_path))["campaignId"]
    watching = asyncio.create_task(run("campaigns", "watch", campaign))
    await asyncio.sleep(0)
    found = await world.store.campaign("acme_corp", campaign)
    assert found is not None
    await world.store.order_campaign(found, CampaignOrder.CANCEL, world.deps.clock.now())
    status, out, _ = await asyncio.wait_for(watching, 30)
    assert status == 0
    assert f"Campaign {campaign}  CANCELED" in out


async def test_results_are_csv_or_lines_of_json(run: Ran, tmp_path: Path) -> None:
    campaign = (await created(run, tmp_path, "--no-start", count=3))["campaignId"]
    file = tmp_path / "results.csv"
    assert (await run("campaigns", "results", campaign, "-o", str(file)))[0] == 0
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("number,")
    assert lines[1].startswith("+12025550000,")
    _, out, _ = await run("campaigns", "results", campaign, "--json")
    assert [json.loads(line)["number"] for line in out.splitlines()] == [
        "+12025550000",
        "+12025550001",
        "+12025550002",
    ]


@pytest.mark.parametrize(
    ("file", "told"), [("missing.json", "No such file"), ("numbers.csv", "not JSON")]
)
async def test_a_bad_callflow_file_is_told_in_a_line(
    run: Ran, tmp_path: Path, file: str, told: str
) -> None:
    a_list(tmp_path, 1)
    status, _, err = await run(
        "campaigns", "create", str(tmp_path / file), "--list", str(tmp_path / "numbers.csv")
    )
    assert status == 2
    assert told in err
    assert len(err.splitlines()) == 1
