"""Bearer keys and scopes."""

from __future__ import annotations

import pytest

from offhook.http.edge.access import Caller, bearer_key
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.scopes import Scope
from offhook.session.tenancy import KeyGrant, SubAccount


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer abc", "abc"),
        (b"BEARER  abc ", "abc"),
        (None, None),
        (b"", None),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"abc", None),
        (b"Basic abc", None),
        ("Bearer schlüssel".encode(), None),
        (b"Bearer " + b"x" * 1000, None),
    ],
)
def test_the_key_of_an_authorization_header(header: bytes | None, key: str | None) -> None:
    assert bearer_key(header) == key


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({"*"}, set(Scope)),
        ({"sessions:read"}, {Scope.SESSIONS_READ}),
        (set(), set()),
        ({"sessions:*", "sessions"}, set()),
    ],
)
def test_scopes_are_what_they_say(scopes: set[str], allowed: set[Scope]) -> None:
    grant = KeyGrant(key_id="k", account_id="a", scopes=frozenset(scopes))
    caller = Caller(grant, SubAccount(sub_account_id="abc", account_id="a"))
    assert {scope for scope in Scope if caller.may(scope)} == allowed


def test_new_keys_are_long_distinct_and_stored_as_a_hash() -> None:
    first, second = new_api_key(), new_api_key()
    assert first != second
    assert len(first) > 40
    assert len(key_digest(first)) == 32
    assert first.encode() not in key_digest(first)
