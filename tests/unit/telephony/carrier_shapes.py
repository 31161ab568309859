"""Calls as carriers and SBCs send them: the shape of their messages, written by us after their guides.

``docs/trunks.md`` has the same names as headings, each with a ``[[trunks]]`` section.
"""

from __future__ import annotations

from typing import NamedTuple

from offhook.events import Diverted
from offhook.negotiated import Codec

OURS = "+6568332048"
CALLER = "+12025550123"
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
_MEDIA = """v=0
o={who} 8000 8000 IN IP4 198.51.100.9
s={who}
c=IN IP4 198.51.100.9
t=0 0
m=audio 16384 {profile} {formats}
a=rtpmap:0 PCMU/8000
a=rtpmap:{event} telephone-event/8000
a=fmtp:{event} 0-16
{more}
"""


def media(
    who: str, *, formats: str = "0 8 101", profile: str = "RTP/AVP", event: int = 101, more: str
) -> str:
    """A session description."""
    return _MEDIA.format(who=who, profile=profile, formats=formats, event=event, more=more)


class Shape(NamedTuple):
    """One carrier's habits."""

    name: str
    """Of its trunk in the documentation."""
    request_uri: str
    headers: str
    """Of its INVITE, besides those that every INVITE has."""
    sdp: str
    """Its offer; empty: it makes none."""
    from_: str = f"<sip:{CALLER}@carrier.example>;tag=far"
    caller: str = CALLER
    diverted: tuple[Diverted, ...] = ()
    session: str | None = None
    """``Session-Expires`` of our 200."""
    secure: bool = False
    codec: Codec = Codec.PCMU
    event: int | None = 101
    hop: tuple[str, int] = ("192.0.2.2", 5070)
    """Where requests inside its call go."""
    reliable: bool = False
    """Whether our 183 with a description needs its PRACK."""
    hold: str = "a=sendonly"
    """How it puts us on hold."""
    answers: tuple[tuple[int, str, bool], ...] = ((180, "", False), (200, "", True))
    """What our INVITE gets: status, headers, whether with SDP."""
    sent: tuple[str, ...] = ("INVITE", "ACK")
    """What we send for them."""


SHAPES = (
    Shape(
        "twilio",
        f"sip:{OURS}@203.0.113.5:5060;transport=udp",
        "Record-Route: <sip:198.51.100.1:5060;lr;ftag=far>\n"
        f"P-Asserted-Identity: <sip:{CALLER}@carrier.example:5060>\n"
        "Diversion: <sip:+15005550006@twilio.example>;reason=unconditional\n"
        "X-Twilio-AccountSid: AC00000000000000000000000000000000\n"
        "X-Twilio-CallSid: CA00000000000000000000000000000000\n"
        "Allow: INVITE,ACK,CANCEL,OPTIONS,BYE\nUser-Agent: Twilio Gateway\n",
        media("root", formats="0 8 101", more="a=ptime:20\na=maxptime:150\na=sendrecv"),
        diverted=(Diverted(number="+15005550006", reason="unconditional"),),
        hop=("198.51.100.1", 5060),
        answers=(
            (407, 'Proxy-Authenticate: Digest realm="sip.example",nonce="n1",qop="auth"', False),
            (183, "Record-Route: <sip:198.51.100.1:5060;lr>", True),
            (200, "Record-Route: <sip:198.51.100.1:5060;lr>", True),
        ),
        sent=("INVITE", "ACK", "INVITE", "ACK"),
    ),
    Shape(
        "telnyx",
        f"sip:{OURS}@203.0.113.5:5060",
        "Record-Route: <sip:198.51.100.2;r2=on;lr;ftag=far>,<sip:10.0.0.5;r2=on;lr;ftag=far>\n"
        "Supported: timer, path\nSession-Expires: 1800\nMin-SE: 120\n"
        "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY\n"
        "Privacy: none\nX-RTP: 1\n",
        media("FreeSWITCH", formats="0 101 13", more="a=rtpmap:13 CN/8000\na=ptime:20"),
        session="1800;refresher=uas",
        hop=("198.51.100.2", 5060),
        answers=(
            (407, 'Proxy-Authenticate: Digest realm="sip.example",nonce="n1",qop="auth"', False),
            (183, "", True),
            (180, "", False),
            (200, "Session-Expires: 1800;refresher=uac\nRequire: timer", True),
        ),
        sent=("INVITE", "ACK", "INVITE", "ACK"),
    ),
    Shape(
        "vonage",
        f"sip:{OURS.lstrip('+')}@203.0.113.5:5060",
        f"P-Asserted-Identity: <sip:{CALLER.lstrip('+')}@198.51.100.3>\n",
        media("Nexmo", formats="8 0 101", more="a=rtpmap:8 PCMA/8000\na=ptime:20\na=sendrecv"),
        from_=f'"{CALLER.lstrip("+")}" <sip:{CALLER.lstrip("+")}@198.51.100.3>;tag=far',
        codec=Codec.PCMA,
        answers=(
            (407, 'Proxy-Authenticate: Digest realm="sip.example",nonce="n1",qop="auth"', False),
            (180, "", False),
            (200, "", True),
        ),
        sent=("INVITE", "ACK", "INVITE", "ACK"),
    ),
    Shape(
        "8x8",
        f"sip:{OURS}@203.0.113.5:5060;user=phone",
        "Supported: timer,replaces,100rel\nSession-Expires: 900;refresher=uac\nMin-SE: 90\n"
        f"P-Asserted-Identity: <tel:{CALLER}>\nAllow: INVITE,ACK,BYE,CANCEL,PRACK,INFO,UPDATE\n",
        media("-", more="a=sendrecv"),
        session="900;refresher=uac",
        reliable=True,
    ),
    Shape(
        "teams",
        f"sip:{OURS}@sbc.example:5061;user=phone;transport=tls",
        "Record-Route: <sip:sip-du.example:5061;transport=tls;lr>\n"
        "Supported: histinfo,timer,replaces\nSession-Expires: 3600;refresher=uac\n"
        "History-Info: <sip:+15005550007@sip.example;user=phone?Reason=SIP%3Bcause%3D302>;index=1,"
        f"<sip:{OURS}@sbc.example>;index=1.1\n"
        "User-Agent: Microsoft.PSTNHub.SIPProxy\nPrivacy: id\n"
        f"P-Asserted-Identity: <tel:{CALLER}>,<sip:user@tenant.example>\n",
        media(
            "-",
            formats="9 8 0 13 101",
            profile="RTP/SAVP",
            more=f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31\na=rtcp-mux\n"
            "a=candidate:1 1 UDP 2130706431 198.51.100.9 16384 typ host\na=ice-ufrag:abcd\n"
            "a=ice-pwd:abcdefghijklmnopqrstuv\na=rtpmap:13 CN/8000\na=ptime:20",
        ),
        from_=f"<sip:{CALLER}@sip.example;user=phone>;tag=far",
        caller="anonymous",
        diverted=(Diverted(number="+15005550007", reason="SIP;cause=302"),),
        session="3600;refresher=uac",
        secure=True,
        codec=Codec.PCMA,
        hold="a=inactive",
    ),
    Shape(
        "cube",
        f"sip:{OURS}@203.0.113.5:5060",
        f'Remote-Party-ID: "Ann" <sip:{CALLER}@198.51.100.5>;party=calling;screen=yes;privacy=off\n'
        "Supported: timer,resource-priority,replaces,sdp-anat\nMin-SE: 1800\n"
        "Session-Expires: 1800\nCisco-Guid: 0123456789-0123456789-0123456789-0123456789\n"
        "Allow: INVITE, OPTIONS, BYE, CANCEL, ACK, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, INFO\n"
        "Diversion: <sip:+15005550008@198.51.100.5>;privacy=off;reason=no-answer;screen=no\n"
        "Timestamp: 1795847669\nExpires: 180\nAllow-Events: telephone-event\n",
        "",
        from_=f'"Ann" <sip:{CALLER}@198.51.100.5>;tag=far',
        diverted=(Diverted(number="+15005550008", reason="no-answer"),),
        session="1800;refresher=uas",
        event=None,
        answers=(
            (422, "Min-SE: 3600", False),
            (183, "Require: 100rel\nRSeq: 6511", True),
            (200, "Session-Expires: 3600;refresher=uac\nRequire: timer\nSupported: timer", True),
        ),
        sent=("INVITE", "ACK", "INVITE", "PRACK", "ACK"),
    ),
    Shape(
        "audiocodes",
        f"sip:{OURS}@203.0.113.5;user=phone",
        "Supported: em,100rel,timer,replaces,path,resource-priority,sdp-anat\n"
        "Diversion: <tel:+15005550009>;reason=user-busy;counter=1\n"
        "History-Info: <sip:+15005550009@sbc.example?Reason=SIP%3Bcause%3D486>;index=1,"
        f"<sip:{OURS}@sbc.example;cause=486>;index=1.1\n"
        "Session-Expires: 600;refresher=uas\n"
        "Allow: REGISTER,OPTIONS,INVITE,ACK,CANCEL,BYE,NOTIFY,PRACK,REFER,INFO,SUBSCRIBE,UPDATE\n"
        "User-Agent: Mediant VE SBC\n",
        media("AudiocodesGW", formats="0 8 96", event=96, more="a=ptime:20\na=sendrecv")
        + "m=audio 16386 RTP/SAVP 0 8 96\n"
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31\n",
        diverted=(Diverted(number="+15005550009", reason="user-busy"),),
        session="600;refresher=uas",
        event=96,
        reliable=True,
        hold="a=inactive",
        answers=(
            (180, "Require: 100rel\nRSeq: 1", False),
            (183, "Require: 100rel\nRSeq: 2", True),
            (200, "", False),
        ),
        sent=("INVITE", "PRACK", "PRACK", "ACK"),
    ),
    Shape(
        "genesys",
        f"sip:{OURS};tgrp=offhook;trunk-context=carrier.example@203.0.113.5:5061;transport=tls",
        "Record-Route: <sip:198.51.100.7:5061;transport=tls;lr>\n"
        "Record-Route: <sip:198.51.100.8:5061;transport=tls;lr;ob>\n"
        "x-inin-crn: 0a1b2c3d;loc=loc;ms=ms\nUser-to-User: 00C8;encoding=hex\n"
        f"P-Asserted-Identity: <sip:{CALLER}@198.51.100.8>\nSupported: replaces,timer\n",
        media(
            "inin",
            formats="0 101",
            profile="RTP/SAVP",
            more=f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\na=ptime:20",
        ),
        secure=True,
        hop=("198.51.100.7", 5061),
        hold="c=IN IP4 0.0.0.0",
    ),
)
