"""Django, in one file: OFFHOOK_WEBHOOK_SECRET=whsec_… python -m examples.webhooks.django_server 5000"""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from examples.webhooks.menu import decide

from offhook.receiver import BadPayload, BadSignature, Receiver

receiver = Receiver(os.environ["OFFHOOK_WEBHOOK_SECRET"])


def offhook(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponse(status=405)
    try:
        return JsonResponse(decide(receiver.receive(request.headers, request.body)))
    except BadSignature:
        return HttpResponse(status=401)
    except BadPayload as error:
        return HttpResponse(str(error), status=400)


# The signature proves who sends it; a form's token has no place here.
urlpatterns = [path("offhook", csrf_exempt(offhook))]

if __name__ == "__main__":
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])
    address = f"127.0.0.1:{sys.argv[1]}"
    execute_from_command_line(["django", "runserver", "--noreload", address])
