"""Digest authentication, both ways (RFC 3261 §22, RFC 7616, RFC 8760). Pure: nonces carry the time."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum

from offhook.sip.agent_events import Credentials
from offhook.sip.grammar import GrammarError, octets, quote, split_outside_quotes, unquote
from offhook.sip.message import Message, Request, Response

ALGORITHMS: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
"""RFC 8760 §2.1; the ``-sess`` forms are derived from them."""
MAX_CHALLENGES = 16
"""Challenges read from one response."""
MAX_ROUNDS = 5
"""Challenges answered for one request: no chain of proxies is longer."""


def digest_of(algorithm: str, text: str) -> str:
    """The hexadecimal digest of ``text`` by the base of ``algorithm`` (upper case)."""
    base = algorithm.removesuffix("-SESS")
    return ALGORITHMS[base](octets(text)).hexdigest()


def parse_auth(value: str) -> tuple[str, dict[str, str]]:
    """Scheme (lower case) and parameters of one challenge or credentials value."""
    scheme, _, rest = value.strip().partition(" ")
    params: dict[str, str] = {}
    for part in split_outside_quotes(rest, ","):
        name, equals, text = part.partition("=")
        if equals:
            params.setdefault(name.strip().lower(), unquote(text.strip()))
    return scheme.lower(), params


def split_challenges(line: str) -> list[str]:
    """One header line may hold several challenges, their parameters separated by commas too."""
    challenges: list[str] = []
    for part in split_outside_quotes(line, ","):
        before, equals, _ = part.partition("=")
        if not challenges or (" " in before.strip() and equals) or (part and not equals):
            challenges.append(part)
        else:
            challenges[-1] += ", " + part
    return challenges


class _Challenge:
    """A nonce we may use, and how often we did."""

    __slots__ = ("algorithm", "count", "nonce", "opaque", "qop", "realm")

    def __init__(self, params: dict[str, str]) -> None:
        self.realm = params.get("realm", "")
        self.nonce = params.get("nonce", "")
        self.opaque = params.get("opaque")
        self.algorithm = params.get("algorithm", "MD5").upper()
        offered = [q.strip().lower() for q in params.get("qop", "").split(",") if q.strip()]
        self.qop = "auth" if "auth" in offered else ("auth-int" if "auth-int" in offered else "")
        self.count = 0


class ClientAuth:
    """Answers the challenges that the requests of one call meet."""

    def __init__(self, credentials: Credentials, token: Callable[[], str]) -> None:
        self._credentials = credentials
        self._token = token
        self._challenges: dict[tuple[bool, str], _Challenge] = {}
        self._answered: set[tuple[bool, str, str]] = set()

    def absorb(self, response: Response) -> bool:
        """Take up the challenges of a 401 or 407; whether to repeat the request.

        Not when every nonce was answered before (the credentials are wrong, RFC 3261 §22.2), when
        no algorithm is known, or when the realm is not that of the credentials. Of several algorithms
        for one realm the first known counts, as the server's preference (RFC 8760 §2.4).
        """
        fresh = False
        for proxy, name in ((False, "www-authenticate"), (True, "proxy-authenticate")):
            seen: set[str] = set()
            for params in self._challenges_of(response, name):
                challenge = _Challenge(params)
                realm = challenge.realm
                if realm in seen:
                    continue
                seen.add(realm)
                used = (proxy, realm, challenge.nonce)
                if used in self._answered or len(self._answered) >= 32:
                    continue
                self._challenges[proxy, realm] = challenge
                fresh = True
        return fresh

    def _challenges_of(self, response: Response, name: str) -> list[dict[str, str]]:
        """The digest challenges of one header that we could answer."""
        usable: list[dict[str, str]] = []
        try:
            values = [c for line in response.lines(name) for c in split_challenges(line)]
            for value in values[:MAX_CHALLENGES]:
                scheme, params = parse_auth(value)
                algorithm = params.get("algorithm", "MD5").upper().removesuffix("-SESS")
                ours = self._credentials.realm in (None, params.get("realm"))
                if scheme == "digest" and algorithm in ALGORITHMS and ours and params.get("nonce"):
                    usable.append(params)
        except GrammarError:
            pass
        return usable

    def learn(self, response: Response) -> None:
        """Use the ``nextnonce`` of a 2xx for what follows (RFC 7616 §3.5)."""
        for proxy, name in ((False, "authentication-info"), (True, "proxy-authentication-info")):
            value = response.get(name)
            if value is None:
                continue
            try:
                nonce = parse_auth("Digest " + value)[1].get("nextnonce")
            except GrammarError:
                continue
            candidates = [c for (p, _), c in self._challenges.items() if p is proxy]
            if nonce and len(candidates) == 1:
                candidates[0].nonce = nonce
                candidates[0].count = 0

    def lines(self, method: str, uri: str, body: bytes) -> str:
        """Finished ``Authorization`` and ``Proxy-Authorization`` lines for a request."""
        out = ""
        for (proxy, realm), challenge in self._challenges.items():
            self._answered.add((proxy, realm, challenge.nonce))
            header = "Proxy-Authorization" if proxy else "Authorization"
            out += f"{header}: {self._credentials_for(challenge, method, uri, body)}\r\n"
        return out

    def _credentials_for(self, challenge: _Challenge, method: str, uri: str, body: bytes) -> str:
        challenge.count += 1
        count = f"{challenge.count:08x}"
        cnonce = self._token()
        user = self._credentials.username
        proof = response_value(
            algorithm=challenge.algorithm,
            ha1=digest_of(
                challenge.algorithm, f"{user}:{challenge.realm}:{self._credentials.password}"
            ),
            nonce=challenge.nonce,
            count=count,
            cnonce=cnonce,
            qop=challenge.qop,
            method=method,
            uri=uri,
            body=body,
        )
        parts = [
            f"username={quote(user)}",
            f"realm={quote(challenge.realm)}",
            f"nonce={quote(challenge.nonce)}",
            f"uri={quote(uri)}",
            f'response="{proof}"',
            f"algorithm={challenge.algorithm.replace('-SESS', '-sess')}",
        ]
        if challenge.opaque is not None:
            parts.append(f"opaque={quote(challenge.opaque)}")
        if challenge.qop or challenge.algorithm.endswith("-SESS"):
            parts.append(f'cnonce="{cnonce}"')
        if challenge.qop:
            parts += [f"qop={challenge.qop}", f"nc={count}"]
        return "Digest " + ", ".join(parts)


def response_value(
    *,
    algorithm: str,
    ha1: str,
    nonce: str,
    count: str,
    cnonce: str,
    qop: str,
    method: str,
    uri: str,
    body: bytes,
) -> str:
    """The ``response`` of RFC 7616 §3.4.1. ``ha1`` is H(user:realm:password)."""
    if algorithm.endswith("-SESS"):
        ha1 = digest_of(algorithm, f"{ha1}:{nonce}:{cnonce}")
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        inner = ALGORITHMS[algorithm.removesuffix("-SESS")](body).hexdigest()
        a2 = f"{a2}:{inner}"
    ha2 = digest_of(algorithm, a2)
    if qop:
        return digest_of(algorithm, f"{ha1}:{nonce}:{count}:{cnonce}:{qop}:{ha2}")
    return digest_of(algorithm, f"{ha1}:{nonce}:{ha2}")


class DigestVerdict(Enum):
    """A server's judgement of a request's credentials."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    """None for our realm: challenge."""
    STALE = "stale"
    """Right, but for an old or used nonce: challenge with ``stale=true``."""
    WRONG = "wrong"
    """Wrong user, password or form: refuse, and count it against the address."""


class ServerAuth:
    """Challenges callers and checks their answers.

    A nonce is a signed time, so nothing is stored for a challenge. ``nc`` is remembered for nonces
    that were answered rightly, at most ``max_nonces`` of them.
    """

    def __init__(
        self,
        realm: str,
        *,
        secret: bytes,
        algorithms: tuple[str, ...] = ("SHA-256", "MD5"),
        lifetime: float = 60.0,
        max_nonces: int = 10_000,
    ) -> None:
        self.realm = realm
        self._secret = secret
        self._algorithms = algorithms
        self._lifetime = lifetime
        self._max_nonces = max_nonces
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenge(
        self,
        host: str,
        now: float,
        *,
        stale: bool = False,
        algorithms: tuple[str, ...] | None = None,
    ) -> list[tuple[str, str]]:
        """``WWW-Authenticate`` headers for a 401 to ``host`` (an address literal).

        The strongest algorithm is first (RFC 8760 §2.3). The nonce is good for that address only.
        ``algorithms``: those offered instead of all.
        """
        tail = ", stale=true" if stale else ""
        nonce = self._nonce(host, now)
        return [
            (
                "WWW-Authenticate",
                f'Digest realm={quote(self.realm)}, nonce="{nonce}", qop="auth", '
                f"algorithm={algorithm}{tail}",
            )
            for algorithm in algorithms or self._algorithms
        ]

    def _nonce(self, host: str, at: float) -> str:
        stamp = f"{at:.3f}"
        return f"{stamp}-{self._sign(stamp, host)}"

    def _sign(self, stamp: str, host: str) -> str:
        return hmac.new(self._secret, octets(f"{stamp} {host}"), "sha256").hexdigest()[:32]

    def verify(
        self, request: Request, host: str, password_of: Callable[[str], str | None], now: float
    ) -> tuple[DigestVerdict, str | None]:
        """Judge a request from ``host``; the user name comes with ACCEPTED and STALE."""
        for params in self._credentials_of(request):
            algorithm = params.get("algorithm", "MD5").upper()
            if params.get("realm") == self.realm and algorithm in self._algorithms:
                return self._judge(request, host, params, algorithm, password_of, now)
        return DigestVerdict.MISSING, None

    def _credentials_of(self, message: Message) -> list[dict[str, str]]:
        found = []
        for line in message.lines("authorization")[:MAX_CHALLENGES]:
            try:
                scheme, params = parse_auth(line)
            except GrammarError:
                continue
            if scheme == "digest":
                found.append(params)
        return found

    def _judge(
        self,
        request: Request,
        host: str,
        params: dict[str, str],
        algorithm: str,
        password_of: Callable[[str], str | None],
        now: float,
    ) -> tuple[DigestVerdict, str | None]:
        user, nonce = params.get("username", ""), params.get("nonce", "")
        stamp, _, signature = nonce.partition("-")
        if not hmac.compare_digest(octets(signature), octets(self._sign(stamp, host))):
            return DigestVerdict.MISSING, None
        if params.get("qop", "").lower() != "auth" or not _same_uri(params, request):
            return DigestVerdict.WRONG, None
        password = password_of(user)
        count = params.get("nc", "")
        expected = response_value(
            algorithm=algorithm,
            ha1=digest_of(algorithm, f"{user}:{self.realm}:{password or ''}"),
            nonce=nonce,
            count=count,
            cnonce=params.get("cnonce", ""),
            qop="auth",
            method=request.method,
            uri=params.get("uri", ""),
            body=b"",
        )
        given = octets(params.get("response", "").lower())
        if not hmac.compare_digest(given, octets(expected)) or password is None:
            return DigestVerdict.WRONG, None
        if now - float(stamp) > self._lifetime or not self._count_is_new(nonce, count):
            return DigestVerdict.STALE, user
        return DigestVerdict.ACCEPTED, user

    def _count_is_new(self, nonce: str, count: str) -> bool:
        """Remember ``nc``; a replay has one that is not higher (RFC 7616 §3.4)."""
        try:
            number = int(count, 16)
        except ValueError:
            return False
        if number <= self._counts.get(nonce, 0):
            return False
        self._counts[nonce] = number
        self._counts.move_to_end(nonce)
        if len(self._counts) > self._max_nonces:
            self._counts.popitem(last=False)
        return True


def _same_uri(params: dict[str, str], request: Request) -> bool:
    """The digest must cover this request's URI (RFC 7616 §3.4.6)."""
    return params.get("uri", "") == request.uri
