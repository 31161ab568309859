"""The gateway: the phones of all browsers of this machine, their orders and their calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, final

import msgspec

from offhook import sip
from offhook.session.ports.browser_phones import (
    ORDERS,
    PhoneNews,
    PhoneOrder,
    PhoneState,
    PhoneWish,
    news_topic,
)
from offhook.session.ports.fabric import Fabric
from offhook.sip.descriptions import Security
from offhook.telephony.screening import user_of
from offhook.telephony.sip_users import SipUser
from offhook.webphone.web_call import Surroundings
from offhook.webphone.web_phone import WebPhone

log = logging.getLogger(__name__)

KEPT_FOR: Final = 8.0
"""Seconds after which a phone ends that no browser keeps."""
MOST_PHONES: Final = 100
_LOOK_EVERY: Final = 1.0


@final
class Gateway:
    """Owns the phones."""

    def __init__(
        self,
        around: Surroundings,
        fabric: Fabric,
        monotonic: Callable[[], float],
        *,
        name: str,
        users: Callable[[], Mapping[str, SipUser]],
    ) -> None:
        """``name`` tells this gateway from those of other machines; ``users`` are those of this moment."""
        self._around = around
        self._fabric = fabric
        self._monotonic = monotonic
        self._name = name
        self._users = users
        self._phones: dict[str, WebPhone] = {}
        self._kept_until: dict[str, float] = {}
        """Until when the browser of each phone has asked for it, in monotonic seconds."""
        self._unsubscribe = fabric.subscribe(ORDERS, self._on_order)
        around.endpoint.on_incoming(self._on_invite)

    async def run(self) -> None:
        """End the phones that nobody keeps, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = self._monotonic()
            for phone in [one for one in self._phones.values() if self._kept_until[one.name] < now]:
                await self._end(phone)

    async def close(self) -> None:
        """End all phones."""
        self._unsubscribe()
        for phone in list(self._phones.values()):
            await self._end(phone)

    async def _end(self, phone: WebPhone) -> None:
        self._phones.pop(phone.name, None)
        self._kept_until.pop(phone.name, None)
        await phone.close()

    def _on_order(self, _topic: str, message: bytes) -> None:
        try:
            order = msgspec.json.decode(message, type=PhoneOrder)
        except msgspec.DecodeError:
            return
        phone = self._phones.get(order.phone)
        if phone is not None:
            if phone.is_of(order):
                self._obey(phone, order)
        elif order.wish is PhoneWish.KEEP and order.gateway in (None, self._name):
            self._welcome(order)

    def _obey(self, phone: WebPhone, order: PhoneOrder) -> None:
        if order.wish is PhoneWish.LEAVE:
            self._kept_until[phone.name] = float("-inf")  # the next look ends it
            return
        if order.wish is PhoneWish.KEEP:
            self._kept_until[phone.name] = self._monotonic() + KEPT_FOR
        phone.obey(order)

    def _welcome(self, order: PhoneOrder) -> None:
        """Answer a browser that has no phone yet: here is room, or here it is, or why not."""
        user = self._users().get(order.user)
        problem = self._problem(user)
        if user is None or problem:
            self._tell(order.phone, PhoneNews(state=PhoneState.REFUSED, text=problem))
        elif order.gateway is None:
            self._tell(order.phone, PhoneNews(state=PhoneState.FREE, gateway=self._name))
        else:
            phone = WebPhone(self._around, user, order, lambda news: self._tell(order.phone, news))
            self._kept_until[order.phone] = self._monotonic() + KEPT_FOR
            self._phones[order.phone] = phone
            phone.register()
            phone.repeat()

    def _problem(self, user: SipUser | None) -> str:
        """Why there is no phone for a user; empty: there may be one."""
        if user is None:
            return "There is no such user in [[sip_users]]"
        if user.trunk.security is Security.REQUIRED:
            return 'Phones of this user must use SRTP: srtp = "required" excludes browsers'
        of_user = sum(one.user.username == user.username for one in self._phones.values())
        if of_user >= user.max_phones:
            return f"As many browsers as may be are phones of this user: {user.max_phones}"
        if len(self._phones) >= MOST_PHONES:
            return "The server has as many browser phones as it can have"
        return ""

    def _tell(self, phone: str, news: PhoneNews) -> None:
        named = msgspec.structs.replace(news, gateway=self._name)
        self._fabric.publish(news_topic(phone), msgspec.json.encode(named))

    def _on_invite(self, invite: sip.IncomingInvite) -> None:
        """Ring the phone whose address it is. The address is a secret of the registrar's: it is proof."""
        called = user_of(invite.request_uri)
        found = [one for one in self._phones.values() if one.contact == called]
        if not found or not found[0].ring(invite):
            with self._around.endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 486 if found else 404)
