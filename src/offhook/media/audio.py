"""Audio as the telephone carries it."""

from __future__ import annotations

from typing import Final

SAMPLE_RATE: Final = 8000
"""Samples per second of all audio on the telephone."""
