"""Digest authentication, both ways, against the RFCs' own examples and each other."""

from __future__ import annotations

import pytest
from tests.unit.sip.wire import request

from offhook.sip import Credentials, DigestVerdict, ServerAuth
from offhook.sip.auth import (
    ClientAuth,
    digest_of,
    parse_auth,
    response_value,
    split_challenges,
)
from offhook.sip.message import Request, Response, parse

USER = Credentials("alice", 'secret, "quoted"')


def challenge(*lines: str, status: int = 401) -> Response:
    """A response with those headers."""
    text = f"SIP/2.0 {status} x\r\nCSeq: 1 INVITE\r\n" + "".join(f"{line}\r\n" for line in lines)
    message = parse(f"{text}\r\n".encode())
    assert isinstance(message, Response)
    return message


def client(credentials: Credentials = USER) -> ClientAuth:
    return ClientAuth(credentials, lambda: "c0ffee")


def test_the_example_of_rfc_2617() -> None:
    ha1 = digest_of("MD5", "Mufasa:testrealm@host.com:Circle Of Life")
    assert (
        response_value(
            algorithm="MD5",
            ha1=ha1,
            nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
            count="00000001",
            cnonce="0a4f113b",
            qop="auth",
            method="GET",
            uri="/dir/index.html",
            body=b"",
        )
        == "6629fae49393a05397450978507c4ef1"
    )


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    assert (
        response_value(
            algorithm=algorithm,
            ha1=digest_of(algorithm, "Mufasa:http-auth@example.org:Circle of Life"),
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            count="00000001",
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop="auth",
            method="GET",
            uri="/dir/index.html",
            body=b"",
        )
        == expected
    )


def test_a_challenge_without_qop_is_answered_as_rfc_2069_did() -> None:
    auth = client()
    assert auth.absorb(challenge('WWW-Authenticate: Digest realm="r",nonce="n"'))
    scheme, params = parse_auth(auth.lines("BYE", "sip:x", b"").split(": ", 1)[1].strip())
    assert scheme == "digest"
    assert set(params) == {"username", "realm", "nonce", "uri", "response", "algorithm"}
    ha1 = digest_of("MD5", f"alice:r:{USER.password}")
    assert params["response"] == digest_of("MD5", f"{ha1}:n:{digest_of('MD5', 'BYE:sip:x')}")


def test_the_first_algorithm_that_we_know_is_taken() -> None:
    auth = client()
    assert auth.absorb(
        challenge(
            'WWW-Authenticate: Digest realm="r", nonce="a", algorithm=SHA-999, qop="auth"',
            'WWW-Authenticate: Digest realm="r", nonce="b", algorithm=SHA-512-256, qop="auth"',
            'WWW-Authenticate: Digest realm="r", nonce="c", algorithm=MD5, qop="auth"',
        )
    )
    lines = auth.lines("INVITE", "sip:x", b"")
    assert lines.count("Authorization") == 1
    assert 'nonce="b"' in lines
    assert "algorithm=SHA-512-256" in lines


def test_several_realms_are_all_answered() -> None:
    auth = client()
    assert auth.absorb(
        challenge(
            'Proxy-Authenticate: Digest realm="p1", nonce="1", qop="auth,auth-int", opaque="o,1", '
            'Digest realm="p2", nonce="2", Basic realm="no"',
            'WWW-Authenticate: Digest realm="w", nonce="3"',
        )
    )
    lines = auth.lines("INVITE", "sip:x", b"").splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "Authorization",
        "Proxy-Authorization",
        "Proxy-Authorization",
    ]
    assert 'opaque="o,1"' in lines[1]
    assert "qop=auth," in lines[1]


def test_only_our_own_realm_is_answered_when_one_is_given() -> None:
    auth = client(Credentials("a", "b", "mine"))
    assert not auth.absorb(challenge('WWW-Authenticate: Digest realm="other", nonce="n"'))
    assert auth.absorb(challenge('WWW-Authenticate: Digest realm="mine", nonce="n"'))


@pytest.mark.parametrize(
    "line",
    [
        'WWW-Authenticate: Basic realm="r"',
        'WWW-Authenticate: Digest realm="r"',
        'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=X',
        'WWW-Authenticate: Digest realm="r, nonce="n"',
        "WWW-Authenticate:",
        "X: y",
    ],
)
def test_what_cannot_be_answered(line: str) -> None:
    assert not client().absorb(challenge(line))


def test_a_nonce_is_answered_once_and_counted() -> None:
    auth = client()
    line = 'WWW-Authenticate: Digest realm="r", nonce="n", qop=auth'
    assert auth.absorb(challenge(line))
    assert "nc=00000001" in auth.lines("INVITE", "sip:x", b"")
    assert "nc=00000002" in auth.lines("BYE", "sip:x", b"")
    assert not auth.absorb(challenge(line))
    assert auth.absorb(challenge(line.replace('"n"', '"n2"') + ", stale=true"))
    assert "nc=00000001" in auth.lines("INVITE", "sip:x", b"")


def test_nextnonce_is_used() -> None:
    auth = client()
    auth.absorb(challenge('WWW-Authenticate: Digest realm="r", nonce="n", qop=auth'))
    auth.lines("INVITE", "sip:x", b"")
    auth.learn(challenge('Authentication-Info: nextnonce="next", qop=auth', status=200))
    lines = auth.lines("BYE", "sip:x", b"")
    assert 'nonce="next"' in lines
    assert "nc=00000001" in lines


def test_the_body_counts_with_auth_int_and_the_nonces_with_sess() -> None:
    auth = client()
    auth.absorb(challenge('WWW-Authenticate: Digest realm="r", nonce="n", qop="auth-int"'))
    first = auth.lines("INVITE", "sip:x", b"one")
    assert "qop=auth-int" in first
    other = client()
    other.absorb(challenge('WWW-Authenticate: Digest realm="r", nonce="n", qop="auth-int"'))
    assert first != other.lines("INVITE", "sip:x", b"two")
    sess = client()
    sess.absorb(challenge('WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5-sess'))
    line = sess.lines("INVITE", "sip:x", b"")
    assert "algorithm=MD5-sess" in line
    assert 'cnonce="c0ffee"' in line


def test_challenges_in_one_line_are_told_apart() -> None:
    line = 'Digest realm="a, b", nonce="1", qop="auth,auth-int", Digest realm="c",nonce="2"'
    assert [parse_auth(text)[1]["realm"] for text in split_challenges(line)] == ["a, b", "c"]


def test_the_password_is_never_shown() -> None:
    assert "secret" not in repr(USER)
    assert "secret" not in str(USER)


# --- the server's side


HOST = "192.0.2.2"


def server(**kwargs: float) -> ServerAuth:
    return ServerAuth("r", secret=b"s" * 32, **kwargs)  # type: ignore[arg-type]


def signed(
    auth: ServerAuth, user: Credentials = USER, now: float = 0.0, method: str = "INVITE"
) -> tuple[ClientAuth, Request]:
    """A request that answers a challenge of ``auth``."""
    answering = client(user)
    lines = [f"{name}: {value}" for name, value in auth.challenge(HOST, now)]
    assert answering.absorb(challenge(*lines))
    return answering, resigned(answering, method)


def resigned(answering: ClientAuth, method: str = "INVITE", uri: str = "sip:x@y") -> Request:
    message = parse(request(method, uri=uri, headers=answering.lines(method, uri, b"")))
    assert isinstance(message, Request)
    return message


def password(user: str) -> str | None:
    return USER.password if user == "alice" else None


def test_a_right_answer_is_accepted_and_a_replay_is_stale() -> None:
    auth = server()
    answering, message = signed(auth)
    assert auth.verify(message, HOST, password, 1.0) == (DigestVerdict.ACCEPTED, "alice")
    assert auth.verify(message, HOST, password, 1.0) == (DigestVerdict.STALE, "alice")
    assert auth.verify(resigned(answering), HOST, password, 2.0) == (
        DigestVerdict.ACCEPTED,
        "alice",
    )


def test_a_nonce_is_good_for_one_address() -> None:
    """Whoever overhears a right answer cannot use it from elsewhere, not even with a new ``nc``."""
    auth = server()
    answering, message = signed(auth)
    assert auth.verify(message, "203.0.113.66", password, 1.0) == (DigestVerdict.MISSING, None)
    again = resigned(answering)
    assert auth.verify(again, "203.0.113.66", password, 1.0) == (DigestVerdict.MISSING, None)
    assert auth.verify(again, HOST, password, 1.0) == (DigestVerdict.ACCEPTED, "alice")


def test_an_old_nonce_is_stale() -> None:
    auth = server(lifetime=60.0)
    _, message = signed(auth)
    assert auth.verify(message, HOST, password, 61.0) == (DigestVerdict.STALE, "alice")
    assert all("stale=true" in value for _, value in auth.challenge(HOST, 61.0, stale=True))


@pytest.mark.parametrize(
    "user", [Credentials("alice", "wrong"), Credentials("bob", USER.password), Credentials("", "")]
)
def test_a_wrong_answer_is_wrong(user: Credentials) -> None:
    auth = server()
    assert auth.verify(signed(auth, user)[1], HOST, password, 1.0) == (DigestVerdict.WRONG, None)


def test_an_unknown_user_with_an_empty_password_is_wrong() -> None:
    auth = server()
    message = signed(auth, Credentials("nobody", ""))[1]
    assert auth.verify(message, HOST, lambda user: None, 1.0) == (DigestVerdict.WRONG, None)


def test_an_answer_for_another_uri_or_method_is_wrong() -> None:
    auth = server()
    answering, _ = signed(auth)
    lines = answering.lines("INVITE", "sip:else@y", b"")
    moved = parse(request("INVITE", uri="sip:x@y", headers=lines))
    other = parse(request("BYE", uri="sip:else@y", headers=lines))
    assert isinstance(moved, Request)
    assert isinstance(other, Request)
    assert auth.verify(moved, HOST, password, 1.0) == (DigestVerdict.WRONG, None)
    assert auth.verify(other, HOST, password, 1.0) == (DigestVerdict.WRONG, None)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Authorization: Basic eA==\r\n",
        'Authorization: Digest realm="else", nonce="1"\r\n',
        'Authorization: Digest realm="r", nonce="1.000-forged", username="alice"\r\n',
        'Authorization: Digest realm="r", nonce="caf\xe9-\xff", username="alice"\r\n',
        'Authorization: Digest realm="r\r\n',
        "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n",
    ],
)
def test_no_answer_or_a_forged_one_is_challenged(header: str) -> None:
    message = parse(request(headers=header))
    assert isinstance(message, Request)
    assert server().verify(message, HOST, password, 1.0) == (DigestVerdict.MISSING, None)


def test_a_nonce_of_another_server_is_challenged() -> None:
    _, message = signed(ServerAuth("r", secret=b"t" * 32))
    assert server().verify(message, HOST, password, 1.0) == (DigestVerdict.MISSING, None)


def test_remembered_counts_are_bounded() -> None:
    auth = ServerAuth("r", secret=b"s" * 32, max_nonces=3)
    for number in range(10):
        assert (
            auth.verify(signed(auth, now=float(number))[1], HOST, password, 10.0)[0]
            is DigestVerdict.ACCEPTED
        )
    assert len(auth._counts) == 3
