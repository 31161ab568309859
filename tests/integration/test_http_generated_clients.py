"""Typed clients that generators make from the OpenAPI document work against the running server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.support.http_world import KEY, World, running_world

HERE = Path(__file__).parent
DONE = "all calls answered as their types say"


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


async def document(world: World, folder: Path) -> Path:
    file = folder / "openapi.json"
    async with world.client() as client, client.get(world.url("/openapi.json")) as response:
        file.write_bytes(await response.read())
    return file


async def test_a_python_client_is_generated_without_a_warning_and_works(tmp_path: Path) -> None:
    scripts = sysconfig.get_path("scripts")
    generator = shutil.which("openapi-python-client", path=scripts)
    assert generator is not None
    async with running_world() as world:
        file = await document(world, tmp_path)
        path = f"{scripts}{os.pathsep}{os.environ['PATH']}"  # it formats with ruff
        generate = (generator, "generate", "--path", file, "--output-path", tmp_path / "client")
        status, output = await run(*generate, cwd=tmp_path, PATH=path)
        assert (status, "Warning" in output) == (0, False), output
        use = (sys.executable, HERE / "python_client" / "use.py", world.url("/"), KEY)
        status, output = await run(*use, cwd=tmp_path, PYTHONPATH=str(tmp_path / "client"))
    assert (status, output.strip()) == (0, DONE)


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_a_typescript_client_is_generated_and_works(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm installs the generator")
    shutil.copytree(HERE / "typescript_client", tmp_path, dirs_exist_ok=True)
    async with running_world() as world:
        await document(world, tmp_path)
        install = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        programs = tmp_path / "node_modules" / ".bin"
        for command in (
            install,
            (programs / "openapi-typescript", "openapi.json", "-o", "schema.ts"),
            (
                *(programs / "tsc", "--strict", "--target", "es2022", "--module", "nodenext"),
                *("--moduleResolution", "nodenext", "--lib", "es2022,dom", "use.ts"),
            ),
        ):
            status, output = await run(*command, cwd=tmp_path)
            assert status == 0, output
        root = world.url("/").rstrip("/")
        status, output = await run("node", "use.js", root, KEY, cwd=tmp_path)
    assert (status, output.strip()) == (0, DONE)


def test_the_lock_of_the_typescript_client_names_no_registry() -> None:
    lock = json.loads((HERE / "typescript_client" / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
