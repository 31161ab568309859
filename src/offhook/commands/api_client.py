"""A small client of the API for the commands: one request, one answer, readable errors."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from offhook.commands.common import CommandError

TIMEOUT = 15.0
"""Seconds without a byte."""
STREAM_PART = 65_536
"""Bytes of a streamed document that are read at once."""
MAX_ANSWER = 32 * 1024 * 1024


class ApiError(CommandError):
    """The request did not succeed; the text says why and what may help."""

    def __init__(self, message: str, status_code: int | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        """The API's own, such as -1014; None when it gave none."""


class ApiClient(NamedTuple):
    """The API of one sub-account, or of the operator, at one server."""

    url: str
    """``http://127.0.0.1:8080``, without a path."""
    api_key: str
    sub_account: str | None
    """None: the operator's own API."""

    def get(self, path: str, query: Mapping[str, str | int | None] | None = None) -> dict[str, Any]:
        """GET below the sub-account; absent query values are left out. Raises :class:`ApiError`."""
        values = {name: value for name, value in (query or {}).items() if value is not None}
        return self._ask(path + ("?" + urllib.parse.urlencode(values) if values else ""), None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """POST JSON below the sub-account. Raises :class:`ApiError`."""
        return self._ask(path, json.dumps(body).encode())

    def put(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """PUT JSON, or nothing, below the sub-account. Raises :class:`ApiError`."""
        return self._ask(path, None if body is None else json.dumps(body).encode(), "PUT")

    def put_file(self, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        """PUT a file below the sub-account. Raises :class:`ApiError`."""
        return self._ask(path, body, "PUT", content_type)

    def delete(self, path: str) -> dict[str, Any]:
        """DELETE below the sub-account. Raises :class:`ApiError`."""
        return self._ask(path, None, "DELETE")

    @property
    def _below(self) -> str:
        if self.sub_account is None:
            return "/admin/v1"
        return f"/api/v1/subaccounts/{urllib.parse.quote(self.sub_account)}"

    def upload(self, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        """POST a file below the sub-account. Raises :class:`ApiError`."""
        return self._ask(path, body, content_type=content_type)

    def stream(self, path: str, take: Callable[[bytes], object]) -> None:
        """GET a document of any length, part by part of whole lines. Raises :class:`ApiError`."""
        with self._opened(path, None) as response:
            while part := response.readlines(STREAM_PART):
                take(b"".join(part))

    def _ask(
        self,
        path: str,
        body: bytes | None,
        method: str | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """``method``: None for GET, or for POST with a body."""
        with self._opened(path, body, method, content_type) as response:
            return _json_object(response.read(MAX_ANSWER)) or {}

    @contextmanager
    def _opened(
        self,
        path: str,
        body: bytes | None,
        method: str | None = None,
        content_type: str = "application/json",
    ) -> Iterator[Any]:
        base = self.url.rstrip("/")
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError(f"--url: expected something like http://127.0.0.1:8080, found {base!r}")
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at above
            base + self._below + path,
            data=body,
            method=method,
            headers={
                "Authorization": f"Bearer {self.api_key}",
                "Content-Type": content_type,
                "Accept": "application/json",
            },
        )
        try:
            with _opener(parts.hostname).open(request, timeout=TIMEOUT) as response:
                yield response
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code, error.read(65_536)) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            raise ApiError(
                f"cannot reach {base}: {reason}. Is it running (offhook serve)? --url says where"
            ) from None

    def _refusal(self, status: int, body: bytes) -> ApiError:
        if status == 401:
            option = "admin" if self.sub_account is None else "api"
            return ApiError(
                f"the key is not accepted: --{option}-key or OFFHOOK_{option.upper()}_KEY"
            )
        answer = _json_object(body)
        if answer is None:
            return ApiError(
                f"the server answered {status} without saying why; is {self.url} the API?"
            )
        code = answer.get("statusCode", status)
        text = str(answer.get("statusMessage") or answer.get("message") or status).strip()
        text = _first_problem(answer, code) or text
        return ApiError(f"{text} (status code {code})", code if isinstance(code, int) else None)


def _first_problem(answer: dict[str, Any], code: object) -> str:
    """The sentence about the problem that decided the code: it names what could be used instead."""
    problems = answer.get("errors")
    first = problems[0] if isinstance(problems, list) and problems else None
    if not isinstance(first, dict) or first.get("statusCode") != code:
        return ""
    return str(first.get("message") or "").strip()


def _opener(host: str) -> urllib.request.OpenerDirector:
    """An opener that uses the environment's proxy, except for this machine itself."""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
