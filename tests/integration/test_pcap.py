"""Files of packets: Wireshark reads them, and we read them back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from offhook.session.pcap import End, datagram, end_of, packets_of, pcap_file

NEAR, FAR = "udp:192.0.2.7:5060", "udp:192.0.2.1:5080"
AT = 1_795_834_812.0
INVITE = (
    b"INVITE sip:+1@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)
REFUSED = INVITE.replace(b"INVITE sip:+1@192.0.2.1 SIP/2.0", b"SIP/2.0 503 No Circuit", 1)


def test_the_packets_are_sorted_by_time_and_read_back() -> None:
    near, far = end_of(NEAR), end_of(FAR)
    late, early = datagram(AT + 1.25, far, near, REFUSED), datagram(AT, near, far, INVITE)
    assert list(packets_of(pcap_file([late, early]))) == [early, late]
    assert list(packets_of(b"")) == []


def test_a_host_name_has_no_address() -> None:
    assert end_of("udp:sip.example.net:5060") == End(end_of("udp:0.0.0.0:1").address, 5060)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("version", [4, 6])
def test_wireshark_reads_the_file(tmp_path: Path, version: int) -> None:
    six = {"near": "udp:[2001:db8::7]:5060", "far": "udp:[2001:db8::1]:5080"}
    ends = six if version == 6 else {}
    near_end, far_end = end_of(ends.get("near", NEAR)), end_of(ends.get("far", FAR))
    path = tmp_path / "call.pcap"
    packets = [
        datagram(AT, near_end, far_end, INVITE),
        datagram(AT + 1.25, far_end, near_end, REFUSED),
    ]
    path.write_bytes(pcap_file(packets))
    fields = [
        "sip.Method",
        "sip.Status-Code",
        "udp.srcport",
        "frame.time_relative",
        "ip.src",
        "ipv6.src",
    ]
    options = [part for field in fields for part in ("-e", field)]
    read = subprocess.run(
        ["tshark", "-r", str(path), "-d", "udp.port==5080,sip", "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = [line.split("\t") for line in read.stdout.splitlines()]
    near, far = ("192.0.2.7", "192.0.2.1") if version == 4 else ("2001:db8::7", "2001:db8::1")
    place = 4 if version == 4 else 5
    assert [row[:3] for row in rows] == [["INVITE", "", "5060"], ["", "503", "5080"]]
    assert [row[place] for row in rows] == [near, far]
    assert [float(row[3]) for row in rows] == [0.0, 1.25]
