"""The configuration: one class per section of ``offhook.toml``, every key with its default.

:func:`offhook.config.file.load` reads the file and the ``OFFHOOK_*`` variables into these. A type says
what its key takes: the description of its :class:`msgspec.Meta` stands in the error message
("expected …"), its pattern and bounds are checked. ``docs/configuration.md`` explains every key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, le=31_536_000, description="a number of seconds above 0")]
Delay = Annotated[float, Meta(ge=0, le=86_400, description="a number of seconds, 0 or more")]
Rate = Annotated[float, Meta(gt=0, le=1_000_000, description="a number above 0, up to 1,000,000")]
Count = Annotated[int, Meta(ge=1, description="a whole number, 1 or more")]
Name = Annotated[
    str, Meta(pattern=r"^[\w.&-]{1,64}\Z", description="a name of 1 to 64 letters, digits, . _ - &")
]
SubAccountId = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9._&-]{3,50}\Z", description="3 to 50 of letters, digits, - . _ &"),
]
Msisdn = Annotated[
    str,
    Meta(
        pattern=r"^\+[1-9][0-9]{3,14}\Z",
        description='a phone number in E.164, such as "+6512341234"',
    ),
]
CallerId = Annotated[
    str,
    Meta(
        pattern=r"^(\+[1-9][0-9]{3,14}|\*)\Z",
        description='a phone number in E.164, such as "+6512341234", or "*" for any',
    ),
]
Area = Annotated[
    str,
    Meta(
        pattern=r"^([A-Z]{2}|\+[1-9][0-9]{0,14})\Z",
        description='a country such as "SG" or a prefix such as "+44"',
    ),
]
Prefix = Annotated[
    str, Meta(pattern=r"^(\+?[0-9]{0,15})\Z", description='digits such as "+65", or "" for all')
]
Endpoint = Annotated[
    str,
    Meta(
        pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}\Z",
        description='an address and port, such as "127.0.0.1:8080"',
    ),
]
SipAddress = Annotated[
    str,
    Meta(
        pattern=r"^(udp|tcp|tls):(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}\Z",
        description='udp:, tcp: or tls: with an address and port, such as "udp:127.0.0.1:5060"',
    ),
]
PortRange = Annotated[
    str, Meta(pattern=r"^[0-9]{1,5}-[0-9]{1,5}\Z", description='a port range such as "20000-29999"')
]
Host = Annotated[
    str, Meta(pattern=r"^[0-9A-Za-z.:-]{1,253}\Z", description="an IP address or a host name")
]
Network = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?\Z",
        description='an IP address or network, such as "192.0.2.0/24"',
    ),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite:///.+|postgres(ql)?://.+)\Z",
        description='"sqlite:///file.db" or "postgresql://user@host/name"',
    ),
]
NatsUrl = Annotated[
    str, Meta(pattern=r"^(nats|tls)://\S+\Z", description='a URL such as "nats://127.0.0.1:4222"')
]
HttpUrl = Annotated[
    str, Meta(pattern=r"^https?://[^\s/]+\S*\Z", description="an http or https URL")
]
LanguageTag = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}\Z",
        description='a language such as "en" or "en-GB"',
    ),
]
Secret = Annotated[str, Meta(min_length=1, max_length=500, description="a key")]
Keys = Annotated[
    str, Meta(pattern=r"^[0-9*#A-Da-dwW,]*\Z", description='keys such as "1" or "42#"')
]
OptOutKey = Annotated[
    str, Meta(pattern=r"^[0-9*#]\Z", description='one key of a phone, such as "9"')
]
SpokenText = Annotated[
    str, Meta(min_length=1, max_length=3000, description="a text of 1 to 3000 characters")
]
ApiKey = Annotated[
    str,
    Meta(
        pattern=r"^(sha256:[0-9a-f]{64}|env:\w+|(?!sha256:|env:)\S{8,256})\Z",
        description='"sha256:" and 64 hex digits, "env:" and a variable, or a key of 8 or more',
    ),
]

EncryptionKey = Annotated[
    str,
    Meta(
        pattern=r"^(env:\w+|file:.+)\Z",
        description='"env:" and a variable, or "file:" and a file, with 32 octets in base64',
    ),
]


ClockTime = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z",
        description='a time of day such as "09:00"; "24:00" is the end of the day',
    ),
]
WeekDays = Annotated[
    str,
    Meta(
        pattern=r"^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?\Z",
        description='a day or a range of days, such as "sat" or "mon-fri"',
    ),
]


Money = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?\Z",
        description='an amount in quotes, up to 6 decimals, such as "0.035"',
    ),
]
Currency = Annotated[
    str, Meta(pattern=r"^[A-Z]{3}\Z", description='a currency of ISO 4217, such as "EUR"')
]
BillingIncrement = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,3}\+[1-9][0-9]{0,3}\Z",
        description='seconds billed at first and then, such as "60+60" or "30+6"',
    ),
]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections share: an unknown key is an error."""


class Http(Section, frozen=True, kw_only=True):
    """``[http]``"""

    listen: Endpoint = "127.0.0.1:8080"
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies with a trusted ``X-Forwarded-For``."""
    tls_certificate: str | None = None
    """PEM file with the certificate and its chain; with ``tls_key`` the API speaks https."""
    tls_key: str | None = None
    """PEM file."""
    public_url: HttpUrl | None = None
    """Where customers reach this server, for links in webhooks and answers."""


class KeepTraces(StrEnum):
    """Which sessions' SIP messages are stored when they end."""

    FAILED = "failed"
    """Those that failed, or one of whose calls did."""
    ALL = "all"
    NONE = "none"


class Sip(Section, frozen=True, kw_only=True):
    """``[sip]``"""

    listen: tuple[SipAddress, ...] = ("udp:127.0.0.1:5060",)
    rtp_ports: PortRange = "20000-29999"
    advertise: Host | None = None
    keep_traces: KeepTraces = KeepTraces.FAILED
    """Stored SIP messages hold phone numbers and addresses, as the session's record does."""
    tls_certificate: str | None = None
    tls_key: str | None = None


class Database(Section, frozen=True, kw_only=True):
    """``[database]``"""

    url: DatabaseUrl = "sqlite:///offhook.db"


class Cluster(Section, frozen=True, kw_only=True):
    """``[cluster]``"""

    nats: NatsUrl | None = None


class Webhooks(Section, frozen=True, kw_only=True):
    """``[webhooks]``"""

    allow_private: bool | None = False
    """None, which no file can say: loopback only, the embedded default."""
    allow_http: bool = True

    @property
    def opens_private(self) -> bool:
        """Whether every private address is open, loopback among them."""
        return self.allow_private is True

    @property
    def opens_loopback(self) -> bool:
        """Whether addresses of this machine are open."""
        return self.allow_private is not False


class Media(Section, frozen=True, kw_only=True):
    """``[media]``"""

    engine: Literal["auto", "native", "python"] = "auto"


class SpeechSection(Section, frozen=True, kw_only=True):
    """``[speech]``"""

    cache_folder: str | None = None
    """Prompts that all voice processes of this machine share; absent: the user's cache folder."""
    cache_megabytes: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="a whole number of megabytes, 0 or more")
    ] = 1024
    """0: prompts are not shared and not kept between two starts."""


class Kokoro(Section, frozen=True, kw_only=True):
    """``[voices.kokoro]``"""

    processes: Count = 1
    threads: Annotated[int, Meta(ge=0, le=256, description="a number of threads, 0 to 256")] = 0
    """Of each process; 0: one for each core."""


class CloudVoice(Section, frozen=True, kw_only=True):
    """``[[voices.openai.voices]]``, ``[[voices.elevenlabs.voices]]``"""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="a voice's name or id")]
    languages: tuple[LanguageTag, ...]
    gender: Literal["M", "F", ""] = ""


class Azure(Section, frozen=True, kw_only=True):
    """``[voices.azure]``"""

    key: Secret
    region: Name = "westeurope"
    endpoint: HttpUrl | None = None
    """Instead of the region's."""


class Google(Section, frozen=True, kw_only=True):
    """``[voices.google]``"""

    key: Secret
    endpoint: HttpUrl | None = None


class Polly(Section, frozen=True, kw_only=True):
    """``[voices.polly]``"""

    key_id: Secret
    secret: Secret
    region: Name = "us-east-1"
    engine: Literal["standard", "neural"] = "neural"
    endpoint: HttpUrl | None = None


class OpenAi(Section, frozen=True, kw_only=True):
    """``[voices.openai]``"""

    key: Secret | None = None
    model: str = "gpt-4o-mini-tts"
    endpoint: HttpUrl | None = None
    """Of any server that speaks the same interface, up to ``/v1``."""
    voices: tuple[CloudVoice, ...] = ()


class ElevenLabs(Section, frozen=True, kw_only=True):
    """``[voices.elevenlabs]``"""

    key: Secret
    model: str = "eleven_flash_v2_5"
    endpoint: HttpUrl | None = None
    voices: tuple[CloudVoice, ...] = ()


EngineName = Literal["azure", "google", "polly", "elevenlabs", "openai", "kokoro", "espeak-ng"]
ENGINE_ORDER: tuple[EngineName, ...] = get_args(EngineName)


class Voices(Section, frozen=True, kw_only=True):
    """``[voices]``"""

    folder: str | None = None
    """Of the installed voices; absent: ``/var/lib/offhook/voices`` where that is, else the user's own."""
    order: tuple[EngineName, ...] = ENGINE_ORDER
    """Which engine is asked first, and which next when it fails; one that is not named is not used."""
    timeout: Seconds = 5
    """Of one request to an engine in the cloud."""
    characters_per_day: Count | None = None
    """That one sub-account may have spoken by engines in the cloud; absent: as many as it asks."""
    kokoro: Kokoro = Kokoro()
    azure: Azure | None = None
    google: Google | None = None
    polly: Polly | None = None
    elevenlabs: ElevenLabs | None = None
    openai: OpenAi | None = None


class Limits(Section, frozen=True, kw_only=True):
    """``[limits]``; seconds."""

    ring_timeout: Seconds = 60
    queue_timeout: Delay = 30
    drain_timeout: Delay = 30
    max_queue_time: Seconds = 3600
    max_legs: Count = 10
    max_call_duration: Seconds = 14400
    media_timeout: Seconds = 60


class Trunk(Section, frozen=True, kw_only=True):
    """``[[trunks]]``"""

    name: Name
    address: SipAddress
    username: str | None = None
    password: str | None = None
    register: bool = False
    channels: Count | None = None
    cps: Rate | None = None
    inbound_from: tuple[Network, ...] = ()
    trusted: bool = False
    early_media: bool = False
    media_from: tuple[Network, ...] = ()
    codecs: tuple[Literal["PCMU", "PCMA", "G722", "opus"], ...] = ("PCMU", "PCMA")
    srtp: Literal["off", "accepted", "required"] = "off"


class Route(Section, frozen=True, kw_only=True):
    """``[[routes]]``"""

    prefix: Prefix = ""
    trunks: tuple[Name, ...]
    subaccounts: tuple[SubAccountId, ...] | None = None
    """Open to these only; absent: to all."""


class Number(Section, frozen=True, kw_only=True):
    """``[[subaccounts.numbers]]``"""

    msisdn: Msisdn
    reference_id: str | None = None
    record_inbound: bool = False


class SubAccountWebhook(Section, frozen=True, kw_only=True):
    """``[[subaccounts.webhooks]]``"""

    type: Literal["VCA", "VCS", "VSS", "VRU", "VNU"]
    url: HttpUrl
    enabled: bool = True
    http_auth_header: str | None = None
    secret: str | None = None


class ScenarioParameter(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios.parameters]]``"""

    name: Name
    required: bool = False
    default: str | None = None
    pattern: str | None = None


class ScenarioFile(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios]]``"""

    name: str
    file: str
    """Relative to the configuration file; absolute once loaded."""
    parameters: tuple[ScenarioParameter, ...] = ()


class CallingWindow(Section, frozen=True, kw_only=True):
    """``[[subaccounts.calling_hours]]``, in the callee's own time zone."""

    days: tuple[WeekDays, ...] = ("mon-sun",)
    opens: ClockTime
    closes: ClockTime
    """At or before ``opens``: on the next day."""


class MenuFile(Section, frozen=True, kw_only=True):
    """``[[subaccounts.menus]]``"""

    name: Name
    file: str
    """Relative to the configuration file; absolute once loaded."""
    numbers: tuple[Msisdn, ...] = ()


class OptOut(Section, frozen=True, kw_only=True):
    """``[subaccounts.opt_out]``"""

    key: OptOutKey
    prompt: SpokenText | None = None
    confirmation: SpokenText | None = None
    voice_profile: str | None = None
    language: str = "en-US"
    """Of the texts, without ``voice_profile``."""
    file: str | None = None
    """Relative to the configuration file; absolute once loaded."""
    webhook: HttpUrl | None = None
    http_auth_header: str | None = None


class SubAccount(Section, frozen=True, kw_only=True):
    """``[[subaccounts]]``"""

    id: SubAccountId
    account: Name
    api_keys: tuple[ApiKey, ...] = ()
    caller_ids: tuple[CallerId, ...] = ()
    coverage: tuple[Area, ...] | None = None
    max_calls: Count | None = None
    cps: Rate | None = None
    withheld_caller_id: bool = False
    dtmf_event_data: Literal["object", "string"] = "object"
    daily_minutes: Count | None = None
    daily_cost: Money | None = None
    """In ``rates.currency``."""
    calling_hours: tuple[CallingWindow, ...] = ()
    """Absent: at any time."""
    outside_hours: Literal["queue", "refuse"] = "queue"
    numbers: tuple[Number, ...] = ()
    webhooks: tuple[SubAccountWebhook, ...] = ()
    scenarios: tuple[ScenarioFile, ...] = ()
    menus: tuple[MenuFile, ...] = ()
    opt_out: OptOut | None = None


class RatePrice(Section, frozen=True, kw_only=True):
    """``[[rates.prices]]``"""

    prefix: Prefix = ""
    price: Money
    """Per minute."""
    direction: Literal["outbound", "inbound"] = "outbound"
    increment: BillingIncrement | None = None
    currency: Currency | None = None
    subaccounts: tuple[SubAccountId, ...] | None = None
    """Of these only; absent: of all."""


class Rates(Section, frozen=True, kw_only=True):
    """``[rates]``"""

    currency: Currency = "USD"
    increment: BillingIncrement = "1+1"
    decimals: Annotated[int, Meta(ge=0, le=6, description="a whole number from 0 to 6")] = 6
    """Of the price of a call."""
    prices: tuple[RatePrice, ...] = ()


class TestbedPhone(Section, frozen=True, kw_only=True):
    """``[[testbed.phones]]``; seconds."""

    number: Msisdn
    answer_after: Delay = 0.5
    outcome: Literal["answer", "busy", "no-answer", "decline", "unreachable", "error"] = "answer"
    press: Keys = ""
    hangup_after: Seconds | None = None


DEFAULT_PHONES: tuple[TestbedPhone, ...] = (
    TestbedPhone(number="+12025550100"),
    TestbedPhone(number="+12025550101", press="1"),
    TestbedPhone(number="+12025550102", outcome="busy"),
    TestbedPhone(number="+12025550103", outcome="no-answer"),
    TestbedPhone(number="+12025550104", outcome="decline"),
    TestbedPhone(number="+12025550105", outcome="unreachable"),
    TestbedPhone(number="+12025550106", outcome="error"),
    TestbedPhone(number="+12025550107", hangup_after=2.0),
    TestbedPhone(number="+12025550108", press="123#"),
    TestbedPhone(number="+12025550109", answer_after=0.0),
)
"""The built-in phones of the embedded default, for ``demo`` and for tests: numbers reserved for fiction
(555-01xx), so that no real phone is called."""


class Testbed(Section, frozen=True, kw_only=True):
    """``[testbed]``"""

    phones: tuple[TestbedPhone, ...] = ()
    recordings: str | None = None
    """Folder for a WAV of what each phone heard; absent: not recorded."""


class Recording(Section, frozen=True, kw_only=True):
    """``[recording]``"""

    directory: str | None = None
    """Relative to the configuration file, absolute once loaded; None: ``recordings`` in the working
    folder."""
    format: Literal["mp3", "opus", "wav"] = "mp3"
    channels: Literal["mono", "stereo"] = "mono"
    """``stereo``: leg A on the left, everybody and everything else on the right."""
    beep: bool = False
    """A short tone to each leg when its recording begins."""
    consent_prompt: str | None = None
    """Spoken to each leg when its recording begins."""
    consent_language: str | None = None
    encryption_key: EncryptionKey | None = None
    keep_days: Count = 30
    """Days for which recordings stay on the disk."""
    link_expiry: Seconds = 3600
    push_retry: Seconds = 86_400
    """Seconds for which an upload is tried."""
    allow_private: bool = False
    """Whether recordings may be uploaded to private addresses and to this machine."""

    @property
    def folder(self) -> str:
        """Where recordings are."""
        return self.directory or "recordings"


class Admin(Section, frozen=True, kw_only=True):
    """``[admin]``"""

    api_keys: tuple[ApiKey, ...] = ()
    """``sha256:…``, ``env:NAME`` or plain; absent: ``/admin/v1`` answers 404."""


class Config(Section, frozen=True, kw_only=True):
    """The whole of ``offhook.toml``."""

    http: Http = Http()
    sip: Sip = Sip()
    database: Database = Database()
    cluster: Cluster = Cluster()
    webhooks: Webhooks = Webhooks()
    media: Media = Media()
    speech: SpeechSection = SpeechSection()
    voices: Voices = Voices()
    limits: Limits = Limits()
    recording: Recording = Recording()
    admin: Admin = Admin()
    testbed: Testbed = Testbed()
    rates: Rates = Rates()
    trunks: tuple[Trunk, ...] = ()
    routes: tuple[Route, ...] = ()
    subaccounts: tuple[SubAccount, ...] = ()


TESTBED_TRUNK = "testbed"
"""The trunk name that means the built-in carrier; a route may name it without a ``[[trunks]]``."""


class ListenAddress(NamedTuple):
    """A transport and an address, to listen on or of a trunk."""

    transport: str
    """``udp``, ``tcp`` or ``tls``."""
    host: str
    """Without the brackets of an IPv6 address."""
    port: int


def host_and_port(endpoint: str) -> tuple[str, int]:
    """``127.0.0.1:8080`` or ``[::1]:8080`` as host and port. Raises ValueError for other forms."""
    host, _, port = endpoint.rpartition(":")
    number = int(port)
    if not host or not 0 <= number <= 65_535:
        raise ValueError(f"no address and port: {endpoint!r}")
    return host.removeprefix("[").removesuffix("]"), number


def sip_address(address: str) -> ListenAddress:
    """``udp:127.0.0.1:5060`` in its parts. Raises ValueError for other forms."""
    transport, _, endpoint = address.partition(":")
    if transport not in ("udp", "tcp", "tls"):
        raise ValueError(f"no udp:, tcp: or tls: address: {address!r}")
    return ListenAddress(transport, *host_and_port(endpoint))


def port_range(ports: str) -> range:
    """``20000-29999``, both ends included. Raises ValueError when empty or out of 1..65535."""
    first, _, last = ports.partition("-")
    low, high = int(first), int(last)
    if not 1 <= low <= high <= 65_535:
        raise ValueError(f"no port range: {ports!r}")
    return range(low, high + 1)


def api_key_digest(configured: str, environ: Mapping[str, str]) -> bytes:
    """SHA-256 of the key that a configured ``api_keys`` entry stands for.

    Raises KeyError when it names a variable that is not set or empty.
    """
    if configured.startswith("sha256:"):
        return bytes.fromhex(configured.removeprefix("sha256:"))
    if configured.startswith("env:"):
        name = configured.removeprefix("env:")
        key = environ.get(name, "")
        if not key:
            raise KeyError(name)
    else:
        key = configured
    return hashlib.sha256(key.encode()).digest()
