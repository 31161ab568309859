"""What the supervisor decides: whom to start, and how soon again."""

from __future__ import annotations

import pytest

from offhook.config import Config
from offhook.config.file import embedded
from offhook.processes.keeper import SILENT_TICKS, STEADY_AFTER, Member, Pulse, Restarts
from offhook.processes.process_roles import ProcessRole
from offhook.processes.ready_facts import ReadyFacts, ServerFacts
from offhook.processes.supervisor import facts_of, members

TESTBED = Member(ProcessRole.TESTBED)
API = Member(ProcessRole.API)
FRONT = Member(ProcessRole.FRONT)


@pytest.mark.parametrize(
    ("config", "role", "workers", "expected"),
    [
        (embedded(), "all", 1, [TESTBED, Member(ProcessRole.VOICE, 0), API]),
        (Config(), "all", 1, [Member(ProcessRole.VOICE, 0), API]),
        (
            Config(),
            "all",
            2,
            [FRONT, Member(ProcessRole.VOICE, 0), Member(ProcessRole.VOICE, 1), API],
        ),
        (Config(), "voice", 2, [FRONT, Member(ProcessRole.VOICE, 0), Member(ProcessRole.VOICE, 1)]),
        (embedded(), "api", 2, [API]),
        (embedded(), "voice", 1, [TESTBED, Member(ProcessRole.VOICE, 0)]),
    ],
)
def test_members_in_the_order_they_start(
    config: Config, role: str, workers: int, expected: list[Member]
) -> None:
    assert members(config, role, workers) == expected  # type: ignore[arg-type]


def test_the_first_restart_is_immediate_and_none_is_hot() -> None:
    restarts = Restarts()
    assert [restarts.delay_after(1.0) for _ in range(9)] == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_steady_life_makes_the_next_restart_immediate_again() -> None:
    restarts = Restarts()
    delays = [restarts.delay_after(lived) for lived in (1, 1, 1, STEADY_AFTER, 1, 1)]
    assert delays == [0, 1, 2, 0, 1, 2]
    assert restarts.delay_after(STEADY_AFTER - 0.1) == 4


def test_a_process_without_signs_of_life_has_stopped() -> None:
    pulse = Pulse()
    assert [pulse.tick() for _ in range(SILENT_TICKS)] == [False] * (SILENT_TICKS - 1) + [True]


def test_each_sign_of_life_starts_the_count_again() -> None:
    pulse = Pulse()
    for _ in range(3):
        assert not any(pulse.tick() for _ in range(SILENT_TICKS - 1))
        pulse.beat()


def test_what_the_user_is_told() -> None:
    ready: list[tuple[Member, ReadyFacts]] = [
        (API, ReadyFacts(url="http://h:1", api_key="k")),
        (Member(ProcessRole.VOICE, 0), ReadyFacts(sip=("udp:h:1",))),
        (Member(ProcessRole.VOICE, 1), ReadyFacts()),
        (TESTBED, ReadyFacts(address="udp:h:2")),
    ]
    assert facts_of(Config(), iter(ready)) == ServerFacts(
        url="http://h:1", api_key="k", sip=("udp:h:1",), embedded=False
    )


@pytest.mark.parametrize(
    ("member", "label"),
    [
        (API, "the API process"),
        (TESTBED, "the testbed"),
        (FRONT, "the SIP front"),
        (Member(ProcessRole.VOICE, 2), "voice worker 2"),
    ],
)
def test_names_for_people(member: Member, label: str) -> None:
    assert member.label == label
