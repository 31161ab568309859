"""The sections of the server itself: what it listens on, where it keeps what, its limits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from offhook.config.section import Section
from offhook.config.value_types import (
    ApiKey,
    Count,
    DatabaseUrl,
    Days,
    Delay,
    EncryptionKey,
    Endpoint,
    HeaderValue,
    HepAddress,
    Host,
    HttpUrl,
    Name,
    NatsUrl,
    Network,
    PortRange,
    Seconds,
    SipAddress,
    SpokenText,
)


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


class SipCertificate(Section, frozen=True, kw_only=True):
    """``[[sip.certificates]]``"""

    certificate: str
    """PEM file with the certificate and its chain."""
    key: str
    """PEM file."""


class Sip(Section, frozen=True, kw_only=True):
    """``[sip]``"""

    listen: tuple[SipAddress, ...] = ("udp:127.0.0.1:5060",)
    rtp_ports: PortRange = "20000-29999"
    advertise: Host | None = None
    """``auto``: asked of the server ``stun``."""
    stun: Endpoint | None = None
    keep_traces: KeepTraces = KeepTraces.FAILED
    """Stored SIP messages hold phone numbers and addresses, as the session's record does."""
    hep: HepAddress | None = None
    """A capture server such as Homer; it gets every SIP message as HEP3."""
    tls_certificate: str | None = None
    """PEM file with the certificate and its chain."""
    tls_key: str | None = None
    """PEM file."""
    certificates: tuple[SipCertificate, ...] = ()
    """More of them, chosen by the name that a peer asks for (SNI)."""
    tls_ca: str | None = None
    """PEM file of the authorities that sign trunks' certificates; None: the system's."""
    tls_client_ca: str | None = None
    """PEM file of the authorities that sign the certificates of those who connect; None: they need none."""


class Telemetry(Section, frozen=True, kw_only=True):
    """``[telemetry]``"""

    traces: HttpUrl | None = None
    """Collector of OpenTelemetry (OTLP over HTTP), up to the port; needs the extra ``otel``."""
    traces_ratio: Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")] = 1.0
    """Share of the sessions that are traced."""


class Database(Section, frozen=True, kw_only=True):
    """``[database]``"""

    url: DatabaseUrl = "sqlite:///offhook.db"


class MetricsSection(Section, frozen=True, kw_only=True):
    """``[metrics]``"""

    listen: Endpoint | None = None
    """Serves ``/metrics`` besides the API, for machines without an API process."""


class Cluster(Section, frozen=True, kw_only=True):
    """``[cluster]``"""

    nats: NatsUrl | None = None
    name: Name | None = None
    """Of this machine among the others; None: its host name and SIP address."""


class Webhooks(Section, frozen=True, kw_only=True):
    """``[webhooks]``"""

    allow_private: bool | None = False
    """None, which no file can say: loopback only, the embedded default."""
    allow_http: bool = True
    proxy: HttpUrl | None = None
    """An http proxy that all webhooks go through."""

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


class Limits(Section, frozen=True, kw_only=True):
    """``[limits]``; seconds."""

    ring_timeout: Seconds = 60
    queue_timeout: Delay = 30
    drain_timeout: Delay = 30
    max_queue_time: Seconds = 3600
    max_legs: Count = 10
    max_call_duration: Seconds = 14400
    media_timeout: Seconds = 60


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
    consent_prompt: SpokenText | None = None
    """Spoken to each leg when its recording begins."""
    consent_language: str | None = None
    encryption_key: EncryptionKey | None = None
    keep_days: Days = 30
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


class RetentionSection(Section, frozen=True, kw_only=True):
    """``[retention]``; days."""

    sessions: Days = 90
    events: Days | None = None
    deliveries: Days | None = None
    requests: Days = 30
    recordings: Days | None = None
    """None: ``recording.keep_days``."""


class AlertsSection(Section, frozen=True, kw_only=True):
    """``[alerts]``"""

    url: HttpUrl | None = None
    """None: no alerts are sent."""
    http_auth_header: HeaderValue | None = None
    secret: str | None = None


class Admin(Section, frozen=True, kw_only=True):
    """``[admin]``"""

    api_keys: tuple[ApiKey, ...] = ()
    """``sha256:…``, ``env:NAME`` or plain; absent: ``/admin/v1`` answers 404."""
