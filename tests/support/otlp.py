"""A collector of OpenTelemetry on loopback: keeps the spans that come over OTLP/HTTP."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.waiting import Changes


class Collector(Changes):
    """``async with Collector() as collector``; ``spans`` by name."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Any] = []
        """As ``opentelemetry.proto.trace.v1.Span``."""
        self.resources: list[dict[str, str]] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest()
        message.ParseFromString(await request.read())
        for resource in message.resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += scope.spans
                self.resources += [facts] * len(scope.spans)
        self.changed()
        return web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> list[Any]:
        """The spans with this name."""
        return [span for span in self.spans if span.name == name]
