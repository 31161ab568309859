"""The build hook: puts the documentation into a wheel, and makes the native media engine where it can.

Run by hatchling for wheels and for editable installations. It needs nothing but the interpreter. The variable
``OFFHOOK_NATIVE`` decides: ``auto`` (the default), ``required`` (a wheel without the engine is an error) or
``without`` (a wheel for every platform).
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("src") / "offhook" / "media" / "native"
PAGES = (
    *("docs", "examples", "deploy", "clients/javascript/README.md"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "THIRD_PARTY_NOTICES.md"),
)
"""What ``offhook docs`` shows and links to; an editable installation reads it where it is."""
SHOWN = "offhook/docs_site/source"


class NativeEngineHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the extension module beside its sources and puts it into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or leave out; either is a complete installation."""
        if self.target_name != "wheel":
            return
        wish = os.environ.get("OFFHOOK_NATIVE", "auto")
        if wish not in {"auto", "required", "without"}:
            raise ValueError(f"OFFHOOK_NATIVE={wish}: expected auto, required or without")
        root = Path(self.root)
        if version == "standard":
            there = [name for name in PAGES if (root / name).exists()]
            build_data["force_include"].update({name: f"{SHOWN}/{name}" for name in there})
        if wish == "without":
            return
        # By path: the package itself, which is not installed yet, needs more than the interpreter.
        build = runpy.run_path(str(root / NATIVE / "build.py"))["build"]
        outcome = build(root / NATIVE)
        self.app.display_info(outcome.line)
        if outcome.module is None:
            if wish == "required":
                raise RuntimeError(outcome.line)
            return
        build_data["artifacts"].append(str(outcome.module.relative_to(root)))
        build_data["pure_python"] = False
        build_data["tag"] = outcome.tag
