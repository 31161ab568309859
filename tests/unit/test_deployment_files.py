"""The files of ``deploy/``, as the tools that use them read them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from offhook.config import file as config_file

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the compose file, anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return read


def test_hadolint_has_no_remark_on_the_dockerfile() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_dockerfile_copies_what_is_there_and_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    copied = {name for line in copies for name in line.split()}
    assert copied == allowed
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_image_runs_without_root_and_says_whether_it_is_healthy() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    installed = re.findall(r"--no-install-recommends (.+) \\\n", DOCKERFILE)
    build, used = (set(line.split()) for line in installed)
    # What the engine is built with is what it is used with; compilers and headers stay behind.
    assert {name.removesuffix("-dev") for name in build if name.endswith("-dev")} - {"libc6"} == {
        re.sub(r"(?<=[a-z])0$|(?<=spandsp)2$|-1$", "", name) for name in used
    }


def test_the_compose_file_is_valid_for_the_specification() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    options = compose_spec.PyOptions(apply_merge=True)
    composed = options.from_yaml(text)
    composed.validate()
    assert set(composed.service_names()) == {"database", "nats", "upgrade", "offhook"}


def test_the_services_wait_for_what_they_need(services: dict[str, Any]) -> None:
    assert services["upgrade"]["depends_on"]["database"]["condition"] == "service_healthy"
    needs = services["offhook"]["depends_on"]
    assert needs["upgrade"]["condition"] == "service_completed_successfully"
    assert needs.keys() <= services.keys()


def test_the_server_in_compose_is_confined(services: dict[str, Any]) -> None:
    for name in ("upgrade", "offhook"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for name in ("database", "nats"):
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])


def test_the_variables_of_compose_are_settings_and_in_the_example(
    services: dict[str, Any], tmp_path: Path
) -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked == example.keys()
    environ = {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: example[found[1]] or "x", value)
        for name, value in services["offhook"]["environment"].items()
    }
    (tmp_path / "offhook.toml").write_text("")
    config = config_file.load(str(tmp_path / "offhook.toml"), environ)
    assert config.database.url == "postgresql://offhook:x@127.0.0.1:5432/offhook"
    assert config.http.listen == "127.0.0.1:8080"


def test_the_configuration_of_the_debian_package_is_one(tmp_path: Path) -> None:
    text = (DEPLOY / "debian" / "offhook.toml").read_text()
    file = tmp_path / "offhook.toml"
    file.write_text(text.replace("/var/lib/offhook/offhook.db", str(tmp_path / "offhook.db")))
    config_file.load(str(file), {})
    # What it proposes in comments is right as well.
    proposed = re.sub(r"^# (?=[\[a-z])|^#$", "", text, flags=re.MULTILINE)
    proposed = proposed.replace("sha256:…", "sha256:" + "0" * 64)
    assert tomllib.loads(proposed)["trunks"]


def test_other_platforms_get_a_wheel_with_the_native_engine() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheels = project["tool"]["cibuildwheel"]
    assert wheels["environment"] == {"OFFHOOK_NATIVE": "required"}
    assert set(wheels["archs"]) == {"x86_64", "aarch64"}
