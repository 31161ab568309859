"""Who a call was meant for before: Diversion (RFC 5806) and History-Info (RFC 7044), as they come."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import Wire, request

from offhook.events import Diverted
from offhook.sip import IncomingInvite

DIVERSION = "Diversion: <sip:+6561111111@x>;reason=no-answer;counter=1;privacy=off\r\n"
HISTORY = (
    "History-Info: <sip:+6561111111@x?Reason=SIP%3Bcause%3D302>;index=1,\r\n"
    " <sip:+6562222222@x?Reason=SIP%3Bcause%3D486&Privacy=none>;index=1.1\r\n"
    "History-Info: <sip:+6563333333@x;cause=486>;index=1.2\r\n"
)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ("", []),
        (DIVERSION, [("+6561111111", "no-answer")]),
        ("Diversion: <tel:+6561111111>\r\n", [("+6561111111", None)]),
        ("Diversion: <tel:+6561111111>;privacy=full\r\n", [("anonymous", None)]),
        (
            f'Diversion: "B" <sip:+6562222222@y>;reason="user-busy"\r\n{DIVERSION}',
            [("+6562222222", "user-busy"), ("+6561111111", "no-answer")],
        ),
        (HISTORY, [("+6562222222", "SIP;cause=486"), ("+6561111111", "SIP;cause=302")]),
        (HISTORY + DIVERSION, [("+6561111111", "no-answer")]),
        ("History-Info: <sip:+6561111111@x>;index=1\r\n", []),
        ("Diversion: <sip:\r\n", []),
        ('Diversion: "never closed <sip:a@b>\r\n', []),
        ("Diversion: <sip:x>\r\n", []),
        ("Diversion: <sip:a%0d%0ab@x>;reason=%0d\r\n", [("ab", "%0d")]),
        ("Diversion: " + ", ".join(f"<sip:{n}@x>" for n in range(12)) + "\r\n", 10),
    ],
)
def test_the_forwardings_before_a_call(
    headers: str, told: list[tuple[str, str | None]] | int
) -> None:
    wire = Wire()
    wire.receive(request(headers=headers))
    (event,) = wire.took()
    assert isinstance(event, IncomingInvite)
    if isinstance(told, int):
        assert len(event.diverted) == told
    else:
        expected = tuple(Diverted(number=number, reason=reason) for number, reason in told)
        assert event.diverted == expected
