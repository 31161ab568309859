"""Prints a session for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offhook.commands.times import local


def session_text(shown: Mapping[str, Any]) -> str:
    """A session from the API as text: its legs, its timeline and its webhooks, a line each.

    Texts in it come from phones and webhook servers: a line break in one is shown as ``\\n``, so that it
    cannot look like a line of Offhook.
    """
    lines = [f"{shown['sessionId']} {shown['sessionStatus']}"]
    if error := shown.get("errorDetails"):
        detail = f": {error['detail']}" if error.get("detail") else ""
        lines.append(f"  {error['errorCode']} {error['errorMsg']}{detail}")
    for leg in shown.get("legs", ()):
        lines += [_leg(leg), *_why(leg)]
    lines += [_event(event) for event in shown["events"]]
    lines += [_delivery(delivery) for delivery in shown["deliveries"]]
    return "\n".join(_one_line(line) for line in lines)


def _leg(leg: Mapping[str, Any]) -> str:
    quality = leg.get("callQuality")
    return (
        f"  {leg['callDirection'].lower()} {leg['source']} → {leg['destination']} "
        f"{leg.get('callStatus', 'now')} {leg.get('callDuration', 0)} s"
        + (f", MOS {quality['mos']}" if quality else "")
    )


def _why(leg: Mapping[str, Any]) -> Iterator[str]:
    """Who vouches for the caller; why a leg did not connect, or what was wrong with its audio: a line for
    each trunk tried."""
    if (verdict := leg.get("callerVerification")) is not None:
        more = verdict.get("attestation") or verdict.get("reason") or ""
        yield f"    caller: {verdict['result']} {more}".rstrip()
    tried = leg.get("trunksTried") or ()
    for one in tried:
        answer = f"{one.get('sipCode', '')} {one.get('sipReason', '')}".strip()
        words = ": ".join(part for part in (answer, one.get("detail")) if part)
        yield f"    trunk {one['trunk']}: {words or 'no answer'}"
    if not tried and leg.get("detail"):
        yield f"    {leg['detail']}"
    if leg.get("q850Cause") is not None:
        yield f"    Q.850 cause {leg['q850Cause']}"
    if leg.get("warning"):
        yield f"    Warning: {leg['warning']}"


def _event(event: Mapping[str, Any]) -> str:
    facts = "  ".join(
        f"{name}={value}"
        for name, value in event.items()
        if name
        not in ("number", "event", "timestamp", "callId", "question", "packetLossRate", "jitter")
    )
    return f"  {local(event['timestamp'])}  {event['event']:<17} {facts}".rstrip()


def _delivery(delivery: Mapping[str, Any]) -> str:
    attempts = delivery.get("attempts")
    tried = f", attempt {len(attempts)}" if isinstance(attempts, list) and len(attempts) > 1 else ""
    event = _event_delivered(delivery.get("payload"))
    name = " ".join(part for part in (delivery["type"], event, delivery.get("url")) if part)
    last = attempts[-1].get("detail") if isinstance(attempts, list) and attempts else ""
    return f"  webhook {name}: {delivery.get('state', '')}{tried}{f', {last}' if last else ''}"


def _event_delivered(body: object) -> str:
    """``CALL_CONNECTED`` of a VCS body; other types carry one kind of event."""
    payload = body.get("payload") if isinstance(body, Mapping) else None
    return str(payload.get("callStatus", "")) if isinstance(payload, Mapping) else ""


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
