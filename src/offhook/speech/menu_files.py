"""Judges the menus of the configuration file as a server judges them when a call comes, before it serves.

The voices are those that are installed here. Sources and scenarios are not judged: the store may add some.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from offhook import config
from offhook.config.server_checks import Finding

if TYPE_CHECKING:
    from offhook.flow.context import Profiles


def menu_findings(settings: config.Config) -> Iterator[Finding]:
    """Each menu file that cannot be used, by the key that names it. Reads the files.

    The judge is loaded only where there are menus: the supervisor, which asks, needs it for nothing else.
    """
    if not any(account.menus for account in settings.subaccounts):
        return
    from offhook.speech.profiles import ProfileTable

    profiles = ProfileTable.installed(settings.voices)
    for index, account in enumerate(settings.subaccounts):
        for position, menu in enumerate(account.menus):
            problem = _problem(menu, profiles)
            if problem is not None:
                key = ("subaccounts", index, "menus", position, "file")
                yield key, f"{menu.file}: {problem}"


class _Every(Container[str]):
    """Holds every name."""

    def __contains__(self, _name: object) -> bool:
        return True


def _problem(menu: config.MenuFile, profiles: Profiles) -> str | None:
    from offhook.flow.context import ANY_SOURCE, JudgingContext
    from offhook.session.menus import InvalidMenu, check_callflows, menu_of_text

    facts = JudgingContext(
        profiles=profiles,
        sources=frozenset({ANY_SOURCE}),
        withheld_allowed=True,
        has_vca=True,
        scenarios=_Every(),
    )
    try:
        text = Path(menu.file).read_text("utf-8")
        check_callflows(menu_of_text(menu.name, text), facts, datetime.now(UTC))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    except InvalidMenu as error:
        return str(error)
    return None
