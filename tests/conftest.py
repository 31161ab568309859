"""What all tests share: the profile of hypothesis; under CI (``CI=true``) a skipped test is a failure.

A skip means that a peer or a tool is missing. On a developer's machine that is a note at the end; where
a change is judged it must not pass for tested.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# No limit in time: how long an example takes depends on what else the machine does.
settings.register_profile("offhook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# For make unit: a tenth of the examples; make test tries them all.
settings.register_profile("quick", settings.get_profile("offhook"), max_examples=10)
settings.load_profile("offhook")

# What is installed on this machine must not decide what tests see; tests of installed voices say which.
os.environ.setdefault("OFFHOOK_VOICES__FOLDER", "/nonexistent/offhook/voices")

# Checks IRIs for jsonschema, which no test asks for; to load it takes 1.5 s in each process.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

_SKIPS_FAIL = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded until all tests are known stays: the garbage collector never looks at it.

    Otherwise each collection walks through all modules and tests again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test (not one that is expected to fail) fails."""
    report = yield
    if _SKIPS_FAIL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A skipped module fails as well."""
    report = yield
    if _SKIPS_FAIL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report
