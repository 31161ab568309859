"""Every fenced block of every page is checked here or by a test of its page, or says why it is not run.

JSON callflows go through the judge, configurations through the loader, command lines through the command's
own parser, Python through the compiler. Blocks that show what a program does must stand on a page that some
test names.
"""

from __future__ import annotations

import ast
import functools
import itertools
import json
import re
import shlex
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.support.certificates import make_certificate
from tests.support.openapi import the_document
from tests.support.pages import ROOT, Block, all_blocks

from offhook import cli
from offhook.config.file import load
from offhook.flow.judge import judge
from offhook.flow.lint import offline_facts
from offhook.flow.problems import Mode
from offhook.http.edge.paths import PAGES as PAGES_FOR_PEOPLE

BLOCKS = all_blocks()
NOW = datetime(2026, 7, 3, tzinfo=UTC)
FACTS = offline_facts()

FOREIGN = {
    **dict.fromkeys(
        ("systemctl", "systemd-analyze", "docker", "apt", "kamailio", "kamcmd"),
        "changes or needs a machine",
    ),
    **dict.fromkeys(
        ("createdb", "pg_dump", "pg_restore", "sqlite3"), "needs the operator's database"
    ),
    **dict.fromkeys(
        ("openssl", "ssh-keygen", "sha256sum", "promtool"), "checks files of the operator"
    ),
    **dict.fromkeys(
        ("rm", "cp", "cat", "export", ".", "true", "npm", "node"), "of the shell and its neighbours"
    ),
}
"""Programs of others in command lines, and why nothing more is checked."""
SCRIPTS = ("scripts/", "deploy/")
PLAIN = frozenset({"text", "csv", "mermaid"})
"""Pictures, outputs and data: nothing to run. The site's build draws Mermaid."""
OF_THEIR_PAGE = frozenset({"javascript", "typescript", "js", "ts", "html", "nginx", "nft"})


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


@functools.cache
def all_tests() -> str:
    """The text of all tests: a page is tested where its name stands in one."""
    files = (ROOT / "tests").rglob("test_*.py")
    return "\n".join(file.read_text() for file in files if file.name != Path(__file__).name)


def has_a_test(block: Block) -> bool:
    path = Path(block.page)
    names = (path.name, path.stem) if path.stem != "README" else (block.page, path.parent.name)
    return any(f'"{name}"' in all_tests() or f"/{name}" in all_tests() for name in names)


def judged_elsewhere(block: Block) -> bool:
    """The pages of the codes show what is wrong, and how it is right: test_codes_pages.py judges both."""
    return block.page.startswith("docs/codes/") and 'glob("*.md")' in all_tests()


def test_every_language_is_one_that_is_checked() -> None:
    known = {"json", "toml", "sh", "console", "python", "xml", *PLAIN, *OF_THEIR_PAGE}
    assert [f"{block}: {block.language}" for block in BLOCKS if block.language not in known] == []


def test_there_is_something_to_check() -> None:
    assert len(of("json")) > 60
    assert len(of("sh", "console")) > 60


# --- JSON

ASKED = {"callflow": Mode.SUBMITTED, "run": Mode.SUBMITTED, "decision": Mode.DECISION}
"""Labels of what the judge must accept."""


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_json_and_callflows_are_accepted(block: Block) -> None:
    if judged_elsewhere(block):
        return
    value = json.loads(block.text)
    label = block.labels[0] if block.labels else ""
    if label in ASKED:
        verdict = judge(block.text.encode(), FACTS, NOW, mode=ASKED[label])
        assert verdict.problems == ()
    elif label == "action":
        body = json.dumps({"callflow": [value]}).encode()
        assert judge(body, FACTS, NOW, mode=Mode.DECISION).problems == ()
    elif isinstance(value, dict) and "callflow" in value:
        assert has_a_test(block), "a callflow without a label: json callflow, or json decision"


# --- configurations


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_toml_is_a_configuration_that_loads(block: Block, tmp_path: Path) -> None:
    if block.text.startswith("[tool."):
        tomllib.loads(block.text)
        assert has_a_test(block)
        return
    file = tmp_path / "offhook.toml"
    file.write_text(block.text)
    certificate, key = one_certificate()
    for name in re.findall(r'"([\w.]+\.(?:pem|key))"', block.text):
        (tmp_path / name).write_bytes((key if "key" in name else certificate).read_bytes())
    environ = {"ACME_KEY": "k", "OFFHOOK_ADMIN_KEY": "k"}
    if "[sip]" not in block.text:  # the page says elsewhere what a trunk over TCP or TLS needs
        environ |= {
            "OFFHOOK_SIP__LISTEN": '["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060", "tls:127.0.0.1:5061"]',
            "OFFHOOK_SIP__TLS_CERTIFICATE": str(certificate),
            "OFFHOOK_SIP__TLS_KEY": str(key),
        }
    load(str(file), environ)


@functools.cache
def one_certificate() -> tuple[Path, Path]:
    """A certificate and its key, made once."""
    return make_certificate(Path(tempfile.mkdtemp(prefix="offhook-pages-")), "page")


# --- command lines


def lines(block: Block) -> Iterator[str]:
    """The commands of a block; in a console block, those behind the prompt."""
    text = block.text.replace("\\\n", " ")
    text = re.sub(r"\$\((.*)\)$", r"$ ; \1", text, flags=re.MULTILINE)
    if block.language == "console":
        shown = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        assert shown, "no line begins with $"
        text = "\n".join(shown)
    yield from text.splitlines()


def commands(block: Block) -> Iterator[list[str]]:
    """Each command as words; a quoted text may go over several lines."""
    pending = ""
    for line in lines(block):
        pending = f"{pending}\n{line}" if pending else line
        try:
            lexer = shlex.shlex(pending, posix=True, punctuation_chars="|&;<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            continue
        pending = ""
        command: list[str] = []
        for word in words:
            if set(word) <= set("|&;"):
                yield command
                command = []
            else:
                command.append(word)
        yield command
    assert not pending, "a quotation that does not end"


def without_redirection(words: list[str]) -> list[str]:
    for mark in (">", "<"):
        if mark in words:
            words = words[: words.index(mark)]
    return words


def targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@functools.cache
def known_paths() -> list[str]:
    """A pattern for each path that the API and the pages for people have."""
    known = [*the_document()["paths"], *PAGES_FOR_PEOPLE]
    return [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one)) for one in known]


def check_curl(words: list[str]) -> None:
    """The path is one of the API, and what is sent is JSON."""
    [url] = [word for word in words if re.match(r"(https?://|\$OFFHOOK|\$\{)", word)]
    path = re.sub(r"^(https?://[^/]+|\$OFFHOOK_URL)", "", url).partition("?")[0]
    path = path.replace("$OFFHOOK/", "/api/v1/subaccounts/demo/")
    assert any(re.fullmatch(pattern, path) for pattern in known_paths()), path
    for flag, value in itertools.pairwise(words):
        if flag in ("-d", "--data") and not value.startswith("@"):
            json.loads(value)


@pytest.mark.parametrize("block", [b for b in of("sh", "console") if not b.not_run], ids=str)
def test_command_lines_are_understood(block: Block) -> None:
    for given in commands(block):
        words = without_redirection(given)
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if not words:
            continue
        program, *arguments = words
        name = Path(program).name
        if name == "offhook":
            cli.app.parse_args(arguments, exit_on_error=False, print_error=False)
        elif name == "make":
            assert {word for word in arguments if "=" not in word} <= targets_of_make()
        elif name == "curl":
            check_curl(arguments)
        elif name in ("python3", "python"):
            check_python(block, arguments)
        elif name in ("pip", "pip3"):
            assert arguments[0] == "install"
        elif program.startswith(SCRIPTS):
            assert (ROOT / program).exists(), program
        else:
            assert program in FOREIGN, f"{program}: who checks it? Or say <!-- not run: why -->"


def check_python(block: Block, arguments: list[str]) -> None:
    """Code is compiled; a file is one of the page or of the repository; a module is known."""
    if arguments[0] == "-c":
        compile(arguments[1], str(block), "exec")
    elif arguments[0] == "-m":
        assert arguments[1] in ("pytest", "venv", "pip", "tests.bench")
    else:
        saved = {label for one in BLOCKS if one.page == block.page for label in one.labels}
        named_file = (ROOT / arguments[0]).exists()
        mentioned = f"`{arguments[0]}`" in (ROOT / block.page).read_text()
        assert arguments[0] in saved or named_file or mentioned


# --- programs


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_python_compiles_and_its_page_has_a_test(block: Block) -> None:
    ast.parse(block.text)
    assert block.not_run or has_a_test(block)


@pytest.mark.parametrize("block", of("xml"), ids=str)
def test_xml_is_well_formed(block: Block) -> None:
    ElementTree.fromstring(block.text)


@pytest.mark.parametrize("block", of(*OF_THEIR_PAGE), ids=str)
def test_other_programs_stand_on_pages_with_a_test(block: Block) -> None:
    assert block.not_run or has_a_test(block)
