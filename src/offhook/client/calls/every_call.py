"""All methods together. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.calls.administration_calls import AdministrationCalls, AsyncAdministrationCalls
from offhook.client.calls.callflow_calls import AsyncCallflowCalls, CallflowCalls
from offhook.client.calls.campaign_calls import AsyncCampaignCalls, CampaignCalls
from offhook.client.calls.export_calls import AsyncExportCalls, ExportCalls
from offhook.client.calls.media_calls import AsyncMediaCalls, MediaCalls
from offhook.client.calls.menu_calls import AsyncMenuCalls, MenuCalls
from offhook.client.calls.number_calls import AsyncNumberCalls, NumberCalls
from offhook.client.calls.operation_calls import AsyncOperationCalls, OperationCalls
from offhook.client.calls.opt_out_calls import AsyncOptOutCalls, OptOutCalls
from offhook.client.calls.recordings_calls import AsyncRecordingsCalls, RecordingsCalls
from offhook.client.calls.request_calls import AsyncRequestCalls, RequestCalls
from offhook.client.calls.scenario_calls import AsyncScenarioCalls, ScenarioCalls
from offhook.client.calls.session_calls import AsyncSessionCalls, SessionCalls
from offhook.client.calls.speech_profile_calls import AsyncSpeechProfileCalls, SpeechProfileCalls
from offhook.client.calls.usage_calls import AsyncUsageCalls, UsageCalls
from offhook.client.calls.webhook_calls import AsyncWebhookCalls, WebhookCalls


class EveryCall(
    CallflowCalls,
    SessionCalls,
    RequestCalls,
    SpeechProfileCalls,
    WebhookCalls,
    ScenarioCalls,
    NumberCalls,
    OptOutCalls,
    RecordingsCalls,
    UsageCalls,
    CampaignCalls,
    MenuCalls,
    MediaCalls,
    ExportCalls,
    AdministrationCalls,
    OperationCalls,
):
    """Every operation of the API, as methods."""


class AsyncEveryCall(
    AsyncCallflowCalls,
    AsyncSessionCalls,
    AsyncRequestCalls,
    AsyncSpeechProfileCalls,
    AsyncWebhookCalls,
    AsyncScenarioCalls,
    AsyncNumberCalls,
    AsyncOptOutCalls,
    AsyncRecordingsCalls,
    AsyncUsageCalls,
    AsyncCampaignCalls,
    AsyncMenuCalls,
    AsyncMediaCalls,
    AsyncExportCalls,
    AsyncAdministrationCalls,
    AsyncOperationCalls,
):
    """Every operation of the API, as coroutines."""
