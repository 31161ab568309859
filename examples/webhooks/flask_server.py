"""Flask: OFFHOOK_WEBHOOK_SECRET=whsec_… python -m examples.webhooks.flask_server 5000"""

from __future__ import annotations

import os
import sys

from examples.webhooks.menu import decide
from flask import Flask, abort, request

from offhook.receiver import BadPayload, BadSignature, Receiver

app = Flask(__name__)
receiver = Receiver(os.environ["OFFHOOK_WEBHOOK_SECRET"])


@app.post("/offhook")
def offhook() -> dict[str, object]:
    try:
        return decide(receiver.receive(request.headers, request.get_data()))
    except BadSignature:
        abort(401)
    except BadPayload as error:
        abort(400, str(error))


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
