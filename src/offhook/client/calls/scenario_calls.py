"""Scenarios: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import ParameterBody, ScenarioAnswer, ScenarioList


class ScenarioCalls(Sender):
    """Scenarios."""

    def list_scenarios(self) -> ScenarioList:
        """List the scenarios."""
        return self._send("GET", "/api/v1/subaccounts/{subAccountId}/scenarios", ScenarioList)

    def get_scenario(self, name: str) -> ScenarioAnswer:
        """Show a scenario."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
        )

    def put_scenario(
        self,
        name: str,
        callflow: Sequence[Mapping[str, object]],
        *,
        parameters: Sequence[ParameterBody] | None = None,
    ) -> ScenarioAnswer:
        """Create or replace a scenario.

        ``callflow``: The actions, in the order they run.
        ``parameters``: What a request may fill in.
        """
        return self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
            body={"callflow": callflow, "parameters": parameters},
        )

    def delete_scenario(self, name: str) -> ScenarioAnswer:
        """Delete a scenario."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
        )


class AsyncScenarioCalls(AsyncSender):
    """Scenarios."""

    async def list_scenarios(self) -> ScenarioList:
        """List the scenarios."""
        return await self._send("GET", "/api/v1/subaccounts/{subAccountId}/scenarios", ScenarioList)

    async def get_scenario(self, name: str) -> ScenarioAnswer:
        """Show a scenario."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
        )

    async def put_scenario(
        self,
        name: str,
        callflow: Sequence[Mapping[str, object]],
        *,
        parameters: Sequence[ParameterBody] | None = None,
    ) -> ScenarioAnswer:
        """Create or replace a scenario.

        ``callflow``: The actions, in the order they run.
        ``parameters``: What a request may fill in.
        """
        return await self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
            body={"callflow": callflow, "parameters": parameters},
        )

    async def delete_scenario(self, name: str) -> ScenarioAnswer:
        """Delete a scenario."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/scenarios/{name}",
            ScenarioAnswer,
            names={"name": name},
        )
