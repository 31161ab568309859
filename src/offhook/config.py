"""The configuration: one class per section of ``offhook.toml``, every key with its default.

:func:`load` (in :mod:`offhook.config_file`) reads the file and the ``OFFHOOK_*`` variables into these.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sections share: an unknown key is an error."""


class Http(Section, frozen=True, kw_only=True):
    """``[http]``"""

    listen: str = "127.0.0.1:8080"


class Sip(Section, frozen=True, kw_only=True):
    """``[sip]``"""

    listen: tuple[str, ...] = ("udp:127.0.0.1:5060",)
    rtp_ports: str = "20000-29999"
    advertise: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None


class Database(Section, frozen=True, kw_only=True):
    """``[database]``"""

    url: str = "sqlite:///offhook.db"


class Cluster(Section, frozen=True, kw_only=True):
    """``[cluster]``"""

    nats: str | None = None


class Webhooks(Section, frozen=True, kw_only=True):
    """``[webhooks]``"""

    allow_private: bool = False
    allow_http: bool = True


class Media(Section, frozen=True, kw_only=True):
    """``[media]``"""

    engine: Literal["auto", "native", "python"] = "auto"


class Limits(Section, frozen=True, kw_only=True):
    """``[limits]``; seconds."""

    ring_timeout: float = 60
    queue_timeout: float = 30
    drain_timeout: float = 30
    max_queue_time: float = 3600
    max_call_duration: float = 14400
    media_timeout: float = 60


class Trunk(Section, frozen=True, kw_only=True):
    """``[[trunks]]``"""

    name: str
    address: str
    username: str | None = None
    password: str | None = None
    register: bool = False
    channels: int | None = None
    cps: float | None = None
    inbound_from: tuple[str, ...] = ()


class Route(Section, frozen=True, kw_only=True):
    """``[[routes]]``"""

    prefix: str = ""
    trunks: tuple[str, ...]
    subaccounts: tuple[str, ...] | None = None
    """Open to these only; absent: to all."""


class Number(Section, frozen=True, kw_only=True):
    """``[[subaccounts.numbers]]``"""

    msisdn: str
    reference_id: str | None = None


class SubAccountWebhook(Section, frozen=True, kw_only=True):
    """``[[subaccounts.webhooks]]``"""

    type: Literal["VCA", "VCS", "VSS", "VRU", "VNU"]
    url: str
    enabled: bool = True
    http_auth_header: str | None = None
    secret: str | None = None


class ScenarioParameter(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios.parameters]]``"""

    name: str
    required: bool = False
    default: str | None = None
    pattern: str | None = None


class ScenarioFile(Section, frozen=True, kw_only=True):
    """``[[subaccounts.scenarios]]``"""

    name: str
    file: str
    parameters: tuple[ScenarioParameter, ...] = ()


class SubAccount(Section, frozen=True, kw_only=True):
    """``[[subaccounts]]``"""

    id: str
    account: str
    api_keys: tuple[str, ...] = ()
    caller_ids: tuple[str, ...] = ()
    coverage: tuple[str, ...] | None = None
    max_calls: int | None = None
    cps: float | None = None
    withheld_caller_id: bool = False
    dtmf_event_data: Literal["object", "string"] = "object"
    numbers: tuple[Number, ...] = ()
    webhooks: tuple[SubAccountWebhook, ...] = ()
    scenarios: tuple[ScenarioFile, ...] = ()


class Phone(Section, frozen=True, kw_only=True):
    """``[[testbed.phones]]``; seconds."""

    number: str
    answer_after: float = 0.5
    outcome: Literal["answer", "busy", "no-answer", "decline", "unreachable", "error"] = "answer"
    press: str = ""
    hangup_after: float | None = None


class Testbed(Section, frozen=True, kw_only=True):
    """``[testbed]``"""

    phones: tuple[Phone, ...] = ()
    recordings: str | None = None
    """Folder for a WAV of what each phone heard; absent: not recorded."""


class Admin(Section, frozen=True, kw_only=True):
    """``[admin]``"""

    api_keys: tuple[str, ...] = ()
    """``sha256:…``, ``env:NAME`` or plain; absent: ``/admin/v1`` answers 404."""


class Config(Section, frozen=True, kw_only=True):
    """The whole of ``offhook.toml``."""

    http: Http = Http()
    sip: Sip = Sip()
    database: Database = Database()
    cluster: Cluster = Cluster()
    webhooks: Webhooks = Webhooks()
    media: Media = Media()
    limits: Limits = Limits()
    admin: Admin = Admin()
    testbed: Testbed = Testbed()
    trunks: tuple[Trunk, ...] = ()
    routes: tuple[Route, ...] = ()
    subaccounts: tuple[SubAccount, ...] = ()
