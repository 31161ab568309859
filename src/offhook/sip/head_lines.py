"""The lines of a message's head before they are headers (RFC 3261 §7.3.1, §7.5)."""

from __future__ import annotations


def split_leniently(data: bytes) -> tuple[bytes, bytes, str | None]:
    """Head and body of a message that uses bare LF, or whose blank line is missing."""
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    if ends:
        at, length = min(ends)
        return data[:at], data[at + length :], None
    return data.rstrip(b"\r\n"), b"", "No empty line after the header"


def unfold(text: str) -> str:
    """Join continuation lines (RFC 3261 §7.3.1)."""
    lines: list[str] = []
    for line in text.split("\r\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return "\r\n".join(lines)
