"""Appointment reminders that try again: `POST /remind` calls; who is busy or away is called once more.

Two webhooks: VCA decides about the key that was pressed, VSS tells how each session ended.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

TEMPLATE: dict[str, Any] = json.loads((Path(__file__).parent / "callflow.json").read_text())
RETRY = ("NO_ANSWER", "BUSY", "FAILED")
ATTEMPTS = 3


class Reminder:
    """One appointment: which numbers to try, and what came of it."""

    def __init__(self, name: str, numbers: list[str], when: str) -> None:
        self.name = name
        self.numbers = numbers
        self.when = when
        self.attempts = 0
        self.outcome = "open"

    def next_call(self) -> dict[str, Any]:
        """The next attempt, on the next of the numbers. Its clientRequestId says whose it is."""
        number = self.numbers[self.attempts % len(self.numbers)]
        self.attempts += 1
        body = copy.deepcopy(TEMPLATE)
        body["clientRequestId"] = self.name
        body["callflow"][0]["params"]["destination"] = number
        params = body["callflow"][1]["params"]
        params["promptMessage"] = params["promptMessage"].replace("{{when}}", self.when)
        return body

    def decide(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to the key that was pressed."""
        match payload["dtmf"]:
            case "1":
                self.outcome, text = "confirmed", "Thank you. We look forward to seeing you."
            case "2":
                self.outcome, text = "to be moved", "We will call you to find another time."
            case _:
                self.outcome, text = "no key", "Please call us back. Goodbye."
        say = {"action": "say", "params": {"text": text, "language": "en-US"}}
        return {"callflow": [say, {"action": "hangup"}]}

    def again(self, summary: dict[str, Any]) -> bool:
        """Whether to try again after a session that ended so."""
        if summary["sessionStatus"] not in RETRY:
            return False
        if self.attempts < ATTEMPTS:
            return True
        self.outcome = "not reached"
        return False


async def submit(app: web.Application, reminder: Reminder, *, after: float = 0.0) -> None:
    await asyncio.sleep(after)
    body = reminder.next_call()
    async with app["offhook"].post("/api/v1/subaccounts/demo/callflows", json=body) as answer:
        told = await answer.json()
        print(
            f"attempt {reminder.attempts} for {reminder.name}: {told['statusMessage']}", flush=True
        )


async def remind(request: web.Request) -> web.Response:
    body = await request.json()
    reminder = Reminder(body["name"], body["numbers"], body["when"])
    request.app["reminders"][reminder.name] = reminder
    await submit(request.app, reminder)
    return web.json_response({"name": reminder.name})


async def vca(request: web.Request) -> web.Response:
    payload = (await request.json())["payload"]
    return web.json_response(request.app["reminders"][payload["clientRequestId"]].decide(payload))


async def vss(request: web.Request) -> web.Response:
    payload = (await request.json())["payload"]
    reminder = request.app["reminders"][payload["clientRequestId"]]
    print(f"{reminder.name}: {payload['sessionStatus']}", flush=True)
    if reminder.again(payload):
        # Answer the webhook at once; the pause is not its business.
        retry = submit(request.app, reminder, after=request.app["pause"])
        request.app["retries"].append(asyncio.create_task(retry))
    return web.Response()


def create_app(offhook: str, api_key: str, *, pause: float = 300.0) -> web.Application:
    """``pause``: seconds between attempts."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        headers = {"Authorization": f"Bearer {api_key}"}
        async with aiohttp.ClientSession(offhook, headers=headers) as app["offhook"]:
            yield
            for retry in app["retries"]:
                retry.cancel()

    app = web.Application()
    app["reminders"], app["retries"], app["pause"] = {}, [], pause
    app.cleanup_ctx.append(connected)
    app.router.add_post("/remind", remind)
    app.router.add_post("/vca", vca)
    app.router.add_post("/vss", vss)
    return app


if __name__ == "__main__":
    url = os.environ.get("OFFHOOK_URL", "http://127.0.0.1:8080")
    key = os.environ.get("OFFHOOK_API_KEY", "example-key")
    web.run_app(create_app(url, key), host="127.0.0.1", port=5000)
