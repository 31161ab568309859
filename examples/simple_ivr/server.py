"""A menu of one level: the caller presses a key and hears what it stands for.

Offhook asks this server what to do next (the VCA webhook) once the keys of `callflow.json` are pressed.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

ANSWERS = {
    "1": "We are open from nine to six, Monday to Friday.",
    "2": "You find us at 12 Orchard Road.",
}


def say(text: str) -> dict[str, Any]:
    return {"action": "say", "params": {"text": text, "language": "en-US"}}


def decide(payload: dict[str, Any]) -> dict[str, Any]:
    """From the payload of the question to the callflow that comes next."""
    # Nothing was pressed: dtmf is null.
    text = ANSWERS.get(payload["dtmf"], "Sorry, that is not one of our choices.")
    return {"callflow": [say(text), say("Goodbye."), {"action": "hangup"}]}


async def vca(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response(decide(body["payload"]))


def create_app() -> web.Application:
    app = web.Application()
    app.router.add_post("/vca", vca)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=5000)
