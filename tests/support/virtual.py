"""Tests of waiting, in virtual time: they take no time and depend on no machine's speed."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from offhook.testing.loop import VirtualLoop


def in_virtual_time(test: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
    """Run an ``async def`` test in a loop whose clock jumps; it must leave no task and no timer."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async def main() -> None:
            await test(*arguments, **named)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            assert loop.left_behind() == []

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())

    return run
