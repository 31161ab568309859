"""Every package that an installation consists of has a licence that was looked at."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTICES = (ROOT / "THIRD_PARTY_NOTICES.md").read_text()
PARTS = ("runtime.txt", "build.txt", "extras.txt")

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-0"),
    *("ISC", "PSF-2.0", "Zlib"),
}
EXPLAINED = {"EPL-2.0", "LGPL-2.1-or-later", "MPL-2.0"}
"""Not permissive: allowed where the first table of the notices says how the package is used."""

# How packages write their licence, and its name in the list of SPDX.
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "Apache License": "Apache-2.0",
    "Apache licensed, as found in the LICENSE file": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
SAYS_NOTHING = {"espeakng-loader"}
"""The package has no word on its licence; its repository has."""


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def noticed() -> Mapping[str, str]:
    """Each package of the notices with its licence, an expression of SPDX."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|;(]+)", NOTICES, re.MULTILINE)
    heads = {"package", "part"}
    return {name: licence.strip() for name, licence in rows if name.strip("-") not in {"", *heads}}


def declared(name: str) -> set[str]:
    """What an installed package says of its own licence: names of SPDX."""
    metadata = importlib.metadata.metadata(name)
    for expression in metadata.get_all("License-Expression") or []:
        return {one for one in re.split(r" AND | OR |[()]", expression) if one}
    classifiers = metadata.get_all("Classifier") or []
    named = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    # Some put the whole text of the licence here: its first line has the name.
    first = "".join(metadata.get_all("License") or []).strip().partition("\n")[0].strip()
    named = [one for one in named if one != "OSI Approved"] or [first]
    return {SPELLINGS.get(part, part) for one in named for part in one.split(" OR ")}


def names(expression: str) -> set[str]:
    return set(re.split(r" AND | OR ", expression))


def test_the_notices_name_every_package_and_no_other() -> None:
    assert noticed().keys() == set().union(*map(locked, PARTS))


@pytest.mark.parametrize(("name", "licence"), sorted(noticed().items()))
def test_a_licence_is_permissive_or_its_use_is_explained(name: str, licence: str) -> None:
    choices = [set(choice.split(" AND ")) for choice in licence.split(" OR ")]
    assert any(choice <= PERMISSIVE | EXPLAINED for choice in choices), licence
    if not any(choice <= PERMISSIVE for choice in choices):
        explained = NOTICES.partition("## What is not permissive")[2].partition("\n## ")[0]
        assert name in explained


@pytest.mark.parametrize("name", sorted(noticed().keys() - SAYS_NOTHING))
def test_the_notices_say_what_the_package_says(name: str) -> None:
    try:
        said = declared(name)
    except importlib.metadata.PackageNotFoundError:
        assert name in {"colorama"}, "the tests need all packages but those of other systems"
        return
    # A classifier cannot tell the editions of the BSD licence apart, nor name a choice.
    assert said & names(noticed()[name]), said
