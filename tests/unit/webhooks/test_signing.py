"""Signatures against the Standard Webhooks specification's own example, and what must be refused."""

from __future__ import annotations

import pytest

from offhook.webhook_secrets import BadSecret, new_secret, secret_key
from offhook.webhooks import signing
from offhook.webhooks.signing import BadSignature

# The example of the reference libraries (standard-webhooks/standard-webhooks).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers() -> dict[str, str]:
    return signing.signed_headers((SECRET,), delivery_id=ID, timestamp=TIMESTAMP, body=BODY)


def test_the_specifications_example_comes_out_the_same() -> None:
    assert headers() == {
        "webhook-id": ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
    }


def test_a_genuine_delivery_is_recognised() -> None:
    assert signing.verify(SECRET, headers(), BODY, now=TIMESTAMP + 299) == ID


def test_one_good_signature_among_several_is_enough() -> None:
    several = headers() | {"webhook-signature": f"v1,AAAA v1a,xyz {SIGNATURE}"}
    assert signing.verify(SECRET, several, BODY, now=TIMESTAMP) == ID


@pytest.mark.parametrize(
    ("changes", "body", "late"),
    [
        ({}, BODY + b" ", 0),
        ({}, BODY, 301),
        ({}, BODY, -301),
        ({"webhook-id": "another"}, BODY, 0),
        ({"webhook-timestamp": str(TIMESTAMP + 1)}, BODY, 0),
        ({"webhook-timestamp": "soon"}, BODY, 0),
        ({"webhook-signature": SIGNATURE.replace("v1,", "v2,")}, BODY, 0),
        ({"webhook-signature": "v1,ü"}, BODY, 0),
    ],
)
def test_what_was_altered_or_is_stale_is_refused(
    changes: dict[str, str], body: bytes, late: int
) -> None:
    with pytest.raises(BadSignature):
        signing.verify(SECRET, headers() | changes, body, now=TIMESTAMP + late)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_refused(missing: str) -> None:
    rest = {name: value for name, value in headers().items() if name != missing}
    with pytest.raises(BadSignature):
        signing.verify(SECRET, rest, BODY, now=TIMESTAMP)


def test_without_a_secret_nothing_is_signed() -> None:
    unsigned = signing.signed_headers((), delivery_id=ID, timestamp=TIMESTAMP, body=BODY)
    assert sorted(unsigned) == ["webhook-id", "webhook-timestamp"]


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!"]
)
def test_what_is_no_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(BadSecret) as refused:
        secret_key(secret)
    assert "whsec_" in str(refused.value)
    assert len(secret) < 7 or secret not in str(refused.value)


def test_a_new_secret_is_a_good_one() -> None:
    assert len(secret_key(new_secret())) == 32
    assert new_secret() != new_secret()


def test_while_a_secret_is_replaced_a_delivery_is_signed_with_both() -> None:
    new = new_secret()
    both = signing.signed_headers((new, SECRET), delivery_id=ID, timestamp=TIMESTAMP, body=BODY)
    for secret in (new, SECRET):
        assert signing.verify(secret, both, BODY, now=TIMESTAMP) == ID
    with pytest.raises(BadSignature):
        signing.verify(new_secret(), both, BODY, now=TIMESTAMP)
