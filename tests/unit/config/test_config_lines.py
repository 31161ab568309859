"""Where the keys of a TOML text stand."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from offhook.config.toml_lines import Path, line_of, locate

TEXT = '''# a comment [not.a.table]
[http] # listens
listen = "127.0.0.1:8080" # = [x]

[sip]
listen = [
  "udp:127.0.0.1:5060", # a ] in a comment
  "tcp:[::1]:5060",
]
advertise = \'\'\'
[fake]
\'\'\'
rtp_ports = """
also = "fake" \\"""
"""
"quoted \\u0061" . 'b' = 1
[[trunks]]
name = "one"
[[trunks]]

name = "two"
address="udp:x:1"
[[subaccounts]]
id = "s"
[[subaccounts.numbers]]
msisdn = "+1"
[[subaccounts.numbers]]
msisdn = "+2"
[subaccounts.inner]
k = {a = 1, b = [1, 2]}
[[subaccounts]]
[[subaccounts.numbers]]
msisdn = "+3"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("http",), 2),
        (("http", "listen"), 3),
        (("sip", "listen"), 6),
        (("sip", "advertise"), 10),
        (("sip", "rtp_ports"), 13),
        (("sip", "quoted a"), 16),
        (("sip", "quoted a", "b"), 16),
        (("trunks", 0), 17),
        (("trunks", 0, "name"), 18),
        (("trunks", 1), 19),
        (("trunks", 1, "name"), 21),
        (("trunks", 1, "address"), 22),
        (("subaccounts", 0, "numbers", 1, "msisdn"), 28),
        (("subaccounts", 0, "inner", "k"), 30),
        (("subaccounts", 1, "numbers", 0, "msisdn"), 33),
    ],
)
def test_each_key_has_its_line(path: Path, line: int) -> None:
    assert locate(TEXT)[path] == line


def test_nothing_is_found_that_is_not_there() -> None:
    lines = locate(TEXT)
    assert ("fake",) not in lines
    assert ("sip", "also") not in lines
    assert len(lines) == 24


def test_windows_line_ends_count_once() -> None:
    assert locate(TEXT.replace("\n", "\r\n")) == locate(TEXT)


def test_the_text_is_the_toml_it_seems_to_be() -> None:
    assert tomllib.loads(TEXT)["sip"]["quoted a"] == {"b": 1}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("trunks", 1, "channels"), 19),
        (("sip", "listen", 1), 6),
        (("subaccounts", 0, "inner", "k", "a"), 30),
        (("limits", "ring_timeout"), None),
    ],
)
def test_what_has_no_line_takes_that_of_what_holds_it(path: Path, line: int | None) -> None:
    assert line_of(locate(TEXT), path) == line


class Counted(str):
    """A text that counts how many characters were searched for line breaks."""

    searched = 0

    def count(self, sub: str, start: Any = 0, end: Any = None) -> int:
        Counted.searched += (len(self) if end is None else end) - start
        return super().count(sub, start, end)

    def replace(self, *arguments: Any) -> str:
        return self


def test_lines_are_counted_once_however_many_keys_there_are() -> None:
    text = Counted("[[subaccounts]]\nid = 'acme'\naccount = 'acme'\n" * 300)
    lines = locate(text)
    assert lines["subaccounts", 299, "account"] == 900
    assert 0 < Counted.searched <= len(text)
