"""The contract of the store: the SIP messages of sessions that failed."""

from __future__ import annotations

from datetime import timedelta

from tests.support.stores import NOW, accepted, ended, start_all, waiting

from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store
from offhook.session.ports.telephony import SipMessage

MESSAGES = [
    SipMessage(
        at=NOW, sent=True, near="udp:127.0.0.1:5060", far="udp:192.0.2.1:5060", text="INVITE"
    ),
    SipMessage(
        at=NOW + timedelta(milliseconds=3),
        sent=False,
        near="udp:127.0.0.1:5060",
        far="udp:192.0.2.1:5060",
        text='SIP/2.0 503 "\u2603"\r\nX: \0\r\n\r\n',
    ),
]


async def test_they_are_read_as_they_were_put_and_the_last_ones_stay(store: Store) -> None:
    assert list(await store.sip_trace("s")) == []
    await store.put_sip_trace("s", MESSAGES[:1])
    await store.put_sip_trace("s", MESSAGES)
    assert list(await store.sip_trace("s")) == MESSAGES
    assert list(await store.sip_trace("t")) == []


async def test_they_go_with_their_session(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await accepted(store, waiting())
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    await store.save(node, ended(decision.session))
    await store.put_sip_trace(session.session_id, MESSAGES)
    await store.purge(NOW + timedelta(days=91))
    assert list(await store.sip_trace(session.session_id)) == []
