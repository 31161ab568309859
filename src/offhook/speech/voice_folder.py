"""Where installed voices lie, and what is installed there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

MANIFEST: Final = "installed.json"
"""Written last: a folder without it is not installed. Names each file with its SHA-256."""
SHARED: Final = Path("/var/lib/offhook/voices")
"""Taken when it exists: one installation for every user of the machine."""


def default_folder() -> Path:
    """``OFFHOOK_VOICES__FOLDER``, the shared folder, or the user's own data folder."""
    if wanted := os.environ.get("OFFHOOK_VOICES__FOLDER"):
        return Path(wanted)
    if SHARED.is_dir():
        return SHARED
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "offhook" / "voices"


def manifest(folder: Path) -> dict[str, str]:
    """The installed files with their hashes; empty: nothing is installed in ``folder``."""
    try:
        listed = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
        return {str(name): str(digest) for name, digest in listed.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}
