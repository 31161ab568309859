"""A reload reaches everything that decides about the next session: routes, limits, trunks."""

from __future__ import annotations

import msgspec
from tests.support.node_world import ANSWERS, LEAVES, SOURCE, World, world

from offhook import config
from offhook.flow.actions import Hangup, MakeCall, Say
from offhook.session.session import Session


async def bridged(here: World) -> Session:
    """What becomes of a bridge to LEAVES."""
    calls = [MakeCall(source=SOURCE, destination=number) for number in (ANSWERS, LEAVES)]
    return await here.run(*calls, Say(text="Hello.", language="en-US"), Hangup())


async def test_the_route_of_a_new_session_is_that_of_the_new_configuration() -> None:
    async with world(queue_timeout=0.2) as here:
        elsewhere = config.RouteSection(prefix="+999", trunks=("carrier",))
        here.node.reload(msgspec.structs.replace(here.config, routes=(elsewhere,)))
        ended = await bridged(here)
        assert ended.error is not None
        assert ended.error.code == -2004
        assert str(ended.error.detail).startswith("no route: ")


async def test_the_route_of_leg_b_is_that_of_the_new_configuration() -> None:
    async with world() as here:
        assert (await bridged(here)).error is None
        only_a = config.RouteSection(prefix=ANSWERS, trunks=("carrier",))
        here.node.reload(msgspec.structs.replace(here.config, routes=(only_a,)))
        ended = await bridged(here)
        assert ended.error is not None
        assert ended.error.code == -2004
        assert [leg.sip_code for leg in ended.legs] == [None, 503]


async def test_the_limits_of_the_next_sessions_are_the_new_ones() -> None:
    async with world() as here:
        limits = msgspec.structs.replace(here.config.limits, max_legs=1)
        here.node.reload(msgspec.structs.replace(here.config, limits=limits))
        ended = await bridged(here)
        assert ended.error is not None
        assert ended.error.code == -2003
