"""Reading the configuration: what is accepted, and how every mistake is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from offhook.config import (
    Config,
    Http,
    Limits,
    Media,
    SubAccountSection,
    TrunkSection,
    api_key_digest,
    host_and_port,
    port_range,
    server_checks,
    sip_address,
    typed_reader,
)
from offhook.config.file import (
    ConfigError,
    changes,
    embedded,
    is_embedded,
    load,
    load_for_serving,
    load_snapshot,
    reloaded,
    save_snapshot,
)

SUBACCOUNT = """
[[subaccounts]]
id = "acme_corp"
account = "acme"
"""


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    file = folder / "offhook.toml"
    file.write_text(text)
    return load(str(file), environ or {})


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, environ)
    return tuple(problem.replace(f"{folder}/", "") for problem in caught.value.problems)


SECONDS = "expected a number of seconds above 0, up to 31,536,000"

WHOLE = """
[http]
listen = "[::1]:8080"
[sip]
listen = ["udp:127.0.0.1:5060"]
rtp_ports = "20000-29999"
advertise = "203.0.113.5"
[database]
url = "postgresql://user@host/name"
[cluster]
nats = "nats://127.0.0.1:4222"
[webhooks]
allow_private = false
[media]
engine = "python"
[limits]
ring_timeout = 45
drain_timeout = 0
[admin]
api_keys = ["env:ADMIN_KEY"]
[testbed]
recordings = "heard"
[[testbed.phones]]
number = "+12025550101"
answer_after = 0.5
press = "1"
hangup_after = 20
[[trunks]]
name = "carrier"
address = "udp:127.0.0.1:5080"
username = "u"
password = "p"
register = false
channels = 100
cps = 10
inbound_from = ["127.0.0.1", "2001:db8::/32"]
[[routes]]
prefix = ""
trunks = ["carrier", "testbed"]
subaccounts = ["acme_corp"]
[[subaccounts]]
id = "acme_corp"
account = "acme"
api_keys = ["plain-for-development"]
caller_ids = ["+6512341234"]
coverage = ["SG", "US", "+44"]
max_calls = 50
cps = 5.5
dtmf_event_data = "string"
[[subaccounts.numbers]]
msisdn = "+6568332048"
reference_id = "PSTN1"
[[subaccounts.webhooks]]
type = "VSS"
url = "http://127.0.0.1:9000/vss"
[[subaccounts.scenarios]]
name = "appointment-reminder"
file = "scenarios/reminder.json"
parameters = [{name = "time", required = true, pattern = "[0-9:]+"}]
"""


def test_everything_at_once(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/reminder.json").touch()
    config = read(tmp_path, WHOLE, {"ADMIN_KEY": "secret"})
    assert config.limits == Limits(ring_timeout=45, drain_timeout=0)
    assert config.trunks[0].inbound_from == ("127.0.0.1", "2001:db8::/32")
    assert config.subaccounts[0].coverage == ("SG", "US", "+44")
    assert config.subaccounts[0].scenarios[0].parameters[0].required
    assert config.subaccounts[0].scenarios[0].file == str(tmp_path / "scenarios/reminder.json")
    assert not is_embedded(config)


def test_an_empty_file_has_the_defaults_and_no_sub_account(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Config()


def test_no_file_is_the_embedded_default() -> None:
    config = load(None, {})
    assert config == embedded()
    assert is_embedded(config)
    assert config.http.listen.startswith("127.0.0.1:")
    assert all(":127.0.0.1:" in address for address in config.sip.listen)
    assert config.subaccounts == (SubAccountSection(id="demo", account="demo", caller_ids=("*",)),)


def test_variables_change_the_embedded_default() -> None:
    config = load(None, {"OFFHOOK_HTTP__LISTEN": "127.0.0.1:9999", "OFFHOOK_LOG": "json"})
    assert config == msgspec.structs.replace(embedded(), http=Http(listen="127.0.0.1:9999"))
    assert is_embedded(config)


def test_sub_accounts_of_a_variable_take_the_place_of_the_embedded_default() -> None:
    config = load(None, {"OFFHOOK_SUBACCOUNTS": '[{"id": "acme", "account": "acme"}]'})
    assert [entry.id for entry in config.subaccounts] == ["acme"]
    assert (config.testbed, config.webhooks) == (Config().testbed, Config().webhooks)
    assert config.webhooks != embedded().webhooks


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("OFFHOOK_DATABASE__URL", "sqlite:///other.db", "database.url", "sqlite:///other.db"),
        ("OFFHOOK_LIMITS__RING_TIMEOUT", "45.5", "limits.ring_timeout", 45.5),
        ("OFFHOOK_WEBHOOKS__ALLOW_PRIVATE", "true", "webhooks.allow_private", True),
        ("OFFHOOK_WEBHOOKS__ALLOW_PRIVATE", "0", "webhooks.allow_private", False),
        ("OFFHOOK_SIP__LISTEN", "udp:a:1 ,", "sip.listen", ("udp:a:1",)),
        ("OFFHOOK_SIP__LISTEN", '["udp:a:1"]', "sip.listen", ("udp:a:1",)),
        ("OFFHOOK_MEDIA__ENGINE", "python", "media.engine", "python"),
    ],
)
def test_variables_override(
    tmp_path: Path, variable: str, value: str, key: str, expected: object
) -> None:
    config = read(tmp_path, "[limits]\nring_timeout = 1\n", {variable: value})
    section, name = key.split(".")
    assert getattr(getattr(config, section), name) == expected


def test_variables_reach_into_lists_of_tables(tmp_path: Path) -> None:
    text = '[[trunks]]\nname = "a"\naddress = "udp:h:5060"\nusername = "u"\n'
    config = read(tmp_path, text, {"OFFHOOK_TRUNKS__0__PASSWORD": "p,q"})
    assert config.trunks[0].password == "p,q"
    whole = '[{"name": "b", "address": "udp:h:5060", "password": null}]'
    assert read(tmp_path, text, {"OFFHOOK_TRUNKS": whole}).trunks == (
        TrunkSection(name="b", address="udp:h:5060"),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[limits]\n\nring_timeout = "x"',
            f'offhook.toml:3: limits.ring_timeout: {SECONDS}, found the string "x"',
        ),
        (
            "[limits]\nring_timeout = true",
            f"offhook.toml:2: limits.ring_timeout: {SECONDS}, found true",
        ),
        (
            "[limits]\nring_timeout = nan",
            f"offhook.toml:2: limits.ring_timeout: {SECONDS}, found the number nan",
        ),
        (
            "[limits]\nring_timeout = 1979-05-27",
            f"offhook.toml:2: limits.ring_timeout: {SECONDS}, found a date or time",
        ),
        ("[http]\nlisten = 8080", "offhook.toml:2: http.listen: expected an address and port,"),
        (
            '[http]\nlisten = "127.0.0.1:8080\\n"',
            "offhook.toml:2: http.listen: expected an address",
        ),
        (
            '[http]\nlisten = "127.0.0.1:70000"',
            "offhook.toml:2: http.listen: expected a port up to",
        ),
        (
            "[http]\nlisen = 1",
            "offhook.toml:2: http.lisen: there is no such key; did you mean listen?",
        ),
        ("[htp]", "offhook.toml:1: htp: there is no such key; did you mean http?"),
        ("[xyz]", "offhook.toml:1: xyz: there is no such key; known here: admin, "),
        (
            '[trunks]\nname = "a"',
            "offhook.toml:1: trunks: expected a list of tables: [[trunks]], found [trunks]",
        ),
        (
            SUBACCOUNT + '[subaccounts.webhooks]\ntype = "VSS"',
            "offhook.toml:5: subaccounts[0].webhooks: expected a list of tables: [[subaccounts.webhooks]]",
        ),
        (
            '[sip]\nadvertise = "sip.example.com"',
            "offhook.toml:2: sip.advertise: expected an IP address of one host, found 'sip.example.com'",
        ),
        ('[sip]\nadvertise = "0.0.0.0"', "sip.advertise: expected an IP address of one host"),
        (
            SUBACCOUNT + 'coverage = ["SG", "UK"]',
            "coverage[1]: 'UK' is no country of ISO 3166-1; did",
        ),
        (
            SUBACCOUNT + 'coverage = ["UK"]',
            "offhook.toml:5: subaccounts[0].coverage[0]: 'UK' is no",
        ),
        (SUBACCOUNT + 'coverage = ["UK"]', "did you mean GB?"),
        (
            SUBACCOUNT
            + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "https://x.example"\nsecret = "whsec_x"',
            "offhook.toml:8: subaccounts[0].webhooks[0].secret: expected whsec_ and the base64 of 24 to",
        ),
        ("http = 1", "offhook.toml:1: http: expected a table, found the number 1"),
        ("trunks = 1", "offhook.toml:1: trunks: expected a list, each tables; found the number 1"),
        (
            '[sip]\nlisten = "udp:h:1"',
            "offhook.toml:2: sip.listen: expected a list, each udp:, tcp:",
        ),
        (
            '[sip]\nlisten = ["upd:h:1"]',
            "offhook.toml:2: sip.listen[0]: expected udp:, tcp:, tls:, ws: or wss:",
        ),
        ("[sip]\nlisten = []", "offhook.toml:2: sip.listen: expected at least one address"),
        (
            '[sip]\nlisten = ["udp:h:1", "udp:h:1"]',
            "offhook.toml:2: sip.listen[1]: 'udp:h:1' appears twice",
        ),
        (
            '[sip]\nlisten = ["tls:h:1"]',
            "sip.tls_certificate: is missing: tls: in sip.listen needs it",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "tls:h:1"',
            "offhook.toml:3: trunks[0].address: sip.listen has no tls: address, such as"
            ' "tls:0.0.0.0:5061"',
        ),
        (
            '[sip]\nrtp_ports = "2-1"',
            "offhook.toml:2: sip.rtp_ports: expected the lower port first",
        ),
        ('[sip]\nrtp_ports = "10-11"', "offhook.toml:2: sip.rtp_ports: expected at least 4 ports"),
        (
            '[sip]\ntls_key = "key.pem"',
            "sip.tls_certificate: is missing: TLS needs tls_certificate and tls_key",
        ),
        (
            '[sip]\ntls_ca = "/none.pem"',
            "offhook.toml:2: sip.tls_ca: cannot be read: /none.pem",
        ),
        (
            '[media]\nengine = "gpu"',
            'expected "auto" or "native" or "python", found the string "gpu"',
        ),
        ('[database]\nurl = "mysql://u:p@h"', "offhook.toml:2: database.url: expected"),
        ('[[trunks]]\nname = "a"', "offhook.toml:1: trunks[0].address: missing; expected udp:"),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:0"',
            "offhook.toml:3: trunks[0].address: expected the port of the trunk, found 0",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\nregister = true',
            "offhook.toml:4: trunks[0].register: needs username and password",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\nregistrars = ["udp:h:1"]',
            "trunks[0].registrars: only a trunk with register = true has registrars",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\nnumbers = "national"',
            'trunks[0].country: missing: numbers = "national" needs it',
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\ncountry = "UK"',
            "trunks[0].country: 'UK' is no country of ISO 3166-1; did you mean GB?",
        ),
        (
            '[[sip_users]]\nusername = "ann"\npassword = "short"',
            "offhook.toml:3: sip_users[0].password: expected 8 characters or more",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\nusername = "ann"\n'
            + '[[sip_users]]\nusername = "ann"\npassword = "12345678"',
            "sip_users[0].username: 'ann' is the username of a trunk",
        ),
        (
            SUBACCOUNT
            + '[[subaccounts.numbers]]\nmsisdn = "+6561234567"\n'
            + '[[sip_users]]\nusername = "ann"\npassword = "12345678"\nnumber = "+6561234567"',
            "sip_users[0].number: +6561234567 belongs to the sub-account 'acme_corp'",
        ),
        (
            '[[sip_users]]\nusername = "ann"\npassword = "12345678"\nnumber = "+6561234567"\n'
            + '[[sip_users]]\nusername = "bob"\npassword = "12345678"\nnumber = "+6561234567"',
            "sip_users[1].number: +6561234567 is another user's",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\npassword = "p"',
            "offhook.toml:1: trunks[0].username: missing: the password needs it",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\ninbound_from = ["1.2.3"]',
            "offhook.toml:4: trunks[0].inbound_from[0]: expected an IP address or network, found '1.2.3'",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\n[[trunks]]\nname = "a"\naddress = "udp:h:1"',
            "offhook.toml:5: trunks[1].name: 'a' appears twice",
        ),
        (
            '[[trunks]]\nname = "testbed"\naddress = "udp:h:1"',
            "offhook.toml:2: trunks[0].name: means the built-in phones; expected another name",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:1"\nsession_timer = 60',
            "offhook.toml:4: trunks[0].session_timer: expected 0, or at least 90 seconds (RFC 4028)",
        ),
        ('[[routes]]\ntrunks = ["x"]', "offhook.toml:2: routes[0].trunks: there is no trunk 'x'"),
        (
            "[[routes]]\ntrunks = []",
            "offhook.toml:2: routes[0].trunks: expected at least one trunk",
        ),
        (
            '[[routes]]\ntrunks = ["testbed"]\nsubaccounts = ["a"]',
            "offhook.toml:3: routes[0].subaccounts[0]: expected 3 to 50 of letters",
        ),
        (
            SUBACCOUNT + SUBACCOUNT,
            "offhook.toml:7: subaccounts[1].id: 'acme_corp' appears twice",
        ),
        (
            SUBACCOUNT + 'caller_ids = ["651"]',
            "subaccounts[0].caller_ids[0]: expected a phone number",
        ),
        (SUBACCOUNT + 'coverage = ["Singapore"]', 'coverage[0]: expected a country such as "SG"'),
        (SUBACCOUNT + 'api_keys = ["env:NO_KEY"]', "api_keys: the variable NO_KEY is not set"),
        (
            SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "ftp://x"',
            "offhook.toml:7: subaccounts[0].webhooks[0].url: expected an http or https URL",
        ),
        (
            SUBACCOUNT + '[[subaccounts.scenarios]]\nname = "x"\nfile = "no.json"',
            "offhook.toml:7: subaccounts[0].scenarios[0].file: there is no file no.json",
        ),
        (
            SUBACCOUNT
            + '[[subaccounts.scenarios]]\nname = "x"\nfile = "offhook.toml"\n'
            + '[[subaccounts.scenarios.parameters]]\nname = "p"\npattern = "("',
            "offhook.toml:10: subaccounts[0].scenarios[0].parameters[0].pattern: not a regular expression",
        ),
        (
            SUBACCOUNT
            + '[[subaccounts.numbers]]\nmsisdn = "+6561234567"\n'
            + '[[subaccounts]]\nid = "other"\naccount = "o"\n'
            + '[[subaccounts.numbers]]\nmsisdn = "+6561234567"',
            "offhook.toml:11: subaccounts[1].numbers[0].msisdn: +6561234567 belongs to 'acme_corp'",
        ),
        (
            '[http]\ntls_certificate = "cert.pem"',
            "http.tls_key: is missing: https needs tls_certificate and tls_key",
        ),
        (
            '[http]\ntls_certificate = "offhook.toml"\ntls_key = "none.pem"',
            "offhook.toml:3: http.tls_key: cannot be read: ",
        ),
        ("a = = 1", "offhook.toml:1: not TOML: Invalid value (at line 1, column 5)"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    [problem] = problems(tmp_path, text)
    assert told in problem


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    told = problems(tmp_path, "[limits]\nfoo = 1\nring_timeout = -1\n[http]\nlisten = 1\n")
    assert [problem.split(": ")[0] for problem in told] == [
        "offhook.toml:2",
        "offhook.toml:3",
        "offhook.toml:5",
    ]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OFFHOOK_NO__KEY": "1"}, "OFFHOOK_NO__KEY: no.key: there is no such key"),
        ({"OFFHOOK_HTTP__PORT": "1"}, "OFFHOOK_HTTP__PORT: http.port: there is no such key"),
        ({"OFFHOOK_HTTP__LISEN": "1"}, "http.lisen: there is no such key; did you mean listen?"),
        ({"OFFHOOK_TRUNKS__0__CPS": "1"}, "trunks[0].cps: there is no such element in the file"),
        ({"OFFHOOK_LIMITS__RING_TIMEOUT": "soon"}, 'found the string "soon"'),
        ({"OFFHOOK_TRUNKS": "[{"}, "OFFHOOK_TRUNKS: trunks: expected a list"),
    ],
)
def test_mistakes_in_variables_are_told(tmp_path: Path, environ: dict[str, str], told: str) -> None:
    [problem] = problems(tmp_path, "", environ)
    assert told in problem


@pytest.mark.parametrize(
    "text",
    [
        SUBACCOUNT + 'api_keys = ["hunter2"]',
        '[database]\nurl = "mysql://hunter2"',
        '[cluster]\nnats = "http://hunter2"',
        SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "hunter2"',
    ],
)
def test_secrets_are_not_repeated(tmp_path: Path, text: str) -> None:
    [problem] = problems(tmp_path, text)
    assert "found another string" in problem
    assert "hunter2" not in problem


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "no.toml"
    with pytest.raises(ConfigError, match=r"no\.toml: cannot be read: No such file"):
        load(str(missing), {})
    (tmp_path / "offhook.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match=":1: not UTF-8 at byte 5"):
        load(str(tmp_path / "offhook.toml"), {})
    with pytest.raises(ConfigError, match=r"nested too deep|not TOML"):
        read(tmp_path, "a = " + "[" * 100_000)


def test_a_reload_says_what_it_takes_over() -> None:
    old = Config()
    new = Config(
        http=Http(listen="127.0.0.1:1"),
        limits=Limits(ring_timeout=1, media_timeout=1),
        media=Media(engine="python"),
        trunks=(TrunkSection(name="a", address="udp:h:1"),),
    )
    assert changes(old, old) == ((), ())
    assert changes(old, new) == (
        ("limits.media_timeout", "limits.ring_timeout", "trunks"),
        ("http.listen", "media.engine"),
    )


def test_addresses() -> None:
    assert host_and_port("[::1]:8080") == ("::1", 8080)
    assert sip_address("tls:sip.example.org:5061") == ("tls", "sip.example.org", 5061)
    assert list(port_range("20-22")) == [20, 21, 22]
    for wrong in ("x", ":1", "h:65536", "h:x"):
        with pytest.raises(ValueError):
            host_and_port(wrong)
    with pytest.raises(ValueError):
        sip_address("sctp:h:1")
    with pytest.raises(ValueError):
        port_range("0-5")


def test_api_keys() -> None:
    digest = hashlib.sha256(b"a-key-of-mine").digest()
    assert api_key_digest("a-key-of-mine", {}) == digest
    assert api_key_digest(f"sha256:{digest.hex()}", {}) == digest
    assert api_key_digest("env:KEY", {"KEY": "a-key-of-mine"}) == digest
    with pytest.raises(KeyError, match="KEY"):
        api_key_digest("env:KEY", {"KEY": ""})


def test_a_reload_takes_over_what_is_safe_and_nothing_else() -> None:
    running = Config(http=Http(listen="127.0.0.1:1"), limits=Limits(ring_timeout=1))
    new = Config(http=Http(listen="127.0.0.1:2"), limits=Limits(ring_timeout=2))
    in_force = reloaded(running, new)
    assert in_force == Config(http=running.http, limits=new.limits)
    assert changes(in_force, new) == ((), ("http.listen",))


def test_a_snapshot_is_what_was_loaded_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    config = read(tmp_path, SUBACCOUNT + "cps = 2.5\n[limits]\nring_timeout = 7\n")
    snapshot = tmp_path / "snapshot"
    save_snapshot(config, str(snapshot))
    assert load_snapshot(str(snapshot)) == config
    assert snapshot.stat().st_mode & 0o777 == 0o600


def test_the_types_of_keys_are_worked_out_once_for_all_sub_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def counted(section: Any, **options: Any) -> Any:
        asked.append(section)
        return get_type_hints(section, **options)

    monkeypatch.setattr(typed_reader, "get_type_hints", counted)
    typed_reader.hints_of.cache_clear()
    mistake = "[limits]\nring_timeout = 'x'\n"  # makes it read key by key
    accounts = (SUBACCOUNT.replace("acme_corp", f"acme_{number}") for number in range(200))
    assert len(problems(tmp_path, mistake + "".join(accounts))) == 1
    assert 0 < len(asked) < 20


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "offhook.toml"
    file.write_bytes(b"\xef\xbb\xbf[limits]\nring_timeout = 7\n")
    assert load(str(file), {}).limits.ring_timeout == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[database]\nurl = "sqlite:////no/such/folder/x.db"',
            "offhook.toml:2: database.url: there is no folder /no/such/folder",
        ),
        ('[database]\nurl = "sqlite:////tmp"', "offhook.toml:2: database.url: /tmp is a folder"),
        (
            '[testbed]\nrecordings = "/dev/null/here"',
            "offhook.toml:2: testbed.recordings: /dev/null is no folder",
        ),
    ],
)
def test_paths_that_cannot_be_written_stop_a_server(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "offhook.toml"
    file.write_text(text)
    load(str(file), {})
    with pytest.raises(ConfigError) as caught:
        load_for_serving(str(file), {})
    assert told in str(caught.value)


TRUNK = '[[trunks]]\nname = "a"\naddress = "udp:h:5060"\n'
LOCAL_WEBHOOK = SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "http://{host}:9/vss"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            TRUNK,
            ["offhook.toml:2: trunks[0].name: no route leads to 'a', and without inbound_from"],
        ),
        (TRUNK + 'inbound_from = ["192.0.2.1"]', []),
        (TRUNK + '[[routes]]\ntrunks = ["a"]', []),
        (
            LOCAL_WEBHOOK.format(host="127.0.0.1"),
            ["offhook.toml:7: subaccounts[0].webhooks[0].url: is a loopback or private address"],
        ),
        (LOCAL_WEBHOOK.format(host="localhost"), ["webhooks[0].url: is a loopback or private"]),
        (LOCAL_WEBHOOK.format(host="10.1.2.3"), ["webhooks[0].url: is a loopback or private"]),
        (LOCAL_WEBHOOK.format(host="hooks.example"), []),
        (LOCAL_WEBHOOK.format(host="[::1]") + "[webhooks]\nallow_private = true", []),
    ],
)
def test_what_is_probably_a_mistake_is_told_when_a_server_starts(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    file = tmp_path / "offhook.toml"
    file.write_text(text)
    warnings = load_for_serving(str(file), {}).warnings
    assert len(warnings) == len(told)
    assert all(part in warning for part, warning in zip(told, warnings, strict=True))


@pytest.mark.parametrize(
    ("environ", "loopback", "private"),
    [
        ({}, True, False),
        ({"OFFHOOK_HTTP__LISTEN": "localhost:1"}, True, False),
        ({"OFFHOOK_HTTP__LISTEN": "0.0.0.0:8080"}, False, False),
        (
            {"OFFHOOK_HTTP__LISTEN": "0.0.0.0:80", "OFFHOOK_WEBHOOKS__ALLOW_PRIVATE": "1"},
            True,
            True,
        ),
        ({"OFFHOOK_WEBHOOKS__ALLOW_PRIVATE": "false"}, False, False),
        ({"OFFHOOK_WEBHOOKS__ALLOW_PRIVATE": "true"}, True, True),
    ],
)
def test_the_embedded_default_lets_webhooks_reach_this_machine_while_it_listens_here_only(
    environ: dict[str, str], loopback: bool, private: bool
) -> None:
    section = load(None, environ).webhooks
    assert (section.opens_loopback, section.opens_private) == (loopback, private)


def test_a_file_opens_no_private_address_unless_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "offhook.toml"
    for text, opened in [("", False), ("allow_private = true", True)]:
        file.write_text(f'[http]\nlisten = "127.0.0.1:8080"\n[webhooks]\n{text}\n')
        section = load(str(file), {}).webhooks
        assert (section.opens_loopback, section.opens_private) == (opened, opened)


def test_the_native_engine_is_refused_where_it_is_not_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "NATIVE_MODULE", tmp_path / "missing.so")
    [problem] = problems(tmp_path, '[media]\nengine = "native"')
    assert "media.engine: the native media engine is not built" in problem
