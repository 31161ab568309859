"""The npm package as npm packs it, unpacked where Node finds it."""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "javascript"
PROGRAMS = ROOT / "tests" / "javascript"

available = shutil.which("npm") is not None


async def run(*command: str | Path, cwd: Path, **environment: str) -> tuple[int, str]:
    """Exit status and output of a program."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def packed(folder: Path) -> list[str]:
    """Pack the package into ``folder/node_modules/offhook``; the files of the package."""
    pack = ("npm", "pack", "--ignore-scripts", "--offline", PACKAGE)
    status, output = await run(*pack, cwd=folder)
    assert status == 0, output
    (file,) = folder.glob("*.tgz")
    with tarfile.open(file) as archive:
        names = archive.getnames()
    (folder / "unpacked").mkdir()
    status, output = await run("tar", "-xf", str(file), "-C", "unpacked", cwd=folder)
    assert status == 0, output
    (folder / "node_modules").mkdir(exist_ok=True)
    (folder / "unpacked" / "package").rename(folder / "node_modules" / "offhook")
    return sorted(name.removeprefix("package/") for name in names)


async def installed(folder: Path) -> None:
    """Express and the compiler of TypeScript, from the lock file, into ``folder``."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PROGRAMS / name, folder / name)
    options = ("--no-audit", "--no-fund", "--ignore-scripts")
    status, output = await run("npm", "ci", *options, cwd=folder)
    assert status == 0, output
