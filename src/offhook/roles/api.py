"""The api role: answers HTTP and delivers webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from offhook import config_file
from offhook.events import SessionEnded
from offhook.fabric import Fabric
from offhook.http.app import create_app
from offhook.http.deps import Cancellation, Deps, Phase
from offhook.http.server import serve
from offhook.net.client import HttpClient
from offhook.roles.context import (
    RoleContext,
    WebhookReports,
    keep_directory_fresh,
    open_fabric,
    open_record,
)
from offhook.session import states
from offhook.session.session import Session
from offhook.session.tenancy import KeyGrant, SubAccount, Webhook, WebhookType
from offhook.speech.profiles import ProfileTable
from offhook.store.directory import Directory, new_api_key
from offhook.store.interface import Store, StoreUnavailable
from offhook.webhooks.delivery import DeliveryWorker

log = logging.getLogger(__name__)

PURGE_EVERY = timedelta(hours=1)
