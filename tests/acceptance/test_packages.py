"""A release as ``scripts/release`` makes it: each package installed where nothing else is, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "99.0.0"
NOBODY = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "A tester"), ("EMAIL", "tester@example.org"))
}

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


def run(*command: str | Path, folder: Path, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a dry run, signed with a key beside them, of what is committed."""
    folder = tmp_path_factory.mktemp("release")
    run("git", "clone", "--quiet", ROOT, folder / "offhook", folder=folder)
    (folder / "offhook" / ".venv").symlink_to(ROOT / ".venv")
    (folder / "offhook/.git/info/exclude").write_text(".venv\n")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key", folder=folder)
    options = ("--dry-run", "--out", folder / "files", "--sign", folder / "key")
    run("scripts/release", VERSION, *options, folder=folder / "offhook", environ=NOBODY)
    assert run("git", "status", "--porcelain", folder=folder / "offhook") == ""
    assert VERSION not in run("git", "tag", folder=folder / "offhook")
    return folder / "files"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with what the lock of the server names, and no more."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder.parent)
    pip_install(folder, "--require-hashes", "--only-binary", ":all:", "-r", RUNTIME)
    return folder


RUNTIME = str(ROOT / "requirements" / "runtime.txt")


def pip_install(venv: Path, *arguments: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "--python", venv / "bin/python", "install", "--no-deps", *arguments, folder=venv)


def demo(python: Path, folder: Path) -> Mapping[str, Any]:
    """Run the demo of an installation; what it reports."""
    told: dict[str, Any] = json.loads(run(python, "-m", "offhook", "demo", "--json", folder=folder))
    return told


def has_native(python: Path, folder: Path) -> bool:
    command = (python, "-c", "import offhook.media.native._core")
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=60).returncode == 0


def test_a_release_has_all_its_files(released: Path) -> None:
    wheels = {re.sub(r"-(linux|any).*", "", file.name) for file in released.glob("*.whl")}
    assert wheels == {f"offhook-{VERSION}-cp311-abi3", f"offhook-{VERSION}-py3-none"}
    assert (released / f"offhook-{VERSION}.tar.gz").exists()
    assert (released / f"offhook-{VERSION}.tgz").exists()
    assert [file.name.startswith(f"offhook_{VERSION}_") for file in released.glob("*.deb")] == [
        True
    ]
    assert (released / "RELEASE_NOTES.md").read_text().startswith("### ")


def test_hashes_and_provenance_name_every_file_and_are_signed(released: Path) -> None:
    run("sha256sum", "--check", "--strict", "SHA256SUMS", folder=released)
    statement = json.loads((released / "provenance.json").read_text())
    named = {subject["name"] for subject in statement["subject"]}
    own = {"SHA256SUMS", "SHA256SUMS.sig", "provenance.json", "provenance.json.sig"}
    assert named == {file.name for file in released.iterdir()} - own
    (released.parent / "signers").write_text(f"release {(released.parent / 'key.pub').read_text()}")
    for name in ("SHA256SUMS", "provenance.json"):
        verify = ("ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "release")
        signature = released / f"{name}.sig"
        subprocess.run(
            [*verify, "-n", "offhook-release", "-s", signature],
            cwd=released.parent,
            input=(released / name).read_bytes(),
            check=True,
        )


@pytest.mark.parametrize("lock", ["runtime", "extras"])
def test_the_bill_of_materials_names_what_is_locked(released: Path, lock: str) -> None:
    bill = json.loads((released / f"offhook-{VERSION}-{lock}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "offhook"
    locked = re.findall(
        r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.MULTILINE
    )
    assert {(one["name"], one["version"]) for one in bill["components"]} == set(locked)
    licences = {one["name"]: one["licenses"][0]["expression"] for one in bill["components"]}
    assert licences["soxr"] == "LGPL-2.1-or-later"
    with_hashes = [
        one for one in bill["components"] if one.get("externalReferences", [{}])[0].get("hashes")
    ]
    assert len(with_hashes) == len(bill["components"])


@pytest.mark.parametrize(("kind", "native"), [("py3-none-any", False), ("cp311-abi3", True)])
def test_a_wheel_in_a_clean_environment_runs_the_demo(
    released: Path, clean: Path, tmp_path: Path, kind: str, native: bool
) -> None:
    [wheel] = released.glob(f"*-{kind}*.whl")
    pip_install(clean, "--no-index", "--force-reinstall", wheel)
    python = clean / "bin" / "python"
    assert run(clean / "bin/offhook", "--version", folder=tmp_path) == f"offhook {VERSION}\n"
    assert has_native(python, tmp_path) is native
    assert demo(python, tmp_path)["summary"]["payload"]["sessionStatus"] == "COMPLETED"
    run(clean / "bin/offhook", "docs", "--build", tmp_path / "site", folder=tmp_path)
    assert "Offhook" in (tmp_path / "site" / "index.html").read_text()


def test_the_source_makes_the_same_wheel(released: Path, tmp_path: Path) -> None:
    [source] = released.glob("*.tar.gz")
    run("tar", "-xf", source, folder=tmp_path)
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    run(*build, folder=tmp_path / f"offhook-{VERSION}", environ={"OFFHOOK_NATIVE": "without"})
    [made], [pure] = tmp_path.glob("*.whl"), released.glob("*none-any.whl")
    with zipfile.ZipFile(made) as one, zipfile.ZipFile(pure) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="this is no Debian")
def test_the_debian_package_runs_the_demo(released: Path, tmp_path: Path) -> None:
    [package] = released.glob("*.deb")
    run("dpkg-deb", "--extract", package, tmp_path / "root", folder=tmp_path)
    root = tmp_path / "root"
    assert (root / "lib/systemd/system/offhook.service").exists()
    assert (root / "opt/offhook/bin/offhook").read_text().startswith("#!/opt/offhook/bin/python")
    python = root / "opt/offhook/bin/python"
    assert has_native(python, tmp_path)
    assert demo(python, tmp_path)["summary"]["payload"]["sessionStatus"] == "COMPLETED"
    needed = run("dpkg-deb", "--field", package, "Depends", folder=tmp_path)
    libraries = set(re.findall(r"lib(opus|srtp2|spandsp)", needed))
    assert libraries == {"opus", "srtp2", "spandsp"}
    names = run("dpkg-deb", "--contents", package, folder=tmp_path)
    assert "./etc/offhook/offhook.toml" in names
    assert "hatchling" not in names
