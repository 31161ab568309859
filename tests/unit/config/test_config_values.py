"""Values that have the right type and still cannot be meant: told at the start, with key and line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from offhook.config import Config, Section
from offhook.config.file import ConfigError, load, load_for_serving
from offhook.config.typed_reader import expected, hints_of, is_section, item_hint, without_none
from offhook.config.value_types import (
    DatabaseUrl,
    Endpoint,
    HepAddress,
    HttpUrl,
    NatsUrl,
    Network,
    SipAddress,
)
from offhook.execution.file_findings import file_findings

SUBACCOUNT = '[[subaccounts]]\nid = "acme"\naccount = "a"\n'
TRUNK = '[[trunks]]\nname = "a"\naddress = "udp:h:5060"\n'
ROUTED = TRUNK + '[[routes]]\ntrunks = ["a"]\n'


def told(folder: Path, text: str) -> list[str]:
    """What a server says of it when it starts: mistakes, or else warnings."""
    file = folder / "offhook.toml"
    file.write_text(text)
    try:
        lines = load_for_serving(str(file), {}, judge=file_findings).warnings
    except ConfigError as error:
        lines = error.problems
    return [line.replace(f"{folder}/", "") for line in lines]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[metrics]\nlisten = "h:70000"', "2: metrics.listen: expected a port up to 65535"),
        ('[sip]\nhep = "udp:h:70000"', "2: sip.hep: expected a port up to 65535"),
        ('[sip]\nlisten = ["udp:h:70000"]', "2: sip.listen[0]: expected a port up to 65535"),
        ('[cluster]\nnats = "nats://a:1,nats://b:70000"', "2: cluster.nats: expected a URL: Port"),
        ('[database]\nurl = "postgresql://u:hunter2@h:70000/x"', "database.url: expected a URL: P"),
        ('[database]\nurl = "postgresql://u@[::1/x"', "2: database.url: expected a URL: Invalid"),
        ('[http]\npublic_url = "https://h:x"', "2: http.public_url: expected a URL: Port could"),
        ('[alerts]\nurl = "http://[::1/"', "2: alerts.url: expected a URL: Invalid IPv6 URL"),
        ('[http]\npublic_url = "http://a\\\\b"', "http.public_url: expected an http or https URL"),
        ('[http]\ntrusted_proxies = ["999.1.1.1"]', "2: http.trusted_proxies[0]: expected an IP"),
        (TRUNK + 'media_from = ["10.0.0.0/99"]', "4: trunks[0].media_from[0]: expected an IP add"),
        (
            '[browser_phone]\nice_servers = ["turn:h:70000"]',
            "ice_servers[0]: expected a port up to",
        ),
        ('[sip]\nkeep_traces = "no"', '2: sip.keep_traces: expected "failed" or "all" or "none"'),
        ('[[http]]\nlisten = "h:1"', "1: http: expected a table: [http], found [[http]]"),
        ('[stir]\norigid = "me"', '2: stir.origid: expected a UUID such as "'),
        ("[limits]\nring_timeout = 1e9", "expected a number of seconds above 0, up to 31,536,000"),
        (
            "[retention]\nsessions = 1000000",
            "2: retention.sessions: expected a whole number of days",
        ),
        ("[recording]\nkeep_days = 1000000", "expected a whole number of days, 1 to 36,500"),
        ("[voices.piper]\nprocesses = 65", "processes: expected a number of processes, 1 to 64"),
        (SUBACCOUNT + "max_calls = 99999999999999999999", "expected a whole number, 1 to 2,000,00"),
        (
            SUBACCOUNT + 'coverage = ["+999"]',
            "4: subaccounts[0].coverage[0]: no number begins with",
        ),
        (TRUNK + "codecs = []", "4: trunks[0].codecs: expected at least one codec"),
        (
            '[[sip_users]]\nusername = "u"\npassword = "12345678"\ncodecs = []',
            "4: sip_users[0].codecs: expected at least one codec",
        ),
        (
            TRUNK + '[[trunks.number_rules]]\ndirection = "in"\nprefix = "00"\n'
            '[[trunks.number_rules]]\ndirection = "in"\nparty = "caller"\nprefix = "00"',
            "7: trunks[0].number_rules[1]: another rule changes '00' already",
        ),
        ('[[routes]]\ntrunks = ["tesbed"]', "there is no trunk 'tesbed'; did you mean testbed?"),
        (
            '[http]\nlisten = "127.0.0.1:80"\n[metrics]\nlisten = "127.0.0.1:80"',
            "4: metrics.listen: http.listen has the address '127.0.0.1:80' already",
        ),
        (
            '[http]\nlisten = "h:5060"\n[sip]\nlisten = ["udp:h:5060", "tcp:h:5060"]',
            "4: sip.listen[1]: http.listen has the address 'h:5060' already",
        ),
        ('[sip]\nadvertise = "2001:db8::1"', "2: sip.advertise: sip.listen has no IPv6 address"),
        ("[voices]\norder = []", "2: voices.order: expected at least one engine"),
        ('[voices]\norder = ["piper", "piper"]', "2: voices.order[1]: 'piper' appears twice"),
        ("[voices.openai]", "1: voices.openai.key: is missing: only an endpoint of your own"),
        (
            '[voices.elevenlabs]\nkey = "k"\nvoices = [{name = "a", languages = []}]',
            "3: voices.elevenlabs.voices[0].languages: expected at least one language",
        ),
        ('[recording]\nconsent_prompt = "Recorded."', "consent_language: is missing"),
        (
            '[recording]\nconsent_prompt = "Recorded."\nconsent_language = "tlh"',
            "3: recording.consent_language: no installed engine speaks 'tlh'",
        ),
        (
            SUBACCOUNT + '[subaccounts.opt_out]\nkey = "9"\nvoice_profile = "nobody"',
            "6: subaccounts[0].opt_out.voice_profile: no installed engine speaks 'nobody'",
        ),
        (
            SUBACCOUNT + '[subaccounts.opt_out]\nkey = "99"',
            '5: subaccounts[0].opt_out.key: expected one key of a phone, such as "9", found the stri',
        ),
        (
            SUBACCOUNT + 'api_keys = ["one-and-only"]\n[[subaccounts]]\nid = "bbb"\naccount = "b"\n'
            'api_keys = ["one-and-only"]',
            "8: subaccounts[1].api_keys: one of them is a key of the account 'a' too",
        ),
        (
            SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "https://h"\n'
            'http_auth_header = "a\\nb"',
            "7: subaccounts[0].webhooks[0].http_auth_header: expected 1 to 1024 printable",
        ),
        (
            SUBACCOUNT + 'last_resort = "offhook.toml"',
            "4: subaccounts[0].last_resort: offhook.toml: $: not JSON",
        ),
        (
            SUBACCOUNT + '[[subaccounts.scenarios]]\nname = "x"\nfile = "offhook.toml"',
            "6: subaccounts[0].scenarios[0].file: offhook.toml: the template: JSON is malformed",
        ),
        (
            '[browser_phone]\nenabled = true\nadvertise = "phones.example"',
            "3: browser_phone.advertise: expected an IP address, found 'phones.example'",
        ),
        ('[telemetry]\ntraces = "http://h"', ""),
        # what works, and hardly as intended
        (ROUTED + 'subaccounts = ["acne"]\n' + SUBACCOUNT, "did you mean acme?"),
        (
            '[rates]\nprices = [{price = "1", subaccounts = ["bbb"]}]',
            "2: rates.prices[0].subaccounts[0]: this file has no sub-account 'bbb'",
        ),
        (
            '[[sip_users]]\nusername = "u"\npassword = "12345678"\nsubaccounts = ["bbb"]',
            "4: sip_users[0].subaccounts[0]: this file has no sub-account 'bbb'",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:5060"\ntls_name = "x"\n'
            '[[routes]]\ntrunks = ["a"]',
            "4: trunks[0].tls_name: has no effect: the address is not tls: or sip:",
        ),
        (
            '[[trunks]]\nname = "a"\naddress = "udp:h:5060"\nusername = "u"\n'
            '[[routes]]\ntrunks = ["a"]',
            "4: trunks[0].username: has no effect without a password",
        ),
        ('[sip]\nstun = "stun.example.org:3478"', "2: sip.stun: has no effect: it is asked only"),
        ('[recording]\nconsent_language = "en-US"', "2: recording.consent_language: has no effect"),
        ('[alerts]\nhttp_auth_header = "x"', "2: alerts.http_auth_header: has no effect without"),
        (
            '[voices]\norder = ["azure"]',
            "2: voices.order[0]: there is no [voices.azure]: it is not",
        ),
        ('[voices]\nfolder = "/no/such"', "2: voices.folder: there is no folder /no/such"),
        (
            "[webhooks]\nallow_http = false\n"
            + SUBACCOUNT
            + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "http://hooks.example"',
            "8: subaccounts[0].webhooks[0].url: is plain http: nothing is sent there",
        ),
        (
            SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "http://2130706433/"',
            "6: subaccounts[0].webhooks[0].url: is a loopback or private address",
        ),
        (
            SUBACCOUNT + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "http://100.64.0.1/"',
            "6: subaccounts[0].webhooks[0].url: is a loopback or private address",
        ),
    ],
)
def test_it_is_told_at_the_start(tmp_path: Path, text: str, words: str) -> None:
    lines = told(tmp_path, text)
    if not words:
        assert lines == []
        return
    [line] = lines
    assert words in line
    assert line.startswith("offhook.toml:")


@pytest.mark.parametrize(
    "text",
    [
        '[database]\nurl = "postgresql://u:hunter2@h:70000/x"',
        '[recording]\nencryption_key = "hunter2"',
        f'[browser_phone]\nice_password = "{"hunter2" * 100}"',
        '[webhooks]\nproxy = "hunter2"',
        "[stir]\nkey = 2",
        SUBACCOUNT + '[subaccounts.opt_out]\nkey = "9"\nwebhook = "hunter2"',
        SUBACCOUNT
        + '[[subaccounts.webhooks]]\ntype = "VSS"\nurl = "http://h"\nprevious_secret = 22',
    ],
)
def test_a_secret_that_is_wrong_is_not_repeated(tmp_path: Path, text: str) -> None:
    [line] = told(tmp_path, text)
    assert "hunter2" not in line
    assert "22" not in line


def _leaves(section: type[Section], path: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, declared in hints_of(section).items():
        hint = without_none(declared)
        hint = hint if item_hint(hint) is None else item_hint(hint)
        where = f"{path}.{name}" if path else name
        found += _leaves(hint, where) if is_section(hint) else [(where, hint)]
    return found


def test_every_key_of_an_address_or_url_is_checked() -> None:
    """A new key of these types is checked without a line of its own; one of plain strings is not."""
    kinds = (DatabaseUrl, Endpoint, HepAddress, HttpUrl, NatsUrl, Network, SipAddress)
    names = ("url", "listen", "hep", "nats", "stun", "proxy", "traces", "endpoint", "webhook")
    plain = [
        where
        for where, hint in _leaves(Config)
        if where.rpartition(".")[2].endswith(names) and hint not in kinds and hint is str
    ]
    assert plain == []


def test_the_choices_of_every_enumeration_are_told() -> None:
    for where, hint in _leaves(Config):
        choices: list[str] = []
        if get_origin(hint) is Literal:
            choices = list(get_args(hint))
        elif isinstance(hint, type) and issubclass(hint, Enum):
            choices = [choice.value for choice in hint]
        assert all(f'"{choice}"' in expected(hint) for choice in choices), where


def test_files_of_the_configuration_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "offhook.toml"
    for name in ("key.pem", "roots.pem", "secret"):
        (tmp_path / name).touch()
    file.write_text(
        '[stir]\nkey = "key.pem"\nroots = "roots.pem"\ncertificate_url = "https://h"\n'
        '[recording]\nencryption_key = "file:secret"\n'
    )
    config = load(str(file), {})
    assert config.stir.key == str(tmp_path / "key.pem")
    assert config.stir.roots == str(tmp_path / "roots.pem")
    assert config.recording.encryption_key == f"file:{tmp_path / 'secret'}"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    folder = tmp_path_factory.mktemp("pem")

    def make(name: str) -> str:
        subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes", "-x509"]
        files = ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(
            ["openssl", "req", *curve, *subject, *files], check=True, capture_output=True
        )
        return f"{folder}/{name}"

    return make


def test_certificates_and_keys_are_loaded_before_the_server_starts(
    tmp_path: Path, pair: Callable[[str], str]
) -> None:
    one, other = pair("one"), pair("other")
    (tmp_path / "none.pem").write_text("none")
    http = '[http]\ntls_certificate = "{}"\ntls_key = "{}"\n'
    assert told(tmp_path, http.format(f"{one}.pem", f"{one}.key")) == []
    for text, words in (
        (http.format("none.pem", f"{one}.key"), "2: http.tls_certificate: holds no certificate in"),
        (http.format(f"{one}.pem", "none.pem"), "3: http.tls_key: holds no private key in PEM"),
        (http.format(f"{one}.pem", f"{other}.key"), "3: http.tls_key: is not the key of"),
        ('[sip]\ntls_ca = "none.pem"', "2: sip.tls_ca: holds no certificate in PEM"),
        ('[sip]\ntls_client_ca = "none.pem"', "2: sip.tls_client_ca: holds no certificate in PEM"),
        (
            f'[[sip.certificates]]\ncertificate = "{one}.pem"\nkey = "{other}.key"',
            "3: sip.certificates[0].key: is not the key of",
        ),
        ('[stir]\nroots = "none.pem"', "2: stir.roots: holds no certificates in PEM"),
        (
            '[stir]\nkey = "none.pem"\ncertificate_url = "https://h"',
            "2: stir.key: holds no private key on P-256 in PEM",
        ),
    ):
        [line] = told(tmp_path, text)
        assert f"offhook.toml:{words}" in line
