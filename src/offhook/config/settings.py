"""The configuration as a whole: one class per section of ``offhook.toml``, every key with its default.

:func:`offhook.config.file.load` reads the file and the ``OFFHOOK_*`` variables into these.
``docs/configuration.md`` explains every key.
"""

from __future__ import annotations

from offhook.config.browser_phone_section import BrowserPhone
from offhook.config.section import Section
from offhook.config.server_sections import (
    Admin,
    AlertsSection,
    Cluster,
    Database,
    Http,
    Limits,
    Media,
    MetricsSection,
    Recording,
    RetentionSection,
    Sip,
    Telemetry,
    Webhooks,
)
from offhook.config.stir_section import StirSection
from offhook.config.subaccount_sections import SubAccountSection
from offhook.config.trunk_sections import (
    RatesSection,
    RouteSection,
    SipUserSection,
    Testbed,
    TrunkSection,
)
from offhook.config.voice_sections import SpeechSection, Voices


class Config(Section, frozen=True, kw_only=True):
    """The whole of ``offhook.toml``."""

    http: Http = Http()
    sip: Sip = Sip()
    browser_phone: BrowserPhone = BrowserPhone()
    telemetry: Telemetry = Telemetry()
    database: Database = Database()
    cluster: Cluster = Cluster()
    metrics: MetricsSection = MetricsSection()
    webhooks: Webhooks = Webhooks()
    media: Media = Media()
    speech: SpeechSection = SpeechSection()
    voices: Voices = Voices()
    limits: Limits = Limits()
    stir: StirSection = StirSection()
    recording: Recording = Recording()
    alerts: AlertsSection = AlertsSection()
    retention: RetentionSection = RetentionSection()
    admin: Admin = Admin()
    testbed: Testbed = Testbed()
    rates: RatesSection = RatesSection()
    trunks: tuple[TrunkSection, ...] = ()
    routes: tuple[RouteSection, ...] = ()
    sip_users: tuple[SipUserSection, ...] = ()
    subaccounts: tuple[SubAccountSection, ...] = ()
