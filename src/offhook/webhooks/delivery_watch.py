"""What the delivery worker tells about endpoints and about webhooks that it gave up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final


class DeliveryWatch(ABC):
    """Is told once when an endpoint begins to fail and once when it works again."""

    @abstractmethod
    def failing(self, sub_account_id: str, type_: str, host: str, detail: str) -> None:
        """An endpoint begins to fail; ``detail`` says how."""

    @abstractmethod
    def recovered(self, sub_account_id: str, type_: str) -> None:
        """It works again."""

    @abstractmethod
    def gave_up(self, sub_account_id: str, type_: str) -> None:
        """A delivery is dead."""


@final
class NoDeliveryWatch(DeliveryWatch):
    """Tells nobody."""

    def failing(self, sub_account_id: str, type_: str, host: str, detail: str) -> None:
        pass

    def recovered(self, sub_account_id: str, type_: str) -> None:
        pass

    def gave_up(self, sub_account_id: str, type_: str) -> None:
        pass
