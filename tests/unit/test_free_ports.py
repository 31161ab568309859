"""The ports that tests give to their servers."""

from __future__ import annotations

from pathlib import Path

from tests.support.net import free_port


def test_no_port_is_one_that_the_system_gives_to_a_socket_without_a_port() -> None:
    bounds = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    first, last = (int(bound) for bound in bounds)
    ports = [free_port() for _ in range(200)]
    assert not [port for port in ports if first <= port <= last]
    assert len(set(ports)) == 200
