"""One-time passwords by telephone: `POST /otp` calls a number and speaks a code, `POST /verify` checks it.

curl -d '{"to": "+12025550100"}' http://127.0.0.1:5000/otp
curl -d '{"to": "+12025550100", "code": "…"}' http://127.0.0.1:5000/verify
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

TEMPLATE = (Path(__file__).parent / "callflow.json").read_text()
LIFE = 300.0  # seconds a code is good for
TRIES = 3  # guesses a code survives


class Codes:
    """The codes that have been spoken and not used."""

    def __init__(self) -> None:
        self._codes: dict[str, tuple[str, float, int]] = {}

    def new(self, number: str) -> str:
        code = f"{secrets.randbelow(10**6):06d}"
        self._codes[number] = (code, time.monotonic() + LIFE, TRIES)
        return code

    def verify(self, number: str, guess: str) -> bool:
        """Whether ``guess`` is the number's code, good once."""
        code, until, tries = self._codes.pop(number, ("", 0.0, 0))
        if time.monotonic() > until or tries <= 0:
            return False
        if hmac.compare_digest(code, guess):
            return True
        self._codes[number] = (code, until, tries - 1)
        return False


def callflow(number: str, code: str) -> dict[str, Any]:
    """The call that speaks ``code``, digit by digit and twice."""
    spelled = ", ".join(code)
    body: dict[str, Any] = json.loads(TEMPLATE.replace("{{code}}", spelled))
    body["callflow"][0]["params"]["destination"] = number
    return body


async def otp(request: web.Request) -> web.Response:
    number = (await request.json())["to"]
    body = callflow(number, request.app["codes"].new(number))
    async with request.app["offhook"].post(
        "/api/v1/subaccounts/demo/callflows", json=body
    ) as answer:
        return web.json_response(await answer.json(), status=answer.status)


async def verify(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response({"valid": request.app["codes"].verify(body["to"], body["code"])})


def create_app(offhook: str, api_key: str, codes: Codes | None = None) -> web.Application:
    async def connected(app: web.Application) -> AsyncIterator[None]:
        headers = {"Authorization": f"Bearer {api_key}"}
        async with aiohttp.ClientSession(offhook, headers=headers) as app["offhook"]:
            yield

    app = web.Application()
    app["codes"] = codes or Codes()
    app.cleanup_ctx.append(connected)
    app.router.add_post("/otp", otp)
    app.router.add_post("/verify", verify)
    return app


if __name__ == "__main__":
    url = os.environ.get("OFFHOOK_URL", "http://127.0.0.1:8080")
    key = os.environ.get("OFFHOOK_API_KEY", "example-key")
    web.run_app(create_app(url, key), host="127.0.0.1", port=5000)
