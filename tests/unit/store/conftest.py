"""The fixtures that every test of this folder may use."""

from tests.support.stores import (  # noqa: F401 - pytest finds fixtures by their names here
    sqlite_template,
    sqlite_url,
)
