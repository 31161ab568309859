"""The site of the real pages: no problem, nothing from outside, every link leads to a file."""

from __future__ import annotations

import importlib.util
import json
import posixpath
import re
import runpy
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

from offhook import cli
from offhook.docs_site.building import Site, build
from offhook.docs_site.llms import sentence
from offhook.docs_site.reading import anchor_of
from offhook.docs_site.sources import page_names

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site() -> Site:
    return build(ROOT)


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_have_no_problem(site: Site) -> None:
    assert [str(problem) for problem in site.problems] == []


@pytest.mark.parametrize("name", ["commands.md", "events.md", "endpoints.md"])
def test_a_page_made_from_code_is_what_the_code_says(name: str) -> None:
    made = script("reference_pages")
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == made.PAGES[name](), "run make docs"


def test_a_wheel_carries_every_page_and_every_file_that_pages_link_to(site: Site) -> None:
    carried = runpy.run_path(str(ROOT / "hatch_build.py"))["PAGES"]
    linked = [name.removeprefix("files/") for name in site.files if name.startswith("files/")]
    assert len(linked) > 10
    left_out = [
        name
        for name in (*linked, *page_names(ROOT))
        if not any(name == part or name.startswith(f"{part}/") for part in carried)
    ]
    assert left_out == []


class Outline(HTMLParser):
    """What a page of HTML loads, links to and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if source := given.get("src"):
            self.loads.append(source)
        if href := given.get("href"):
            (self.loads if tag == "link" else self.links).append(href)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


@pytest.fixture(scope="module")
def outlines(site: Site) -> dict[str, Outline]:
    found = {}
    for name, content in site.files.items():
        if name.endswith(".html"):
            found[name] = Outline()
            found[name].feed(content.decode())
    return found


def test_pages_load_only_files_of_the_site(site: Site, outlines: dict[str, Outline]) -> None:
    wrong = [
        (name, load)
        for name, outline in outlines.items()
        for load in outline.loads
        if posixpath.normpath(posixpath.join(posixpath.dirname(name), load)) not in site.files
    ]
    assert wrong == []
    styles = site.files["static/docs.css"].decode()
    assert not re.search(r"@import|url\(", styles)


def test_pages_have_no_styles_or_scripts_of_their_own(outlines: dict[str, Outline]) -> None:
    assert [(name, one.inline) for name, one in outlines.items() if one.inline] == []


def test_links_within_the_site_lead_to_a_page_and_a_heading(
    site: Site, outlines: dict[str, Outline]
) -> None:
    wrong = []
    for name, outline in outlines.items():
        for link in outline.links:
            if "://" in link or link.startswith("mailto:"):
                continue
            path, _, anchor = link.partition("#")
            folder = posixpath.dirname(name)
            target = posixpath.normpath(posixpath.join(folder, path)) if path else name
            if target not in site.files or (anchor and anchor not in outlines[target].ids):
                wrong.append((name, link))
    assert wrong == []


def test_headings_have_ids_of_their_own(outlines: dict[str, Outline]) -> None:
    for name, outline in outlines.items():
        twice = {one for one in outline.ids if outline.ids.count(one) > 1}
        assert (name, twice) == (name, set())


def test_every_link_of_llms_txt_leads_to_a_file(site: Site) -> None:
    text = site.files["llms.txt"].decode()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 30
    assert [link for link in links if link not in site.files] == []
    assert text.startswith("# Offhook\n\n> ")


def test_the_full_text_for_language_models_holds_every_page(site: Site) -> None:
    text = site.files["llms-full.txt"].decode()
    missing = [
        name
        for name, content in site.files.items()
        if name.endswith(".md") and not name.startswith("files/") and content.decode() not in text
    ]
    assert missing == []


def test_search_knows_headings_and_their_words(site: Site) -> None:
    entries = json.loads(site.files["static/search.json"])
    [say] = [one for one in entries if one[0] == "callflows.html#say"]
    assert say[1:3] == ["Callflows", "say"]
    assert "0.5 to 2" in say[3]


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("The older form", "the-older-form"),
        ("`[testbed]`", "testbed"),
        ("Calls: VCA and VCS", "calls-vca-and-vcs"),
        ("-1013 Größe?", "-1013-größe"),
    ],
)
def test_anchors_are_those_of_repositories(text: str, anchor: str) -> None:
    assert anchor_of(text.replace("`", "")) == anchor


def test_a_sentence_ends_at_its_stop() -> None:
    assert sentence("One. Two.") == "One."
    assert sentence("Only one.") == "Only one."


def test_the_site_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["docs", "--build", str(tmp_path / "site"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == []
    assert "Offhook" in (tmp_path / "site" / "index.html").read_text()
    written = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert len(written) == told["files"]


def test_pages_are_printed_for_language_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["docs", "--llms"]) == 0
    assert capsys.readouterr().out.startswith("# Offhook\n\n> ")
