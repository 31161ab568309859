"""Looks after the campaigns of one process: leases them, and owns the tasks that call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from offhook.aio import end_all, wait_or
from offhook.campaigns.campaign_dialer import CampaignDialer, CampaignTools
from offhook.clock import new_id
from offhook.faults import FaultLog
from offhook.session.campaign import Campaign
from offhook.session.ports.record import StoreUnavailable

log = logging.getLogger(__name__)
faults = FaultLog(log)

LEASE = 10.0
"""Seconds for which a campaign is leased: a dead process's campaigns go on after this time."""
RENEW_EVERY = 1.0
"""Seconds between two renewals, and between two looks for campaigns that nobody has."""
AFTER_FAILURE = 1.0
"""Seconds until a campaign is looked at again after an error."""
RELEASE_TIMEOUT = 2.0
"""Seconds to give the campaigns back at the end."""


class CampaignWorker:
    """Calls the campaigns that no other process has, until :meth:`run` is cancelled."""

    def __init__(self, tools: CampaignTools) -> None:
        self._tools = tools
        self._store, self._clock = tools.store, tools.clock
        self._owner = new_id()
        self._wake = asyncio.Event()
        self._calling: dict[str, tuple[CampaignDialer, asyncio.Task[None]]] = {}

    def wake(self) -> None:
        """A campaign was started, paused or canceled, or got numbers: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Lease and call until cancelled; then others may take the campaigns at once."""
        try:
            while True:
                woken = self._wake.is_set()
                self._wake.clear()
                await self._renew()
                for dialer, _ in self._calling.values() if woken else ():
                    dialer.woken.set()
                await wait_or(self._wake.wait(), RENEW_EVERY)
        finally:
            await end_all(*(task for _, task in self._calling.values()))
            await self._release()

    async def _renew(self) -> None:
        try:
            leased = await self._store.lease_campaigns(self._owner, self._clock.now(), lease=LEASE)
        except StoreUnavailable as error:
            log.warning("campaigns wait: %s", error)
            return
        except Exception:
            faults.report("leasing campaigns")
            return
        await self._call_these(leased)

    async def _call_these(self, leased: Sequence[Campaign]) -> None:
        for campaign in leased:
            known = self._calling.get(campaign.campaign_id)
            if known is not None:
                known[0].campaign = campaign
                continue
            dialer = CampaignDialer(campaign, self._tools, owner=self._owner)
            name = f"campaign {campaign.campaign_id}"
            task = asyncio.get_running_loop().create_task(self._keep_calling(dialer), name=name)
            self._calling[campaign.campaign_id] = (dialer, task)
        for gone in self._calling.keys() - {campaign.campaign_id for campaign in leased}:
            _, task = self._calling.pop(gone)
            await end_all(task)

    async def _keep_calling(self, dialer: CampaignDialer) -> None:
        """Step after step; an error in one campaign does not touch another."""
        while True:
            try:
                pause = await dialer.step()
            except StoreUnavailable as error:
                log.warning("campaign %s waits: %s", dialer.campaign.campaign_id, error)
                pause = AFTER_FAILURE
            except Exception:
                faults.report(f"calling campaign {dialer.campaign.campaign_id}")
                pause = AFTER_FAILURE
            await wait_or(dialer.woken.wait(), pause)
            dialer.woken.clear()

    async def _release(self) -> None:
        try:
            await wait_or(self._store.release_campaigns(self._owner), RELEASE_TIMEOUT)
        except StoreUnavailable as error:
            log.warning("the leases of campaigns run out by themselves: %s", error)
