"""STUN answers: the test vectors of RFC 5769, and what is no answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.stun import binding_request, mapped_address

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)


def test_a_request_has_the_magic_cookie_and_nothing_else() -> None:
    assert binding_request(TRANSACTION).hex() == "000100002112a442" + TRANSACTION.hex()


@pytest.mark.parametrize(
    ("answer", "address"),
    [
        (V4, ("192.0.2.1", 32853)),
        (V6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
        (
            bytes.fromhex("0101000c2112a442b7e7a701bc34d686fa87dfae000100080001123404030201"),
            ("4.3.2.1", 0x1234),
        ),
    ],
)
def test_the_address_of_an_answer(answer: bytes, address: tuple[str, int]) -> None:
    assert mapped_address(answer, TRANSACTION) == address


def test_an_answer_to_another_question_is_none() -> None:
    assert mapped_address(V4, bytes(12)) is None
    assert mapped_address(V4[:18], TRANSACTION) is None
    assert mapped_address(b"\x01\x11" + V4[2:], TRANSACTION) is None


@given(st.binary(max_size=80))
def test_no_octets_raise(octets: bytes) -> None:
    mapped_address(V4[:20] + octets, TRANSACTION)
    mapped_address(octets, TRANSACTION)
