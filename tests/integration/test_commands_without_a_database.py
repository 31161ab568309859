"""What commands say when their database is not there (PostgreSQL is waited for a few seconds)."""

from __future__ import annotations

import pytest

from offhook import cli


@pytest.mark.parametrize("command", [("keys", "list"), ("db", "upgrade")])
@pytest.mark.parametrize("url", ["sqlite:////proc/x.db", "postgresql://x:secret@127.0.0.1:1/x"])
def test_a_database_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    url: str,
) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE__URL", url)
    assert cli.main(command) == 1
    err = capsys.readouterr().err
    _, said = err.splitlines()
    shown = url.replace(":secret@", "@")
    assert said.startswith(f"offhook: the database {shown} cannot be ")
    assert "secret" not in err
    assert not said.rstrip().endswith(":")
