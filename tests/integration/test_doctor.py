"""What ``offhook doctor`` and ``offhook config check`` find, on real sockets and files."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.certificates import make_certificate
from tests.support.net import free_port

from offhook import cli
from offhook.commands import line_checks, machine_health
from offhook.commands.certificate_dates import valid_until
from offhook.commands.findings import FindingLevel, doubt, findings_text, fine, wrong
from offhook.config import Config, Http, Sip, TrunkSection


def written(folder: Path, more: str = "") -> Path:
    """A configuration that can be served here."""
    path = folder / "offhook.toml"
    path.write_text(
        f"""
[http]
listen = "127.0.0.1:{free_port()}"
[sip]
listen = ["udp:127.0.0.1:{free_port()}"]
[database]
url = "sqlite:///{folder}/offhook.db"
[recording]
directory = "{folder}/recordings"
[[subaccounts]]
id = "acme_corp"
account = "acme"
api_keys = ["plain-key-1"]
{more}"""
    )
    return path


def doctor(
    capsys: pytest.CaptureFixture[str], path: Path
) -> tuple[int, dict[str, list[dict[str, str]]]]:
    status = cli.main(["doctor", "--config", str(path), "--timeout", "0.3", "--json"])
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(capsys.readouterr().out)["findings"]:
        found.setdefault(one["what"], []).append(one)
    return status, found


def test_a_silent_trunk_is_wrong_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"udp:127.0.0.1:{silent.getsockname()[1]}"
        trunk = f'[[trunks]]\nname = "dead"\naddress = "{address}"\n'
        route = '[[routes]]\ntrunks = ["dead"]\n'
        status, found = doctor(capsys, written(tmp_path, trunk + route))
    assert status == 1
    (one,) = found["trunk dead"]
    assert one["verdict"] == "fail"
    assert one["found"] == f"no response from {address} for 0 s"
    assert "firewall" in one["advice"]
    assert found["sip.listen"][0]["verdict"] == "ok"
    assert found["database"][0]["found"].endswith("not there yet, the first start makes it")
    assert not (tmp_path / "offhook.db").exists(), "doctor changes nothing"


def test_a_port_of_another_program_is_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path)
    port = int(path.read_text().split("udp:127.0.0.1:")[1].split('"')[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        status, found = doctor(capsys, path)
    assert status == 1
    assert found["sip.listen"][0]["found"] == f"127.0.0.1:{port} is used by another program"
    assert str(port) in found["sip.listen"][0]["advice"]


@pytest.mark.parametrize(
    ("listen", "advertise", "verdict"),
    [
        ("udp:10.0.0.5:5060", None, FindingLevel.WRONG),
        ("udp:10.0.0.5:5060", "198.51.100.7", FindingLevel.WRONG),
        ("udp:10.0.0.5:5060", "8.8.8.8", FindingLevel.FINE),
        ("udp:10.0.0.5:5060", "pbx.example.com", FindingLevel.FINE),
    ],
)
def test_a_private_address_towards_a_carrier_of_the_internet_is_one_way_audio(
    listen: str, advertise: str | None, verdict: FindingLevel
) -> None:
    trunk = TrunkSection(name="carrier", address="udp:sip.example.com:5060")
    config = Config(sip=Sip(listen=(listen,), advertise=advertise), trunks=(trunk,))
    assert line_checks.advertised(config).verdict is verdict


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(0, FindingLevel.DOUBT), (-30, FindingLevel.FINE), (3, FindingLevel.WRONG)],
)
def test_a_certificate_that_ends_soon_is_named(
    tmp_path: Path, days: int, verdict: FindingLevel
) -> None:
    """It is made for two days; the test looks at it so many days from now."""
    path, _ = make_certificate(tmp_path, "web")
    end = valid_until(str(path))
    assert abs(end - datetime.now(UTC) - timedelta(days=2)) < timedelta(minutes=5)
    config = Config(http=Http(tls_certificate=str(path)))
    now = datetime.now(UTC) + timedelta(days=days)
    (one,) = machine_health.certificates(config, now)
    assert one.verdict is verdict
    assert "SIGHUP" in one.advice or verdict is FindingLevel.FINE


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_file_that_is_no_certificate_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no.pem"
    path.write_text(text)
    (one,) = machine_health.certificates(
        Config(http=Http(tls_certificate=str(path))), datetime.now(UTC)
    )
    assert one.verdict is FindingLevel.WRONG


def test_the_advice_stands_below_its_finding() -> None:
    text = findings_text(
        [fine("clock", "right"), wrong("disk", "full", "free some"), doubt("x", "y", "z")]
    )
    assert text.splitlines() == [
        "ok    clock  right",
        "FAIL  disk   full",
        "             → free some",
        "warn  x      y",
        "             → z",
        "1 fine, 1 to look at, 1 wrong",
    ]


def test_config_check_names_each_mistake_with_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, '[[routes]]\nprefx = "+44"\n')
    line = path.read_text().splitlines().index('prefx = "+44"') + 1
    assert cli.main(["config", "check", str(path)]) == 2
    assert f"{path}:{line}: routes[0].prefx: there is no such key" in capsys.readouterr().err
    assert cli.main(["config", "check", str(path), "--json"]) == 2
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["valid"] is False
    assert len(told["problems"]) == 2


def test_config_check_shows_what_is_legal_and_probably_a_mistake(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path, '[[trunks]]\nname = "idle"\naddress = "udp:192.0.2.1:5060"\n')
    assert cli.main(["config", "check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "warning: " in out
    assert "it is not used" in out
    assert out.endswith("The configuration is valid: 1 trunks, 1 sub-accounts.\n")


@pytest.mark.parametrize(
    ("variable", "value", "what"),
    [
        ("OFFHOOK_CLUSTER__NATS", "nats://user:secret@127.0.0.1:1", "cluster.nats"),
        ("OFFHOOK_DATABASE__URL", "postgresql://user:secret@127.0.0.1:1/x", "database"),
    ],
)
def test_a_server_that_cannot_be_reached_is_wrong_and_its_password_is_not_shown(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    what: str,
) -> None:
    monkeypatch.setenv(variable, value)
    status, found = doctor(capsys, written(tmp_path))
    assert status == 1
    (one,) = found[what]
    assert one["verdict"] == "fail"
    assert "secret" not in json.dumps(found)
    assert one["advice"]
