"""Litestar: OFFHOOK_WEBHOOK_SECRET=whsec_… python -m examples.webhooks.litestar_server 5000"""

from __future__ import annotations

import os
import sys
from typing import Any

import uvicorn
from examples.webhooks.menu import decide
from litestar import Litestar, Request, post
from litestar.exceptions import NotAuthorizedException, ValidationException

from offhook.receiver import BadPayload, BadSignature, Receiver

receiver = Receiver(os.environ["OFFHOOK_WEBHOOK_SECRET"])


@post("/offhook", status_code=200)
async def offhook(request: Request[Any, Any, Any]) -> dict[str, object]:
    try:
        return decide(receiver.receive(request.headers, await request.body()))
    except BadSignature:
        raise NotAuthorizedException from None
    except BadPayload as error:
        raise ValidationException(str(error)) from None


app = Litestar([offhook])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
