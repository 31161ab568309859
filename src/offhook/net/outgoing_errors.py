"""How an outgoing request fails. No text ever holds a URL's userinfo, path or query: they may be secret."""

from __future__ import annotations


class OutgoingError(Exception):
    """The request could not be made, or no usable answer came."""


class InvalidUrl(OutgoingError):
    """The URL is not an absolute http or https URL that may be asked."""


class AddressRefused(OutgoingError):
    """The host resolves to an address that the operator has not allowed (:mod:`.guard`)."""


class ConnectFailed(OutgoingError):
    """No connection, a broken connection, or an answer that is not HTTP."""


class UnreadableAnswer(OutgoingError):
    """HTTP itself makes the answer unreadable, such as one with two lengths (RFC 9112 §6.3).

    Another request would get the same answer.
    """


class TimedOut(OutgoingError):
    """The deadline passed before the whole answer was here."""


class AnswerTooLarge(OutgoingError):
    """The body, inflated, is longer than was allowed."""


class TooManyRedirects(OutgoingError):
    """The answer redirects once more than was allowed."""
