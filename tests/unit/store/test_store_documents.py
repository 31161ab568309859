"""What the columns hold, and the files of statements."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources

import pytest

from offhook.codes import RuntimeCode, SessionStatus
from offhook.events import (
    AnyEvent,
    Attestation,
    CallerVerification,
    Diverted,
    SessionEvent,
    Verstat,
)
from offhook.flow.actions import Callflow, ExecuteScenario, MakeCall, PlayFile, SayAndCapture
from offhook.session.session import Session, SessionError
from offhook.store.database_urls import is_sqlite, sqlite_path
from offhook.store.documents import (
    decode_session,
    encode,
    encode_session,
    from_micros,
    known_event,
    late,
    micros,
)
from offhook.store.sqlfiles import load

NOW = datetime(2026, 7, 3, 5, 59, 32, 226001, tzinfo=UTC)


@pytest.mark.parametrize(
    "at",
    [NOW, datetime(1970, 1, 1, tzinfo=UTC), NOW.astimezone(timezone(timedelta(hours=8)))],
)
def test_times_are_exact_to_the_microsecond(at: datetime) -> None:
    assert from_micros(micros(at)) == at


@pytest.mark.parametrize("code", list(RuntimeCode))
def test_a_session_with_every_error_is_read_back(code: RuntimeCode) -> None:
    session = Session(
        session_id="s",
        sub_account_id="a",
        call_flow_request_id="r",
        status=SessionStatus.ERROR,
        callflow=Callflow(
            actions=(
                MakeCall(source="private", destination="+6512341234", call_recording=True),
                SayAndCapture(prompt_message="\u2028\x85\U0001f600", digit_timeout=5),
                PlayFile(file_url="https://a.example/ä.wav", repetition=3),
                ExecuteScenario(scenario_name="s", parameters={"a": [1, {"b": None}]}),
            ),
            valid_until=NOW,
            client_request_id="x",
            legacy=True,
        ),
        created_at=NOW,
        error=SessionError(code=code, detail="d"),
    )
    assert decode_session(encode_session(session)) == session


def test_a_code_of_another_version_is_unknown() -> None:
    session = Session(
        session_id="s",
        sub_account_id="a",
        call_flow_request_id="r",
        status=SessionStatus.ERROR,
        callflow=Callflow(actions=()),
        created_at=NOW,
        error=SessionError(code=RuntimeCode.INTERNAL),
    )
    stored = encode_session(session).replace("-2001", "-2999")
    found = decode_session(stored).error
    assert found is not None
    assert found.code is RuntimeCode.UNKNOWN


@pytest.mark.parametrize("kind", AnyEvent.__args__, ids=lambda kind: str(kind.__name__))
def test_every_event_is_read_back_by_its_tag(kind: type[SessionEvent]) -> None:
    fields = {name: "x" for name in kind.__struct_fields__ if name not in kind_of_field(kind)}
    event = kind(at=NOW, **kind_of_field(kind), **{k: v for k, v in fields.items() if k != "at"})
    assert known_event(encode(event)) == event
    found = known_event(late([event])[0])
    assert found is not None
    assert found.at == NOW


def kind_of_field(kind: type[SessionEvent]) -> dict[str, object]:
    """Values of the fields that are no text."""
    values: dict[str, object] = {
        "index": 3,
        "sip_code": 486,
        "http_status": 200,
        "error_code": -2001,
        "q850_cause": 17,
        "every": 5.0,
        "mos": (4.4, None),
        "packet_loss_rate": (0.01, None),
        "jitter": (3, None),
    }
    values |= {
        "diverted": (Diverted(number="+6512341234", reason="no-answer"),),
        "verification": CallerVerification(result=Verstat.PASSED, attestation=Attestation.A),
    }
    return {name: value for name, value in values.items() if name in kind.__struct_fields__}


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
class TestStatements:
    def test_each_has_a_comment(self, dialect: str) -> None:
        text = (resources.files("offhook.store") / "sql" / f"{dialect}.sql").read_text("utf-8")
        names = re.findall(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
        explained = re.findall(r"^-- name: (\w+)\n-- \w", text, flags=re.MULTILINE)
        assert explained == names
        assert len(set(names)) == len(names)

    def test_each_is_one_statement(self, dialect: str) -> None:
        for name, statement in load(dialect).items():
            assert statement, name
            assert ";" not in statement, name
            assert "--" not in statement, name


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///a.db", "a.db"), ("sqlite:////var/lib/a b.db", "/var/lib/a b.db")],
)
def test_sqlite_urls_name_a_file(url: str, path: str) -> None:
    assert is_sqlite(url)
    assert str(sqlite_path(url)).endswith(path)
    assert sqlite_path(url).is_absolute()


@pytest.mark.parametrize("url", ["postgresql://u@h/n", "postgres://u:p@h:5433/n?sslmode=require"])
def test_postgres_urls(url: str) -> None:
    assert not is_sqlite(url)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://x", "mysql://u:secret@h/n", "a.db"])
def test_other_urls_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"database\.url") as caught:
        is_sqlite(url)
    assert "secret" not in str(caught.value)
