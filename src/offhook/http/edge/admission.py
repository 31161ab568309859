"""The layer that admits or refuses a request before its body is read.

Below a sub-account: 401, 404, 429, in this order (``spec/status-codes.md``, "Order of judgement"),
in the same time for existing and unknown sub-accounts. The operator's API needs one of the operator's
keys. The pages at the root need no key.
"""

from __future__ import annotations

from offhook.flow.call_members import NOTHING_READ
from offhook.http import callflow_answers, refusals
from offhook.http.asgi import AsgiApp, HttpAnswer, Receive, Scope, Send, send_answer
from offhook.http.deps import Deps
from offhook.http.edge.access import SUB_ACCOUNT_ID, Caller, bearer_key
from offhook.http.edge.addresses import Addresses
from offhook.http.edge.key_use import KeyUse
from offhook.http.edge.paths import SIGN_IN, Area, CallflowEndpoint
from offhook.http.edge.places_taken import PlacesTaken, ShareTaken
from offhook.http.edge.rate_limits import RateLimiter
from offhook.http.edge.request_context import RequestContext, context_of
from offhook.http.refusals import Refused, refusal_answer, retry_after
from offhook.session.new_keys import NewKeys

SIGN_INS_PER_SECOND = 5.0
"""To the console, of one address: keys are tried there."""

CHALLENGE = (b"www-authenticate", b"Bearer")


class Admission:
    """Admits a request or refuses it."""

    def __init__(self, app: AsgiApp, deps: Deps, key_use: KeyUse) -> None:
        self._app = app
        self._deps = deps
        self._key_use = key_use
        self._by_sub_account = RateLimiter(deps.limits.sub_account_rate)
        self._by_address = RateLimiter(deps.limits.address_rate)
        self._sign_ins = RateLimiter(SIGN_INS_PER_SECOND)
        self._served = PlacesTaken(deps.limits.sub_account_requests)
        self._new_keys = NewKeys(deps.directory)
        self._addresses = Addresses(deps.config.http.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        context = context_of(scope)
        try:
            if context.place.area is Area.SUB_ACCOUNT:
                context.caller = await self._caller(scope, context)
            elif context.place.area is Area.LINK:
                self._check_address(scope)
            elif context.place.area is Area.ADMIN:
                self._check_operator(scope, context)
            elif context.place.area is Area.CONSOLE:
                self._check_address(scope)
                if scope["method"] == "POST" and context.place.route == SIGN_IN:
                    self._check_address(scope, self._sign_ins)
            elif context.place.area is Area.UNKNOWN:
                raise Refused(refusals.NOT_FOUND)
        except Refused as refused:
            await send_answer(send, self._answer(context, refused))
        else:
            with context.held:
                await self._app(scope, receive, send)

    async def _caller(self, scope: Scope, context: RequestContext) -> Caller:
        """The key and the sub-account of a request. Raises :class:`Refused`."""
        now = self._deps.clock.monotonic()
        context.address = self._addresses.of(scope)
        wait = self._by_address.take(context.address, now)
        key = bearer_key(context.authorization)
        grant = self._deps.directory.authenticate(key) if key is not None else None
        if grant is None and key is not None:
            grant = await self._new_keys.look_up(key)
        if grant is None:
            raise Refused(refusals.UNAUTHORIZED, headers=(CHALLENGE,))
        wanted = context.place.sub_account_id
        sub_account = (
            self._deps.directory.sub_account(wanted) if SUB_ACCOUNT_ID.fullmatch(wanted) else None
        )
        if sub_account is None or not grant.opens(sub_account):
            refusal = refusals.SUB_ACCOUNT_NOT_FOUND
            raise Refused(refusal, refusal.message + wanted)
        wait = max(wait, self._by_sub_account.take(wanted, now))
        if wait > 0:
            raise Refused(refusals.TOO_MANY, headers=(retry_after(wait),))
        try:
            self._served.take(wanted)
        except ShareTaken:
            raise Refused(refusals.TOO_MANY, headers=(refusals.RETRY,)) from None
        context.held.callback(self._served.give_back, wanted)
        self._key_use.used(grant.key_id)
        return Caller(grant, sub_account)

    def _check_address(self, scope: Scope, limiter: RateLimiter | None = None) -> None:
        """429 where an address asks too often."""
        limiter = self._by_address if limiter is None else limiter
        wait = limiter.take(self._addresses.of(scope), self._deps.clock.monotonic())
        if wait > 0:
            raise Refused(refusals.TOO_MANY, headers=(retry_after(wait),))

    def _check_operator(self, scope: Scope, context: RequestContext) -> None:
        """404 unless the operator has configured keys for it, then 401, then 429."""
        wait = self._by_address.take(self._addresses.of(scope), self._deps.clock.monotonic())
        key = bearer_key(context.authorization)
        if key is None or not self._deps.directory.is_admin(key):
            if not self._deps.directory.has_admin_keys():
                raise Refused(refusals.NOT_FOUND)
            raise Refused(refusals.UNAUTHORIZED, headers=(CHALLENGE,))
        if wait > 0:
            raise Refused(refusals.TOO_MANY, headers=(retry_after(wait),))

    def _answer(self, context: RequestContext, refused: Refused) -> HttpAnswer:
        if context.place.endpoint is not None:
            answer = callflow_answers.refused(context.request_id, refused)
            is_call = context.place.endpoint is CallflowEndpoint.SUBMIT_CALL
            return callflow_answers.of_call(answer, NOTHING_READ) if is_call else answer
        return refusal_answer(
            refused.refusal, self._deps.clock.now(), refused.message, headers=refused.headers
        )
