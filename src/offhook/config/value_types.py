"""The types of single values: what a key of the configuration takes, and what it is called in errors.

The description of a :class:`msgspec.Meta` stands in the error message ("expected …"); its pattern and
bounds are checked.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Seconds = Annotated[
    float, Meta(gt=0, le=31_536_000, description="a number of seconds above 0, up to 31,536,000")
]
Delay = Annotated[float, Meta(ge=0, le=86_400, description="a number of seconds, 0 to 86,400")]
SessionInterval = Annotated[
    int,
    Meta(
        ge=0,
        le=86_400,
        description="0, or a whole number of seconds from 90 to 86400",
    ),
]
Rate = Annotated[float, Meta(gt=0, le=1_000_000, description="a number above 0, up to 1,000,000")]
RegisterSeconds = Annotated[
    int, Meta(ge=60, le=86_400, description="a whole number of seconds, 60 to 86400")
]
Count = Annotated[
    int,
    Meta(ge=1, le=2_000_000_000, description="a whole number, 1 to 2,000,000,000"),
]
Days = Annotated[int, Meta(ge=1, le=36_500, description="a whole number of days, 1 to 36,500")]
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
Country = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}\Z", description='a country of ISO 3166-1 such as "SG"')
]
DialledPrefix = Annotated[
    str,
    Meta(
        pattern=r"^\+?[0-9*#]{0,24}\Z",
        description='the beginning of a number as it is dialled, such as "+49", "00" or ""',
    ),
]
SipUsername = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z",
        description="a user name of 1 to 64 letters, digits, . _ + -",
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
        pattern=r"^(udp|tcp|tls|wss?):(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}\Z",
        description='udp:, tcp:, tls:, ws: or wss: with an address and port, such as "udp:127.0.0.1:5060"',
    ),
]
TrunkAddress = Annotated[
    str,
    Meta(
        pattern=r"^(sip|udp|tcp|tls):(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+)(:[0-9]{1,5})?\Z",
        description='udp:, tcp: or tls: with a host and mostly a port, such as "udp:192.0.2.1:5060",'
        ' or sip: with a domain, such as "sip:carrier.example"',
    ),
]
HepAddress = Annotated[
    str,
    Meta(
        pattern=r"^udp:(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+):[0-9]{1,5}\Z",
        description='udp: with an address and port, such as "udp:192.0.2.20:9060"',
    ),
]
PortRange = Annotated[
    str, Meta(pattern=r"^[0-9]{1,5}-[0-9]{1,5}\Z", description='a port range such as "20000-29999"')
]
Host = Annotated[
    str, Meta(pattern=r"^[0-9A-Za-z.:-]{1,253}\Z", description="an IP address or a host name")
]
TlsName = Annotated[
    str,
    Meta(pattern=r"^[0-9A-Za-z.:*-]{1,253}\Z", description='a name such as "sip.carrier.example"'),
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
ScenarioName = Annotated[
    str, Meta(pattern=r"^\S(.{0,253}\S)?\Z", description="a name of 1 to 255 characters")
]
HeaderValue = Annotated[
    str,
    Meta(
        pattern=r"^[ -~]{1,1024}\Z",
        description="1 to 1024 printable characters of ASCII, as in an HTTP header",
    ),
]
Uuid = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z",
        description='a UUID such as "2f3d5c1e-4b7a-4c1d-9e0f-6a5b4c3d2e1f"',
    ),
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
BillingSeconds = Annotated[
    int, Meta(ge=1, le=3600, description="a whole number of seconds, 1 to 3600")
]
TestCallSeconds = Annotated[
    int, Meta(ge=60, le=604_800, description="a whole number of seconds, 60 to 604800")
]
NumberType = Literal[
    "FIXED_LINE",
    "MOBILE",
    "FIXED_LINE_OR_MOBILE",
    "TOLL_FREE",
    "PREMIUM_RATE",
    "SHARED_COST",
    "VOIP",
    "PERSONAL_NUMBER",
    "UAN",
    "UNKNOWN",
]
Day = Annotated[
    str, Meta(pattern=r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}\Z", description='a day such as "2027-01-31"')
]
BillingIncrement = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,3}\+[1-9][0-9]{0,3}\Z",
        description='seconds billed at first and then, such as "60+60" or "30+6"',
    ),
]
