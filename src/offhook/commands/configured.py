"""The configuration that a command uses; its path is printed."""

from __future__ import annotations

import os
import sys

from offhook.commands.common import USAGE, CommandError
from offhook.config import Config, Database, find
from offhook.config import file as config_file
from offhook.config import machine_checks as machine


def configuration(given: str | None) -> str | None:
    """The path of the configuration file to use, which is told on stderr; None: embedded defaults."""
    found = find.find(given)
    print(f"offhook: configuration: {found.text}", file=sys.stderr)
    return found.path


def configuration_with_database(given: str | None) -> Config:
    """The configuration, for a command that works on its database.

    Raises :class:`CommandError` where the command would make an embedded database by mistake: without a
    configuration file, or with one of another folder, where no server has run.
    """
    path = configuration(given)
    config = config_file.load(path)
    file = machine.sqlite_path(config.database.url)
    if path is None and config.database == Database() and file and not os.path.exists(file):
        raise CommandError(
            f"there is no configuration file, and no database {file} in this folder. "
            "Say which one with --config FILE, or run this where offhook serve was started",
            USAGE,
        )
    if path is not None and file and not _is_there(file) and not _is_beside(path):
        raise CommandError(
            f"there is no database {file} in this folder, and {path} is in another. Run this where offhook "
            "serve is started, or give database.url the whole path: sqlite:////folder/offhook.db",
            USAGE,
        )
    return config


def _is_there(file: str) -> bool:
    """A file with an absolute name is the same from every folder: it may be made."""
    return os.path.isabs(file) or os.path.exists(file)


def _is_beside(path: str) -> bool:
    return os.path.samefile(os.path.dirname(path) or ".", ".")


def database_name(url: str) -> str:
    """A database's URL without its password, for messages."""
    scheme, separator, rest = url.partition("://")
    credentials, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{credentials.partition(':')[0]}{at}{place.partition('?')[0]}"
