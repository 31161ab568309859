"""Administration: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import (
    AdminDone,
    AssignedNumber,
    AssignedNumbers,
    CallingWindowBody,
    CaptureAnswer,
    ClusterNodes,
    ErasureAnswer,
    KeyList,
    KeyMade,
    NumberBody,
    OptOutBody,
    RegisteredPhones,
    SessionAnswer,
    SessionList,
    SessionLogAnswer,
    SessionView,
    SipTraceAnswer,
    StatusAnswer,
    SubAccountAnswer,
    SubAccountList,
    UsageAnswer,
)


class AdministrationCalls(Sender):
    """Administration."""

    def list_sub_accounts(self) -> SubAccountList:
        """List the sub-accounts."""
        return self._send("GET", "/admin/v1/subaccounts", SubAccountList)

    def get_sub_account(self, sub_account_id: str) -> SubAccountAnswer:
        """Show a sub-account."""
        return self._send(
            "GET",
            "/admin/v1/subaccounts/{subAccountId}",
            SubAccountAnswer,
            names={"subAccountId": sub_account_id},
        )

    def put_sub_account(
        self,
        sub_account_id: str,
        *,
        account_id: str,
        numbers: Sequence[NumberBody] | None = None,
        caller_ids: Sequence[str] | None = None,
        coverage: Sequence[str] | None = None,
        max_calls: int | None = None,
        cps: float | None = None,
        withheld_caller_id: bool | None = None,
        dtmf_event_data: str | None = None,
        daily_minutes: int | None = None,
        daily_cost: str | None = None,
        calling_hours: Sequence[CallingWindowBody] | None = None,
        outside_hours: str | None = None,
        last_resort: Mapping[str, object] | None = None,
        opt_out: OptOutBody | None = None,
    ) -> SubAccountAnswer:
        """Create or replace a sub-account.

        ``account_id``: a name of 1 to 64 letters, digits, . _ - &.
        ``numbers``: The numbers.
        ``caller_ids``: Allowed caller IDs beside the numbers, E.164 with ``+``.
        ``coverage``: Countries or prefixes; absent: everywhere a route leads.
        ``max_calls``: a whole number, 1 to 2,000,000,000.
        ``cps``: a number above 0, up to 1,000,000.
        ``withheld_caller_id``: Whether calls may withhold the caller ID.
        ``dtmf_event_data``: How webhooks carry captured digits; absent: ``object``.
        ``daily_minutes``: a whole number, 1 to 2,000,000,000.
        ``daily_cost``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``calling_hours``: Empty: at any time.
        ``outside_hours``: Whether callflows outside of the calling hours wait, or end ``ERROR``
            -2010.
        ``last_resort``: ``{'callflow': […]}`` of say, playFile and hangup: heard when the VCA
            webhook did not answer.
        ``opt_out``: How called persons opt out of voice messages; absent: they cannot, and no list
            counts.
        """
        return self._send(
            "PUT",
            "/admin/v1/subaccounts/{subAccountId}",
            SubAccountAnswer,
            names={"subAccountId": sub_account_id},
            body={
                "accountId": account_id,
                "numbers": numbers,
                "callerIds": caller_ids,
                "coverage": coverage,
                "maxCalls": max_calls,
                "cps": cps,
                "withheldCallerId": withheld_caller_id,
                "dtmfEventData": dtmf_event_data,
                "dailyMinutes": daily_minutes,
                "dailyCost": daily_cost,
                "callingHours": calling_hours,
                "outsideHours": outside_hours,
                "lastResort": last_resort,
                "optOut": opt_out,
            },
        )

    def delete_sub_account(self, sub_account_id: str) -> AdminDone:
        """Delete a sub-account."""
        return self._send(
            "DELETE",
            "/admin/v1/subaccounts/{subAccountId}",
            AdminDone,
            names={"subAccountId": sub_account_id},
        )

    def list_keys(self) -> KeyList:
        """List the API keys, without their secrets."""
        return self._send("GET", "/admin/v1/keys", KeyList)

    def create_key(
        self,
        *,
        name: str,
        account_id: str,
        sub_account_ids: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: str | None = None,
    ) -> KeyMade:
        """Make an API key; shown once.

        ``name``: The name.
        ``account_id``: a name of 1 to 64 letters, digits, . _ - &.
        ``sub_account_ids``: Absent: every sub-account of the account.
        ``scopes``: Absent: everything.
        ``expires_at``: ISO 8601; absent: never.
        """
        return self._send(
            "POST",
            "/admin/v1/keys",
            KeyMade,
            body={
                "name": name,
                "accountId": account_id,
                "subAccountIds": sub_account_ids,
                "scopes": scopes,
                "expiresAt": expires_at,
            },
        )

    def revoke_key(self, key_id: str) -> AdminDone:
        """Revoke a key."""
        return self._send("DELETE", "/admin/v1/keys/{keyId}", AdminDone, names={"keyId": key_id})

    def rotate_key(self, key_id: str, *, overlap_seconds: int | None = None) -> KeyMade:
        """Replace a key by a new one that opens the same.

        ``overlap_seconds``: How long the old one still works.
        """
        return self._send(
            "POST",
            "/admin/v1/keys/{keyId}/rotate",
            KeyMade,
            names={"keyId": key_id},
            body={"overlapSeconds": overlap_seconds},
        )

    def erase_number(
        self, *, number: str, sub_account_id: str, cursor: str | None = None
    ) -> ErasureAnswer:
        """Erase what is stored of a phone number.

        ``number``: a phone number in E.164, such as '+6512341234'.
        ``sub_account_id``: 3 to 50 of letters, digits, - . _ &.
        ``cursor``: Where the answer before ended.
        """
        return self._send(
            "POST",
            "/admin/v1/erasures",
            ErasureAnswer,
            body={"number": number, "subAccountId": sub_account_id, "cursor": cursor},
        )

    def list_nodes(self) -> ClusterNodes:
        """The processes of the installation."""
        return self._send("GET", "/admin/v1/nodes", ClusterNodes)

    def drain_node(self, *, name: str, drain: bool) -> ClusterNodes:
        """Let a voice node begin no sessions, or begin them again.

        ``name``: As ``GET /admin/v1/nodes`` names it.
        ``drain``: True: begin none. False: begin them again.
        """
        return self._send(
            "POST", "/admin/v1/nodes", ClusterNodes, body={"name": name, "drain": drain}
        )

    def list_phones(self) -> RegisteredPhones:
        """The registered phones."""
        return self._send("GET", "/admin/v1/phones", RegisteredPhones)

    def list_assigned_numbers(self, sub_account_id: str) -> AssignedNumbers:
        """List the numbers of a sub-account."""
        return self._send(
            "GET",
            "/admin/v1/subaccounts/{subAccountId}/numbers",
            AssignedNumbers,
            names={"subAccountId": sub_account_id},
        )

    def assign_number(
        self,
        sub_account_id: str,
        number: str,
        *,
        reference_id: str | None = None,
        active: bool | None = None,
        record_inbound: bool | None = None,
        number_type: str | None = None,
        expires: str | None = None,
        rental_price: str | None = None,
        incoming_rate: str | None = None,
        billing_unit: int | None = None,
        billing_currency: str | None = None,
        trunk: str | None = None,
        health_check: bool | None = None,
        test_call_every: int | None = None,
        unverified_callers: str | None = None,
    ) -> AssignedNumber:
        """Assign a number to a sub-account, or change it.

        ``number``: With its country code, in any spelling.
        ``reference_id``: The operator's id of the number.
        ``active``: The same as ``enabled``.
        ``record_inbound``: Record every session that begins with a call to this number.
        ``number_type``: Absent: as the numbering plan of its country says.
        ``expires``: a day such as '2027-01-31'.
        ``rental_price``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``incoming_rate``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``billing_unit``: a whole number of seconds, 1 to 3600.
        ``billing_currency``: a currency of ISO 4217, such as 'EUR'.
        ``trunk``: a name of 1 to 64 letters, digits, . _ - &.
        ``health_check``: Whether the state of its trunk counts for its status.
        ``test_call_every``: a whole number of seconds, 60 to 604800.
        ``unverified_callers``: Calls to it with a caller that STIR/SHAKEN does not vouch for:
            accepted, refused where the signature does not hold, or refused without a signature too.
        """
        return self._send(
            "PUT",
            "/admin/v1/subaccounts/{subAccountId}/numbers/{number}",
            AssignedNumber,
            names={"subAccountId": sub_account_id, "number": number},
            body={
                "referenceId": reference_id,
                "active": active,
                "recordInbound": record_inbound,
                "numberType": number_type,
                "expires": expires,
                "rentalPrice": rental_price,
                "incomingRate": incoming_rate,
                "billingUnit": billing_unit,
                "billingCurrency": billing_currency,
                "trunk": trunk,
                "healthCheck": health_check,
                "testCallEvery": test_call_every,
                "unverifiedCallers": unverified_callers,
            },
        )

    def withdraw_number(self, sub_account_id: str, number: str) -> AssignedNumber:
        """Take a number from a sub-account.

        ``number``: With its country code, in any spelling.
        """
        return self._send(
            "DELETE",
            "/admin/v1/subaccounts/{subAccountId}/numbers/{number}",
            AssignedNumber,
            names={"subAccountId": sub_account_id, "number": number},
        )

    def get_status(self) -> StatusAnswer:
        """The installation at a glance."""
        return self._send("GET", "/admin/v1/status", StatusAnswer)

    def get_sip_trace(self, session_id: str) -> SipTraceAnswer:
        """The SIP messages of a session."""
        return self._send(
            "GET",
            "/admin/v1/sessions/{sessionId}/sip",
            SipTraceAnswer,
            names={"sessionId": session_id},
        )

    def list_all_sessions(
        self,
        *,
        sub_account_id: str | None = None,
        sip_code: int | None = None,
        status: str | None = None,
        since: str | None = None,
        until: str | None = None,
        number: str | None = None,
        client_batch_id: str | None = None,
        client_request_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SessionList:
        """List the sessions of all sub-accounts, newest first.

        ``sub_account_id``: Only sessions of this sub-account.
        ``sip_code``: SIP status of any call of the session.
        ``status``: Only sessions in this status.
        ``since``: Created at or after this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``until``: Created before this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``number``: Source or destination of any call of the session.
        ``client_batch_id``: The request's own ``clientBatchId``.
        ``client_request_id``: The request's own ``clientRequestId``.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return self._send(
            "GET",
            "/admin/v1/sessions",
            SessionList,
            query={
                "subAccountId": sub_account_id,
                "sipCode": sip_code,
                "status": status,
                "since": since,
                "until": until,
                "number": number,
                "clientBatchId": client_batch_id,
                "clientRequestId": client_request_id,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def iter_all_sessions(
        self,
        *,
        sub_account_id: str | None = None,
        sip_code: int | None = None,
        status: str | None = None,
        since: str | None = None,
        until: str | None = None,
        number: str | None = None,
        client_batch_id: str | None = None,
        client_request_id: str | None = None,
        limit: int | None = None,
    ) -> Iterator[SessionView]:
        """All of :meth:`list_all_sessions`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_all_sessions(
                sub_account_id=sub_account_id,
                sip_code=sip_code,
                status=status,
                since=since,
                until=until,
                number=number,
                client_batch_id=client_batch_id,
                client_request_id=client_request_id,
                limit=limit,
                cursor=cursor,
            ),
            lambda page: page.sessions,
        )

    def get_any_session(self, session_id: str) -> SessionAnswer:
        """Show a session of any sub-account."""
        return self._send(
            "GET", "/admin/v1/sessions/{sessionId}", SessionAnswer, names={"sessionId": session_id}
        )

    def get_session_log(self, session_id: str) -> SessionLogAnswer:
        """What was logged about a session."""
        return self._send(
            "GET",
            "/admin/v1/sessions/{sessionId}/log",
            SessionLogAnswer,
            names={"sessionId": session_id},
        )

    def order_capture(
        self,
        *,
        session_id: str | None = None,
        number: str | None = None,
        seconds: float | None = None,
        rtp: bool | None = None,
    ) -> CaptureAnswer:
        """Capture the packets of a session.

        ``session_id``: A session that runs or waits.
        ``number``: The next session with a call from or to this number.
        ``seconds``: Of audio.
        ``rtp``: False: SIP only.
        """
        return self._send(
            "POST",
            "/admin/v1/captures",
            CaptureAnswer,
            body={"sessionId": session_id, "number": number, "seconds": seconds, "rtp": rtp},
        )

    def get_session_pcap(self, session_id: str) -> bytes:
        """The packets of a session, for Wireshark."""
        return self._send(
            "GET", "/admin/v1/sessions/{sessionId}/pcap", bytes, names={"sessionId": session_id}
        )

    def get_usage_of_all(
        self, *, month: str | None = None, since: str | None = None, until: str | None = None
    ) -> UsageAnswer:
        """Usage of every sub-account.

        ``month``: A month such as ``2026-11``; absent: this month, unless ``since`` is there.
        ``since``: A day such as ``2026-11-28`` (UTC), included.
        ``until``: A day such as ``2026-11-28`` (UTC), included.
        """
        return self._send(
            "GET",
            "/admin/v1/usage",
            UsageAnswer,
            query={"month": month, "since": since, "until": until},
        )


class AsyncAdministrationCalls(AsyncSender):
    """Administration."""

    async def list_sub_accounts(self) -> SubAccountList:
        """List the sub-accounts."""
        return await self._send("GET", "/admin/v1/subaccounts", SubAccountList)

    async def get_sub_account(self, sub_account_id: str) -> SubAccountAnswer:
        """Show a sub-account."""
        return await self._send(
            "GET",
            "/admin/v1/subaccounts/{subAccountId}",
            SubAccountAnswer,
            names={"subAccountId": sub_account_id},
        )

    async def put_sub_account(
        self,
        sub_account_id: str,
        *,
        account_id: str,
        numbers: Sequence[NumberBody] | None = None,
        caller_ids: Sequence[str] | None = None,
        coverage: Sequence[str] | None = None,
        max_calls: int | None = None,
        cps: float | None = None,
        withheld_caller_id: bool | None = None,
        dtmf_event_data: str | None = None,
        daily_minutes: int | None = None,
        daily_cost: str | None = None,
        calling_hours: Sequence[CallingWindowBody] | None = None,
        outside_hours: str | None = None,
        last_resort: Mapping[str, object] | None = None,
        opt_out: OptOutBody | None = None,
    ) -> SubAccountAnswer:
        """Create or replace a sub-account.

        ``account_id``: a name of 1 to 64 letters, digits, . _ - &.
        ``numbers``: The numbers.
        ``caller_ids``: Allowed caller IDs beside the numbers, E.164 with ``+``.
        ``coverage``: Countries or prefixes; absent: everywhere a route leads.
        ``max_calls``: a whole number, 1 to 2,000,000,000.
        ``cps``: a number above 0, up to 1,000,000.
        ``withheld_caller_id``: Whether calls may withhold the caller ID.
        ``dtmf_event_data``: How webhooks carry captured digits; absent: ``object``.
        ``daily_minutes``: a whole number, 1 to 2,000,000,000.
        ``daily_cost``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``calling_hours``: Empty: at any time.
        ``outside_hours``: Whether callflows outside of the calling hours wait, or end ``ERROR``
            -2010.
        ``last_resort``: ``{'callflow': […]}`` of say, playFile and hangup: heard when the VCA
            webhook did not answer.
        ``opt_out``: How called persons opt out of voice messages; absent: they cannot, and no list
            counts.
        """
        return await self._send(
            "PUT",
            "/admin/v1/subaccounts/{subAccountId}",
            SubAccountAnswer,
            names={"subAccountId": sub_account_id},
            body={
                "accountId": account_id,
                "numbers": numbers,
                "callerIds": caller_ids,
                "coverage": coverage,
                "maxCalls": max_calls,
                "cps": cps,
                "withheldCallerId": withheld_caller_id,
                "dtmfEventData": dtmf_event_data,
                "dailyMinutes": daily_minutes,
                "dailyCost": daily_cost,
                "callingHours": calling_hours,
                "outsideHours": outside_hours,
                "lastResort": last_resort,
                "optOut": opt_out,
            },
        )

    async def delete_sub_account(self, sub_account_id: str) -> AdminDone:
        """Delete a sub-account."""
        return await self._send(
            "DELETE",
            "/admin/v1/subaccounts/{subAccountId}",
            AdminDone,
            names={"subAccountId": sub_account_id},
        )

    async def list_keys(self) -> KeyList:
        """List the API keys, without their secrets."""
        return await self._send("GET", "/admin/v1/keys", KeyList)

    async def create_key(
        self,
        *,
        name: str,
        account_id: str,
        sub_account_ids: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: str | None = None,
    ) -> KeyMade:
        """Make an API key; shown once.

        ``name``: The name.
        ``account_id``: a name of 1 to 64 letters, digits, . _ - &.
        ``sub_account_ids``: Absent: every sub-account of the account.
        ``scopes``: Absent: everything.
        ``expires_at``: ISO 8601; absent: never.
        """
        return await self._send(
            "POST",
            "/admin/v1/keys",
            KeyMade,
            body={
                "name": name,
                "accountId": account_id,
                "subAccountIds": sub_account_ids,
                "scopes": scopes,
                "expiresAt": expires_at,
            },
        )

    async def revoke_key(self, key_id: str) -> AdminDone:
        """Revoke a key."""
        return await self._send(
            "DELETE", "/admin/v1/keys/{keyId}", AdminDone, names={"keyId": key_id}
        )

    async def rotate_key(self, key_id: str, *, overlap_seconds: int | None = None) -> KeyMade:
        """Replace a key by a new one that opens the same.

        ``overlap_seconds``: How long the old one still works.
        """
        return await self._send(
            "POST",
            "/admin/v1/keys/{keyId}/rotate",
            KeyMade,
            names={"keyId": key_id},
            body={"overlapSeconds": overlap_seconds},
        )

    async def erase_number(
        self, *, number: str, sub_account_id: str, cursor: str | None = None
    ) -> ErasureAnswer:
        """Erase what is stored of a phone number.

        ``number``: a phone number in E.164, such as '+6512341234'.
        ``sub_account_id``: 3 to 50 of letters, digits, - . _ &.
        ``cursor``: Where the answer before ended.
        """
        return await self._send(
            "POST",
            "/admin/v1/erasures",
            ErasureAnswer,
            body={"number": number, "subAccountId": sub_account_id, "cursor": cursor},
        )

    async def list_nodes(self) -> ClusterNodes:
        """The processes of the installation."""
        return await self._send("GET", "/admin/v1/nodes", ClusterNodes)

    async def drain_node(self, *, name: str, drain: bool) -> ClusterNodes:
        """Let a voice node begin no sessions, or begin them again.

        ``name``: As ``GET /admin/v1/nodes`` names it.
        ``drain``: True: begin none. False: begin them again.
        """
        return await self._send(
            "POST", "/admin/v1/nodes", ClusterNodes, body={"name": name, "drain": drain}
        )

    async def list_phones(self) -> RegisteredPhones:
        """The registered phones."""
        return await self._send("GET", "/admin/v1/phones", RegisteredPhones)

    async def list_assigned_numbers(self, sub_account_id: str) -> AssignedNumbers:
        """List the numbers of a sub-account."""
        return await self._send(
            "GET",
            "/admin/v1/subaccounts/{subAccountId}/numbers",
            AssignedNumbers,
            names={"subAccountId": sub_account_id},
        )

    async def assign_number(
        self,
        sub_account_id: str,
        number: str,
        *,
        reference_id: str | None = None,
        active: bool | None = None,
        record_inbound: bool | None = None,
        number_type: str | None = None,
        expires: str | None = None,
        rental_price: str | None = None,
        incoming_rate: str | None = None,
        billing_unit: int | None = None,
        billing_currency: str | None = None,
        trunk: str | None = None,
        health_check: bool | None = None,
        test_call_every: int | None = None,
        unverified_callers: str | None = None,
    ) -> AssignedNumber:
        """Assign a number to a sub-account, or change it.

        ``number``: With its country code, in any spelling.
        ``reference_id``: The operator's id of the number.
        ``active``: The same as ``enabled``.
        ``record_inbound``: Record every session that begins with a call to this number.
        ``number_type``: Absent: as the numbering plan of its country says.
        ``expires``: a day such as '2027-01-31'.
        ``rental_price``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``incoming_rate``: an amount in quotes, up to 6 decimals, such as '0.035'.
        ``billing_unit``: a whole number of seconds, 1 to 3600.
        ``billing_currency``: a currency of ISO 4217, such as 'EUR'.
        ``trunk``: a name of 1 to 64 letters, digits, . _ - &.
        ``health_check``: Whether the state of its trunk counts for its status.
        ``test_call_every``: a whole number of seconds, 60 to 604800.
        ``unverified_callers``: Calls to it with a caller that STIR/SHAKEN does not vouch for:
            accepted, refused where the signature does not hold, or refused without a signature too.
        """
        return await self._send(
            "PUT",
            "/admin/v1/subaccounts/{subAccountId}/numbers/{number}",
            AssignedNumber,
            names={"subAccountId": sub_account_id, "number": number},
            body={
                "referenceId": reference_id,
                "active": active,
                "recordInbound": record_inbound,
                "numberType": number_type,
                "expires": expires,
                "rentalPrice": rental_price,
                "incomingRate": incoming_rate,
                "billingUnit": billing_unit,
                "billingCurrency": billing_currency,
                "trunk": trunk,
                "healthCheck": health_check,
                "testCallEvery": test_call_every,
                "unverifiedCallers": unverified_callers,
            },
        )

    async def withdraw_number(self, sub_account_id: str, number: str) -> AssignedNumber:
        """Take a number from a sub-account.

        ``number``: With its country code, in any spelling.
        """
        return await self._send(
            "DELETE",
            "/admin/v1/subaccounts/{subAccountId}/numbers/{number}",
            AssignedNumber,
            names={"subAccountId": sub_account_id, "number": number},
        )

    async def get_status(self) -> StatusAnswer:
        """The installation at a glance."""
        return await self._send("GET", "/admin/v1/status", StatusAnswer)

    async def get_sip_trace(self, session_id: str) -> SipTraceAnswer:
        """The SIP messages of a session."""
        return await self._send(
            "GET",
            "/admin/v1/sessions/{sessionId}/sip",
            SipTraceAnswer,
            names={"sessionId": session_id},
        )

    async def list_all_sessions(
        self,
        *,
        sub_account_id: str | None = None,
        sip_code: int | None = None,
        status: str | None = None,
        since: str | None = None,
        until: str | None = None,
        number: str | None = None,
        client_batch_id: str | None = None,
        client_request_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SessionList:
        """List the sessions of all sub-accounts, newest first.

        ``sub_account_id``: Only sessions of this sub-account.
        ``sip_code``: SIP status of any call of the session.
        ``status``: Only sessions in this status.
        ``since``: Created at or after this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``until``: Created before this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``number``: Source or destination of any call of the session.
        ``client_batch_id``: The request's own ``clientBatchId``.
        ``client_request_id``: The request's own ``clientRequestId``.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return await self._send(
            "GET",
            "/admin/v1/sessions",
            SessionList,
            query={
                "subAccountId": sub_account_id,
                "sipCode": sip_code,
                "status": status,
                "since": since,
                "until": until,
                "number": number,
                "clientBatchId": client_batch_id,
                "clientRequestId": client_request_id,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def iter_all_sessions(
        self,
        *,
        sub_account_id: str | None = None,
        sip_code: int | None = None,
        status: str | None = None,
        since: str | None = None,
        until: str | None = None,
        number: str | None = None,
        client_batch_id: str | None = None,
        client_request_id: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[SessionView]:
        """All of :meth:`list_all_sessions`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_all_sessions(
                sub_account_id=sub_account_id,
                sip_code=sip_code,
                status=status,
                since=since,
                until=until,
                number=number,
                client_batch_id=client_batch_id,
                client_request_id=client_request_id,
                limit=limit,
                cursor=cursor,
            ),
            lambda page: page.sessions,
        )

    async def get_any_session(self, session_id: str) -> SessionAnswer:
        """Show a session of any sub-account."""
        return await self._send(
            "GET", "/admin/v1/sessions/{sessionId}", SessionAnswer, names={"sessionId": session_id}
        )

    async def get_session_log(self, session_id: str) -> SessionLogAnswer:
        """What was logged about a session."""
        return await self._send(
            "GET",
            "/admin/v1/sessions/{sessionId}/log",
            SessionLogAnswer,
            names={"sessionId": session_id},
        )

    async def order_capture(
        self,
        *,
        session_id: str | None = None,
        number: str | None = None,
        seconds: float | None = None,
        rtp: bool | None = None,
    ) -> CaptureAnswer:
        """Capture the packets of a session.

        ``session_id``: A session that runs or waits.
        ``number``: The next session with a call from or to this number.
        ``seconds``: Of audio.
        ``rtp``: False: SIP only.
        """
        return await self._send(
            "POST",
            "/admin/v1/captures",
            CaptureAnswer,
            body={"sessionId": session_id, "number": number, "seconds": seconds, "rtp": rtp},
        )

    async def get_session_pcap(self, session_id: str) -> bytes:
        """The packets of a session, for Wireshark."""
        return await self._send(
            "GET", "/admin/v1/sessions/{sessionId}/pcap", bytes, names={"sessionId": session_id}
        )

    async def get_usage_of_all(
        self, *, month: str | None = None, since: str | None = None, until: str | None = None
    ) -> UsageAnswer:
        """Usage of every sub-account.

        ``month``: A month such as ``2026-11``; absent: this month, unless ``since`` is there.
        ``since``: A day such as ``2026-11-28`` (UTC), included.
        ``until``: A day such as ``2026-11-28`` (UTC), included.
        """
        return await self._send(
            "GET",
            "/admin/v1/usage",
            UsageAnswer,
            query={"month": month, "since": since, "until": until},
        )
