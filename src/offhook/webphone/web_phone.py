"""One browser's phone: registered as a phone of its user, with at most one call."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Final, final

from offhook import sip
from offhook.media.engine import PortsExhausted
from offhook.session.ports.browser_phones import PhoneNews, PhoneOrder, PhoneState, PhoneWish
from offhook.sip import Credentials, RegistrationChanged
from offhook.sip.descriptions import SdpError
from offhook.sip.encoding import host_port
from offhook.sip.grammar import escape_user
from offhook.telephony.screening import user_of
from offhook.telephony.sip_users import SipUser
from offhook.webphone.web_call import (
    CallFromBrowser,
    CallToBrowser,
    CallWatcher,
    Surroundings,
    WebCall,
)

log = logging.getLogger(__name__)

REGISTER_FOR: Final = 120
"""Seconds; a phone that was lost with its process is rung for no longer."""


@final
class WebPhone(CallWatcher):
    """A phone in a browser."""

    def __init__(
        self,
        around: Surroundings,
        user: SipUser,
        order: PhoneOrder,
        tell: Callable[[PhoneNews], None],
    ) -> None:
        """``order`` is the first; ``tell`` sends news to the browser."""
        self.user = user
        self.name = order.phone
        self.contact = secrets.token_hex(16)
        """The user part of its address, which only the registrar knows."""
        self._owner = order.owner
        self._around = around
        self._tell = tell
        self._state = PhoneState.REGISTERING
        self._text = ""
        self._call: WebCall | None = None
        self._registered = False
        self._registration = ""

    def register(self) -> None:
        """Become a phone of the user; goes on until :meth:`close`."""
        node, user = self._around.node, self.user
        domain = host_port(node.host, None)
        with self._around.endpoint.command() as (agent, now):
            self._registration = agent.register(
                now,
                registrars=[node],
                registrar_uri=f"sip:{domain}",
                aor=f"sip:{escape_user(user.username)}@{domain}",
                contact_user=self.contact,
                credentials=Credentials(user.username, user.password),
                expires=REGISTER_FOR,
            )
            self._around.endpoint.listen(self._registration, self._registration_changed)

    async def close(self) -> None:
        """Hang up and unregister."""
        if self._call is not None:
            await self._call.close()
        with self._around.endpoint.command() as (agent, now):
            agent.unregister(self._registration, now)

    def is_of(self, order: PhoneOrder) -> bool:
        """Whether an order comes from the browser that has this phone."""
        return order.owner == self._owner and order.user == self.user.username

    def obey(self, order: PhoneOrder) -> None:
        """Do what the browser wants; what does not fit the moment is not done."""
        call = self._call
        try:
            match order.wish:
                case PhoneWish.CALL if call is None and order.number and self._registered:
                    placed = CallFromBrowser(self._around, self.user, self, order.number)
                    self._call = placed
                    placed.speak(order.sdp or "")
                case PhoneWish.ANSWER if call is not None and not call.has_offer:
                    call.speak(order.sdp or "")
                case PhoneWish.HANG_UP if call is not None:
                    call.end()
                case _:
                    self.repeat()
        except SdpError as error:
            log.info("user %s: an offer of a browser is refused: %s", self.user.username, error)
            if self._call is not None:
                self._call.end(f"The browser's offer cannot be used: {error}")
        except PortsExhausted:
            self.over("The server has no free port for another call")

    def ring(self, invite: sip.IncomingInvite) -> bool:
        """Take a call; False: the phone is busy."""
        if self._call is not None or not invite.sdp:
            return False
        try:
            caller = user_of(invite.from_)
            self._call = CallToBrowser(self._around, self.user, self, invite, caller)
        except PortsExhausted:
            return False
        self.goes(PhoneState.RINGING)
        return True

    # --- news

    def repeat(self) -> None:
        """Say again what is: news may be lost."""
        peer = "" if self._call is None else self._call.peer
        self._tell(PhoneNews(state=self._state, peer=peer, text=self._text))

    def goes(self, state: PhoneState, *, sdp: str = "") -> None:
        self._state, self._text = state, ""
        peer = "" if self._call is None else self._call.peer
        self._tell(PhoneNews(state=state, peer=peer, sdp=sdp))

    def pressed(self, digit: str) -> None:
        peer = "" if self._call is None else self._call.peer
        self._tell(PhoneNews(state=self._state, peer=peer, digit=digit))

    def over(self, text: str) -> None:
        self._call = None
        self._state = PhoneState.READY if self._registered else PhoneState.REGISTERING
        self._text = text
        self.repeat()

    def _registration_changed(self, event: sip.AnyEvent) -> None:
        if not isinstance(event, RegistrationChanged) or event.ended:
            return
        self._registered = event.granted is not None
        if self._call is None:
            self._state = PhoneState.READY if self._registered else PhoneState.REFUSED
            if not self._registered:
                self._text = f"The voice node does not register this phone: {event.problem}"
            self.repeat()
