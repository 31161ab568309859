"""Campaigns: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Literal

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import (
    CallingWindowBody,
    CampaignAnswer,
    CampaignList,
    CampaignView,
    RetriesBody,
    TargetBody,
    TargetList,
    TargetView,
)


class CampaignCalls(Sender):
    """Campaigns."""

    def list_campaigns(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> CampaignList:
        """List the campaigns, newest first.

        ``cursor``: ``nextCursor`` of the page before.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns",
            CampaignList,
            query={"cursor": cursor, "limit": limit},
        )

    def iter_campaigns(self, *, limit: int | None = None) -> Iterator[CampaignView]:
        """All of :meth:`list_campaigns`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_campaigns(cursor=cursor, limit=limit),
            lambda page: page.campaigns,
        )

    def create_campaign(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        name: str | None = None,
        client_request_id: str | None = None,
        pace: float | None = None,
        max_calls: int | None = None,
        calling_hours: Sequence[CallingWindowBody] | None = None,
        retries: RetriesBody | None = None,
        targets: Sequence[TargetBody | str | int] | None = None,
        start: bool | None = None,
    ) -> CampaignAnswer:
        """Create a campaign, with its list or without.

        ``callflow``: The template: its strings may hold ``{{parameter}}``; the first makeCall calls
            ``{{number}}``.
        ``name``: The name.
        ``client_request_id``: ``clientRequestId`` of each session; may hold placeholders too.
        ``pace``: Calls started a second.
        ``max_calls``: Calls at once; absent: as many as the sub-account and its trunks allow.
        ``calling_hours``: Windows in the callee's own time zone, besides those of the sub-account.
        ``targets``: The list, or its beginning; a plain number has no parameters.
        ``start``: Whether to call at once; absent: if ``targets`` are given.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/campaigns",
            CampaignAnswer,
            body={
                "callflow": callflow,
                "name": name,
                "clientRequestId": client_request_id,
                "pace": pace,
                "maxCalls": max_calls,
                "callingHours": calling_hours,
                "retries": retries,
                "targets": targets,
                "start": start,
            },
        )

    def get_campaign(self, campaign_id: str) -> CampaignAnswer:
        """Show a campaign and its progress."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}",
            CampaignAnswer,
            names={"campaignId": campaign_id},
        )

    def list_targets(
        self,
        campaign_id: str,
        *,
        target_state: str | None = None,
        outcome: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> TargetList:
        """List the numbers of a campaign with their results.

        ``target_state``: Only numbers in this state.
        ``outcome``: a final status such as ``NO_ANSWER``: only numbers whose last session ended so.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/targets",
            TargetList,
            names={"campaignId": campaign_id},
            query={
                "targetState": target_state,
                "outcome": outcome,
                "cursor": cursor,
                "limit": limit,
            },
        )

    def iter_targets(
        self,
        campaign_id: str,
        *,
        target_state: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> Iterator[TargetView]:
        """All of :meth:`list_targets`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_targets(
                campaign_id, target_state=target_state, outcome=outcome, cursor=cursor, limit=limit
            ),
            lambda page: page.targets,
        )

    def order_campaign(
        self, campaign_id: str, order: Literal["start", "pause", "resume", "cancel"]
    ) -> CampaignAnswer:
        """Start, pause, resume or cancel a campaign.

        ``order``: ``start``, ``pause``, ``resume`` or ``cancel``.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/{order}",
            CampaignAnswer,
            names={"campaignId": campaign_id, "order": order},
        )

    def get_results(self, campaign_id: str, *, target_state: str | None = None) -> str:
        """The results of a campaign as CSV.

        ``target_state``: Only numbers in this state.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/results",
            str,
            names={"campaignId": campaign_id},
            query={"targetState": target_state},
        )


class AsyncCampaignCalls(AsyncSender):
    """Campaigns."""

    async def list_campaigns(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> CampaignList:
        """List the campaigns, newest first.

        ``cursor``: ``nextCursor`` of the page before.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns",
            CampaignList,
            query={"cursor": cursor, "limit": limit},
        )

    def iter_campaigns(self, *, limit: int | None = None) -> AsyncIterator[CampaignView]:
        """All of :meth:`list_campaigns`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_campaigns(cursor=cursor, limit=limit),
            lambda page: page.campaigns,
        )

    async def create_campaign(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        name: str | None = None,
        client_request_id: str | None = None,
        pace: float | None = None,
        max_calls: int | None = None,
        calling_hours: Sequence[CallingWindowBody] | None = None,
        retries: RetriesBody | None = None,
        targets: Sequence[TargetBody | str | int] | None = None,
        start: bool | None = None,
    ) -> CampaignAnswer:
        """Create a campaign, with its list or without.

        ``callflow``: The template: its strings may hold ``{{parameter}}``; the first makeCall calls
            ``{{number}}``.
        ``name``: The name.
        ``client_request_id``: ``clientRequestId`` of each session; may hold placeholders too.
        ``pace``: Calls started a second.
        ``max_calls``: Calls at once; absent: as many as the sub-account and its trunks allow.
        ``calling_hours``: Windows in the callee's own time zone, besides those of the sub-account.
        ``targets``: The list, or its beginning; a plain number has no parameters.
        ``start``: Whether to call at once; absent: if ``targets`` are given.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/campaigns",
            CampaignAnswer,
            body={
                "callflow": callflow,
                "name": name,
                "clientRequestId": client_request_id,
                "pace": pace,
                "maxCalls": max_calls,
                "callingHours": calling_hours,
                "retries": retries,
                "targets": targets,
                "start": start,
            },
        )

    async def get_campaign(self, campaign_id: str) -> CampaignAnswer:
        """Show a campaign and its progress."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}",
            CampaignAnswer,
            names={"campaignId": campaign_id},
        )

    async def list_targets(
        self,
        campaign_id: str,
        *,
        target_state: str | None = None,
        outcome: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> TargetList:
        """List the numbers of a campaign with their results.

        ``target_state``: Only numbers in this state.
        ``outcome``: a final status such as ``NO_ANSWER``: only numbers whose last session ended so.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/targets",
            TargetList,
            names={"campaignId": campaign_id},
            query={
                "targetState": target_state,
                "outcome": outcome,
                "cursor": cursor,
                "limit": limit,
            },
        )

    def iter_targets(
        self,
        campaign_id: str,
        *,
        target_state: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[TargetView]:
        """All of :meth:`list_targets`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_targets(
                campaign_id, target_state=target_state, outcome=outcome, cursor=cursor, limit=limit
            ),
            lambda page: page.targets,
        )

    async def order_campaign(
        self, campaign_id: str, order: Literal["start", "pause", "resume", "cancel"]
    ) -> CampaignAnswer:
        """Start, pause, resume or cancel a campaign.

        ``order``: ``start``, ``pause``, ``resume`` or ``cancel``.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/{order}",
            CampaignAnswer,
            names={"campaignId": campaign_id, "order": order},
        )

    async def get_results(self, campaign_id: str, *, target_state: str | None = None) -> str:
        """The results of a campaign as CSV.

        ``target_state``: Only numbers in this state.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/campaigns/{campaignId}/results",
            str,
            names={"campaignId": campaign_id},
            query={"targetState": target_state},
        )
