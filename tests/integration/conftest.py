"""The fixtures that every test of this folder may use."""

import pytest
from tests.integration.media_peer import ENGINES, UnderTest
from tests.support.stores import (  # noqa: F401 - pytest finds fixtures by their names here
    database_url,
    other,
    postgres,
    postgres_url,
    sqlite_template,
    sqlite_url,
    store,
    store_url,
)

from offhook.config.server_checks import NATIVE_MODULE


@pytest.fixture(params=ENGINES)
def each_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test once with each media engine."""
    if request.param == "native" and not NATIVE_MODULE.exists():
        pytest.skip("the native media engine is not built: make .venv/.dev")
    monkeypatch.setattr(UnderTest, "kind", request.param)
    return str(request.param)
