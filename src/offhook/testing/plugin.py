"""The pytest plugin: the fixture ``offhook``, and the conversations in the report of a failed test."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from offhook.testing.simulation import Offhook

_IN_USE = pytest.StashKey["Offhook"]()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings of the project under test."""
    parser.addini("offhook_config", "offhook.toml whose routes, limits and sub-account tests use.")
    parser.addini("offhook_subaccount", "The sub-account of offhook_config that tests act for.")


@pytest.fixture(name="offhook")
def offhook_fixture(request: pytest.FixtureRequest) -> Iterator[Offhook]:
    """A simulated Offhook of its own for each test (:class:`offhook.testing.Offhook`)."""
    from offhook.testing.simulation import Offhook

    configured = request.config.getini("offhook_config")
    path = request.config.rootpath / configured if configured else None
    simulation = Offhook(path, sub_account=request.config.getini("offhook_subaccount") or None)
    request.node.stash[_IN_USE] = simulation
    yield simulation
    if not request.node.stash.get(_FAILED, False):
        simulation.check_phones()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the conversations of a test that failed."""
    report = yield
    simulation = item.stash.get(_IN_USE, None)
    if report.failed and simulation is not None:
        item.stash[_FAILED] = True
        for session in simulation.sessions:
            report.sections.append((f"offhook {session!r}", session.conversation()))
    return report
