"""The store's interfaces, one per client; the full :class:`Store` has them all.

One contract test runs over every implementation (``tests/integration/test_store_*.py``): memory,
SQLite and PostgreSQL.

A write is durable when its call returns. Hot writes are group-committed: calls that wait at the same
moment share one transaction. Every call may raise :class:`.StoreUnavailable`; then nothing was
written, unless the connection broke while the commit was on its way. :meth:`Accepting.accept` tells the
two apart: :class:`.FateUnknown` means that nobody knows.
"""

from __future__ import annotations

from abc import abstractmethod

from offhook.session.ports.accepting import Accepting
from offhook.session.ports.campaign_records import Campaigns
from offhook.session.ports.claiming import Claiming
from offhook.session.ports.console_records import ConsoleRecords
from offhook.session.ports.delivery_outbox import Outbox
from offhook.session.ports.exports import Exporting
from offhook.session.ports.keeping import Upkeep
from offhook.session.ports.media_library import MediaLibrary
from offhook.session.ports.membership import Membership
from offhook.session.ports.metering import Metering
from offhook.session.ports.number_records import Numbers
from offhook.session.ports.operating import Operating
from offhook.session.ports.opt_out_lists import OptOuts
from offhook.session.ports.phone_bindings import Phones
from offhook.session.ports.recording import RecordingStore
from offhook.session.ports.session_history import History
from offhook.session.ports.tenancy_records import Tenancy


class Store(
    Accepting,
    Claiming,
    History,
    Membership,
    Upkeep,
    Outbox,
    Tenancy,
    OptOuts,
    RecordingStore,
    Metering,
    Campaigns,
    MediaLibrary,
    Exporting,
    Operating,
    Numbers,
    Phones,
    ConsoleRecords,
):
    """The whole durable record."""

    @abstractmethod
    async def open(self) -> None:
        """Connect and check that the schema is current.

        Raises :class:`.SchemaMismatch` or :class:`.StoreUnavailable`, with a text for the operator.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the waiting writes, disconnect."""
