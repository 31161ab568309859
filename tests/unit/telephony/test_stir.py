"""STIR/SHAKEN: our tokens read by another library of tokens, and theirs judged (RFC 8224, 8225, 8588)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.stir_certificates import Authority, certificate

from offhook.clock import Clock
from offhook.events import Attestation, CallerVerification, Verstat
from offhook.net.http_client import HttpClient, HttpResponse
from offhook.net.outgoing_errors import OutgoingError
from offhook.telephony.stir.caller_verifier import CallerVerifier
from offhook.telephony.stir.certificate_chains import CertificateChains
from offhook.telephony.stir.passports import sign

URL = "https://certificates.example/shaken.pem"
CALLER, CALLED = "+12025550123", "+6568332048"
ROOT = certificate("root", may_sign=True)
MIDDLE = certificate("middle", ROOT, may_sign=True)
LEAF = certificate("provider", MIDDLE)
CHAIN = LEAF.pem + MIDDLE.pem


class Served:
    """A clock that stands, and a server of certificates that counts its requests."""

    def __init__(self, body: bytes = CHAIN, status: int = 200, error: bool = False) -> None:
        self.body, self.status, self.error = body, status, error
        self.asked: list[str] = []
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    async def request(self, method: str, url: str, **_limits: object) -> HttpResponse:
        self.asked.append(url)
        if self.error:
            raise OutgoingError("refused")
        return HttpResponse(status=self.status, headers={}, body=self.body, url=url)

    def verifier(self, root: Authority = ROOT) -> CallerVerifier:
        clock = cast(Clock, self)
        chains = CertificateChains(cast(HttpClient, self), [root.certificate], clock)
        return CallerVerifier(chains, clock)


def signed(
    by: Authority = LEAF, *, url: str = URL, age: float = 0, orig: str = CALLER, dest: str = CALLED
) -> str:
    return sign(
        by.key,
        url,
        attest=Attestation.A,
        orig=orig,
        dest=[dest],
        iat=int(datetime.now(UTC).timestamp() - age),
        origid="1f2a7d5e-7a0c-4b6e-9f43-5f2f7f1d7c11",
    )


async def verdict(value: str, served: Served | None = None) -> CallerVerification:
    verifier = (served or Served()).verifier()
    return await verifier.verify([value], caller=CALLER, called=CALLED)


def test_our_token_has_the_octets_that_the_rfc_prescribes() -> None:
    value = signed()
    token, info, alg, ppt = value.split(";")
    assert (info, alg, ppt) == (f"info=<{URL}>", "alg=ES256", 'ppt="shaken"')
    head, body, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    assert head.decode() == f'{{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"{URL}"}}'
    claims = json.loads(body)
    assert list(claims) == sorted(claims)
    assert b" " not in body
    assert claims["orig"] == {"tn": "12025550123"}
    assert claims["dest"] == {"tn": ["6568332048"]}
    assert jwt.decode(token, LEAF.key.public_key(), algorithms=["ES256"]) == claims


async def test_a_caller_with_a_good_signature_is_vouched_for() -> None:
    expected = CallerVerification(result=Verstat.PASSED, attestation=Attestation.A)
    assert await verdict(signed()) == expected


def _other_url(value: str) -> str:
    return value.replace("info=<https://certificates", "info=<https://elsewhere")


def _tampered(value: str) -> str:
    head, body, rest = value.split(".", 2)
    claims = base64.urlsafe_b64decode(body + "==").replace(b'"attest":"A"', b'"attest":"B"')
    return f"{head}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{rest}"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: signed(age=100), "the token is 10"),
        (lambda: signed(age=-100), "the token is -"),
        (lambda: signed(orig="+12025550124"), "another caller"),
        (lambda: signed(dest="+6568332049"), "another called number"),
        (lambda: signed(certificate("stranger", MIDDLE)), "the signature is wrong"),
        (lambda: _tampered(signed()), "the signature is wrong"),
        (lambda: _other_url(signed()), "another certificate than the token"),
        (lambda: signed().replace("shaken", "div"), "no token of SHAKEN"),
        (lambda: signed().split(";")[0], "malformed Identity"),
        (lambda: "", "malformed Identity"),
        (lambda: "nonsense;info=<https://x>;ppt=shaken", "no header of SHAKEN"),
        (lambda: "a.b.c;info=<https://x>;ppt=shaken", "no header of SHAKEN"),
    ],
)
async def test_a_signature_that_does_not_hold_says_why(
    make: Callable[[], str], reason: str
) -> None:
    found = await verdict(make())
    assert found.result is Verstat.FAILED
    assert reason in (found.reason or "")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LEAF.pem, "leads to no root"),  # the one in between is missing
        (lambda: certificate("self").pem, "leads to no root"),
        (lambda: certificate("late", ROOT, days=(-9, -1)).pem, "leads to no root"),
        (lambda: certificate("early", ROOT, days=(1, 9)).pem, "leads to no root"),
        (lambda: certificate("below", LEAF).pem + CHAIN, "leads to no root"),
        (lambda: certificate("web", ROOT, for_numbers=False).pem, "not for telephone numbers"),
        (lambda: certificate("wide", ROOT, curve=ec.SECP384R1()).pem, "no key on P-256"),
        (lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"),
        (lambda: b"", "no PEM"),
    ],
)
async def test_a_certificate_that_proves_nothing(make: Callable[[], bytes], reason: str) -> None:
    found = await verdict(signed(), Served(make()))
    assert found.result is Verstat.FAILED
    assert reason in (found.reason or "")


async def test_a_certificate_is_fetched_once_an_hour_and_a_failure_once_a_minute() -> None:
    served = Served()
    verifier = served.verifier()
    for _ in range(3):
        await verifier.verify([signed()], caller=CALLER, called=CALLED)
    assert served.asked == [URL]
    served.at += timedelta(minutes=61)
    await verifier.verify([signed()], caller=CALLER, called=CALLED)
    assert served.asked == [URL] * 2
    away = Served(error=True)
    verifier = away.verifier()
    for minutes in (0, 0, 2):
        away.at += timedelta(minutes=minutes)
        found = await verifier.verify([signed()], caller=CALLER, called=CALLED)
        assert "cannot be fetched" in (found.reason or "")
    assert len(away.asked) == 2


async def test_a_call_without_identity_is_told_as_such_and_nothing_is_fetched() -> None:
    served = Served()
    found = await served.verifier().verify([], caller=CALLER, called=CALLED)
    assert found == CallerVerification(result=Verstat.NONE)
    assert served.asked == []


async def test_the_token_of_shaken_is_found_beside_others() -> None:
    found = (
        await Served()
        .verifier()
        .verify(
            [signed().replace("shaken", "div"), "nonsense", signed()], caller=CALLER, called=CALLED
        )
    )
    assert found.result is Verstat.PASSED


async def test_a_refused_status_of_the_certificate_is_told() -> None:
    found = await verdict(signed(), Served(status=404))
    assert found.reason == "its certificate was answered 404"
