"""FastAPI: OFFHOOK_WEBHOOK_SECRET=whsec_… python -m examples.webhooks.fastapi_server 5000"""

from __future__ import annotations

import os
import sys

import uvicorn
from examples.webhooks.menu import decide
from fastapi import FastAPI, HTTPException, Request

from offhook.receiver import BadPayload, BadSignature, Receiver

app = FastAPI()
receiver = Receiver(os.environ["OFFHOOK_WEBHOOK_SECRET"])


@app.post("/offhook")
async def offhook(request: Request) -> dict[str, object]:
    try:
        delivery = receiver.receive(request.headers, await request.body())
    except BadSignature:
        raise HTTPException(401) from None
    except BadPayload as error:
        raise HTTPException(400, str(error)) from None
    return decide(delivery)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
