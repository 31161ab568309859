"""Uses the generated client ``offhook_client`` against a running server: ``use.py URL KEY``.

Run by ``test_http_generated_clients.py``; each assertion is about a type that the generator made.
"""

# mypy: ignore-errors
import sys

from offhook_client import AuthenticatedClient
from offhook_client.api.callflows import send_callflow, validate_callflow
from offhook_client.api.sessions import end_session, get_session, list_sessions
from offhook_client.api.webhooks import put_webhook
from offhook_client.models import (
    CallflowAccepted,
    CallflowRefused,
    CallflowRequest,
    HangupAction,
    MakeCallAction,
    MakeCallParams,
    SayAction,
    SayAndCaptureAction,
    SayAndCaptureParams,
    SayParams,
    WebhookRequest,
)

URL, KEY = sys.argv[1:]
ACME = "acme_corp"

client = AuthenticatedClient(base_url=URL, token=KEY)
call = MakeCallAction(
    action="makeCall", params=MakeCallParams(source="+6512341234", destination="+12025550101")
)
say = SayAction(action="say", params=SayParams(text="Hello", voice_profile="en-US-JennyNeural"))
ask = SayAndCaptureAction(
    action="sayAndCapture",
    params=SayAndCaptureParams(prompt_message="Press 1", language="en", max_digits=1),
)
body = CallflowRequest(
    callflow=[call, say, ask, HangupAction(action="hangup")], client_request_id="mine"
)

valid = validate_callflow.sync(ACME, client=client, body=body)
assert isinstance(valid, CallflowAccepted), valid
accepted = send_callflow.sync(ACME, client=client, body=body, idempotency_key="once")
assert isinstance(accepted, CallflowAccepted), accepted
assert accepted.session_status == "CREATED"

refused = send_callflow.sync(ACME, client=client, body=CallflowRequest(callflow=[say]))
assert isinstance(refused, CallflowRefused), refused
assert [problem.status_code for problem in refused.errors] == [-1013], refused

session = get_session.sync(ACME, accepted.session_id, client=client)
assert session.client_request_id == "mine"
assert [event["event"] for event in session.events] == ["SESSION_QUEUED"]
listed = list_sessions.sync(ACME, client=client, client_request_id="mine", limit=10)
assert [each.session_id for each in listed.sessions] == [accepted.session_id]
hook = WebhookRequest.from_dict({"type": "VSS", "url": "https://acme.example/vss"})
webhooks = put_webhook.sync(ACME, client=client, body=hook)
assert {webhook.type_.value for webhook in webhooks.webhooks} == {"VCA", "VSS"}
ended = end_session.sync(ACME, accepted.session_id, client=client)
assert ended.session_status == "CANCELED"
print("all calls answered as their types say")
