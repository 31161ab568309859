"""Number masking: a rider and a driver talk through a number of ours, and never see each other's.

While a booking lasts, both know one number of ours. Whoever calls it is connected with the other one; the
number they see is ours.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aiohttp import web


class Booking(NamedTuple):
    """Who may reach whom through one of our numbers."""

    rider: str
    driver: str


# In real life a table of a database, one row per running booking.
bookings = {"+6568332048": Booking(rider="+12025550155", driver="+12025550107")}


def decide(payload: dict[str, Any]) -> dict[str, Any] | None:
    """From the payload of the question to the callflow that comes next."""
    if payload["callStatus"] != "CALL_RECEIVED":
        return None  # they have talked, or could not: nothing more
    ours, caller = payload["destination"], payload["source"]
    match bookings.get(ours):
        case Booking(rider, driver) if caller == rider:
            other = driver
        case Booking(rider, driver) if caller == driver:
            other = rider
        case _:
            text = "This number is not in use any more."
            return {
                "callflow": [
                    {"action": "say", "params": {"text": text, "language": "en-US"}},
                    {"action": "hangup"},
                ]
            }
    # The caller hears ringing until the other one answers; the other one sees our number.
    return {"callflow": [{"action": "makeCall", "params": {"source": ours, "destination": other}}]}


async def vca(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response(decide(body["payload"]) or {})


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_post("/vca", vca)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=5000)
