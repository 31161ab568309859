"""Every public code, its text and its HTTP status; and what a SIP status means for a call.

Status codes are defined only here. The texts are wire constants
(``spec/status-codes.md``, ``spec/execution.md``): byte for byte, including unusual spellings.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum, unique
from typing import Self


@unique
class StatusCode(IntEnum):
    """Answers of ``POST …/callflows`` (``spec/status-codes.md``), each member one row.

    A member is its number on the wire, so msgspec encodes it as that.
    """

    message: str
    """The exact text; for ``INVALID_ENTRY`` and ``SUB_ACCOUNT_NOT_FOUND`` its prefix."""
    http_status: int
    """The HTTP status of an answer that carries this code at the top."""

    def __new__(cls, code: int, message: str, http_status: int) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.message = message
        member.http_status = http_status
        return member

    CREATED = (1, "Created", 200)
    INVALID_JSON = (-1001, "Invalid JSON request body", 400)
    SPEECH_PROFILE = (-1002, "Speech profile or language parameter invalid", 422)
    MAX_DIGITS_WITH_MIN = (-1003, "Valid maxDigits required when minDigits provided", 422)
    DTMF_CALLBACK = (-1004, "DTMF callback url not provided", 422)
    OVERALL_TIMEOUT_REQUIRED = (
        -1005,
        "Valid overallTimeout is required when digitTimeout provided",
        422,
    )
    OVERALL_TIMEOUT_TOO_SHORT = (-1006, "OverallTimeout should be greater than digitTimeout", 422)
    INVALID_ACTION = (
        -1007,
        "Invalid action type was used. Accepted action type is "
        "[say, sayAndcapture, makeCall, hangup, playFile]",
        400,
    )
    MAX_DIGITS_WITHOUT_HASH = (
        -1008,
        "Valid maxDigits is required when completeOnHash is false",
        422,
    )
    INVALID_ENTRY = (-1009, "Invalid call flow entry provided. ", 400)
    TOO_MANY_ACTIONS = (-1010, "Some actions are provided beyond the allowed count", 422)
    MULTIPLE_DESTINATIONS = (-1011, "Multiple destination phone numbers found in the request", 422)
    HANGUP_MISUSED = (-1012, "Invalid Callflow : Incorrect use of action Hangup", 422)
    FIRST_NOT_MAKE_CALL = (
        -1013,
        "Invalid Callflow : First action should be a MakeCall action",
        422,
    )
    SOURCE_NOT_ALLOWED = (-1014, "Source or caller ID is not allowed", 422)
    VALIDITY_EXPIRED = (-1015, "The validity period of the call flow request has expired", 422)
    INVALID_CHARACTERS = (
        -1016,
        "Invalid Callflow Content: Some special characters are invalid/unaccepted",
        422,
    )
    INVALID_DESTINATION = (-1017, "Invalid MSISDN format in Destination", 422)
    SCENARIO_NOT_ALONE = (
        -1018,
        "Invalid Callflow: Execute Scenario cannot be processed together with other actions",
        422,
    )
    SCENARIO_NAME_EMPTY = (-1019, "Invalid Callflow Content: scenarioName is null or empty", 422)
    SCENARIO_UNKNOWN = (
        -1020,
        "Invalid Callflow: Invalid scenarioName or the account doesn't have permission "
        "to execute this scenario",
        422,
    )
    UNKNOWN_ERROR = (-9999, "An unknown error has occurred.", 500)
    UNAUTHORIZED = (401, "Authentication header not found or token invalid", 401)
    SUB_ACCOUNT_NOT_FOUND = (404, "SubAccount not found by Id : ", 404)
    TOO_MANY_REQUESTS = (429, "Too many requests", 429)
    UNAVAILABLE = (503, "Service temporarily unavailable", 503)

    @property
    def page(self) -> str:
        """The file in ``docs/codes`` that explains it: ``1003.md`` for -1003."""
        return f"{abs(self)}.md"


@unique
class RuntimeCode(IntEnum):
    """``errorDetails`` of a session that ended ``ERROR`` (``spec/execution.md``).

    A member is its ``errorCode``. A number that this version does not know reads as ``UNKNOWN``:
    the session may have been stored by a newer one.
    """

    message: str
    """``errorDetails.errorMsg``."""

    def __new__(cls, code: int, message: str) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.message = message
        return member

    INTERNAL = (-2001, "An internal error has occurred")
    CONNECTIVITY = (-2002, "An internal connectivity error has occurred")
    INVALID_CALLFLOW = (-2003, "The call flow provided is invalid")
    NO_COVERAGE = (-2004, "No coverage available for requested area")
    SYNTHESIS_FAILED = (-2005, "Unable to synthesize text to speech")
    DOWNLOAD_FAILED = (-2006, "Unable to download file for playback")
    VALIDITY_EXPIRED = (-2007, "The validity period of the call flow request has expired")
    SOURCE_NOT_WHITELISTED = (
        -2008,
        "The provided source MSISDN or caller ID is not whitelisted",
    )
    SCENARIO_PARAMETERS = (-2009, "The scenario parameters provided is invalid")
    CAPACITY_EXCEEDED = (-2010, "The trunk capacity has been exceeded")
    UNKNOWN = (-9999, "An unknown error has occurred")

    @classmethod
    def _missing_(cls, value: object) -> RuntimeCode | None:
        return cls.UNKNOWN if isinstance(value, int) else None


class SessionStatus(StrEnum):
    """Life of a session (``spec/execution.md``, "Session and legs")."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    NO_ANSWER = "NO_ANSWER"
    BUSY = "BUSY"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    COMPLETED_UNSUBSCRIBED = "COMPLETED_UNSUBSCRIBED"
    """The called person pressed the opt-out key."""
    COMPLETED_UNSUB_ERROR = "COMPLETED_UNSUB_ERROR"
    """The same, and the operator's own list service did not take the number."""
    UNSUBSCRIBED_CONTACT = "UNSUBSCRIBED_CONTACT"
    """Never dialled: the number is on the opt-out list."""

    @property
    def final(self) -> bool:
        """Whether the status is final."""
        return self not in (SessionStatus.QUEUED, SessionStatus.RUNNING)


class CallStatus(StrEnum):
    """Outcome of one leg (``spec/execution.md``, "How it ends")."""

    COMPLETED = "COMPLETED"
    NO_ANSWER = "NO_ANSWER"
    BUSY = "BUSY"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    ERROR = "ERROR"


class Q850Cause(IntEnum):
    """The Q.850 causes that change an outcome (ITU-T Q.850)."""

    SUBSCRIBER_ABSENT = 20
    DESTINATION_OUT_OF_ORDER = 27


_BUSY = frozenset({486, 600, 603})
_NO_ANSWER = frozenset({408, 480})


def outcome_of_sip_status(status: int, q850_cause: int | None = None) -> CallStatus:
    """The ``callStatus`` of a leg that the far end refused with ``status`` (300..699).

    ``q850_cause`` is the cause of a ``Reason: Q.850`` header (RFC 3326) if the answer had one.
    487 is judged here as the far end's own status; the caller of this function handles 487 after our
    CANCEL.
    """
    if status in _BUSY:
        return CallStatus.BUSY
    if status in _NO_ANSWER:
        absent = status == 480 and q850_cause in tuple(Q850Cause)
        return CallStatus.FAILED if absent else CallStatus.NO_ANSWER
    if status == 487:
        return CallStatus.CANCELED
    return CallStatus.FAILED
