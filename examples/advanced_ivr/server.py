"""An IVR of three levels: a restaurant takes reservations by telephone.

Main menu → reservations → how many guests, and when. Where a caller stands is in `clientActionId`: Offhook
sends back the one of the callflow that has just run, so the server keeps nothing but the reservations.
"""

from __future__ import annotations

import itertools
from typing import Any

from aiohttp import web

HANGUP = {"action": "hangup"}
reservations: dict[str, dict[str, Any]] = {}
numbers = itertools.count(101)


def say(text: str) -> dict[str, Any]:
    return {"action": "say", "params": {"text": text, "language": "en-US"}}


def ask(text: str, digits: int) -> dict[str, Any]:
    return {
        "action": "sayAndCapture",
        "params": {
            "promptMessage": text,
            "failureMessage": "Sorry, I did not get that.",
            "language": "en-US",
            "minDigits": digits,
            "maxDigits": digits,
            "overallTimeout": 8000,
            "noOfTries": 2,
        },
    }


def step(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"clientActionId": name, "callflow": list(actions)}


def menu(*before: dict[str, Any]) -> dict[str, Any]:
    return step("menu", *before, ask("Press 1 for reservations, 2 for our opening hours.", 1))


def after_menu(payload: dict[str, Any], _state: str) -> dict[str, Any]:
    match payload["dtmf"]:
        case "1":
            return step("reservations", ask("Press 1 to book a table, 2 to cancel a booking.", 1))
        case "2":
            return menu(say("We are open every day from noon to eleven."))
        case _:
            return step("end", say("Goodbye."), HANGUP)


def after_reservations(payload: dict[str, Any], _state: str) -> dict[str, Any]:
    match payload["dtmf"]:
        case "1":
            return step("guests", ask("For how many guests? Press one digit.", 1))
        case "2":
            return step("cancel", ask("Please enter the three digits of your booking.", 3))
        case _:
            return menu()


def after_guests(payload: dict[str, Any], _state: str) -> dict[str, Any]:
    guests = payload["dtmf"]
    if guests in (None, "0"):
        return menu(say("We need at least one guest."))
    return step(f"time:{guests}", ask("At what time? Four digits, such as 1 9 3 0.", 4))


def after_time(payload: dict[str, Any], guests: str) -> dict[str, Any]:
    time = payload["dtmf"]
    if time is None or not ("1200" <= time <= "2200" and time[2:] < "60"):
        return step(f"time:{guests}", ask("Between noon and ten, please. At what time?", 4))
    number = str(next(numbers))
    reservations[number] = {"caller": payload["source"], "guests": int(guests), "time": time}
    text = f"A table for {guests} at {time[:2]} {time[2:]}. Your booking is {' '.join(number)}."
    return step("end", say(text), say("See you soon."), HANGUP)


def after_cancel(payload: dict[str, Any], _state: str) -> dict[str, Any]:
    if reservations.pop(payload["dtmf"], None) is None:
        return menu(say("We do not know that booking."))
    return step("end", say("Your booking is cancelled. Goodbye."), HANGUP)


STEPS = {
    "menu": after_menu,
    "reservations": after_reservations,
    "guests": after_guests,
    "time": after_time,
    "cancel": after_cancel,
}


def decide(payload: dict[str, Any]) -> dict[str, Any]:
    """From the payload of the question to the callflow that comes next."""
    if payload["callStatus"] == "CALL_RECEIVED":
        return menu(say("Welcome to the Orchard restaurant."))
    # A callflow that was posted has no clientActionId: it was the main menu.
    name, _, state = payload.get("clientActionId", "menu").partition(":")
    return STEPS[name](payload, state)


async def vca(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response(decide(body["payload"]))


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_post("/vca", vca)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=5000)
