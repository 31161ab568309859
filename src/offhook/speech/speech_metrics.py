"""Prometheus metrics of spoken prompts."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Histogram

from offhook.process_metrics import tally_of

SPEECH_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30)


class PromptSource(StrEnum):
    """Where a spoken prompt came from."""

    MEMORY = "memory"
    """This process had it."""
    DISK = "disk"
    """Another process, or an earlier run, had made it."""
    ENGINE = "engine"
    """It was spoken anew."""
    FAILED = "failed"


class SpeechMetrics:
    """What is counted of the engines of one voice process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a ``registry``, one of its own."""
        registry = registry or CollectorRegistry()
        self._tally = tally_of(registry)
        self._prompts = Counter(
            "offhook_tts_prompts",
            "Texts to be spoken, by engine and where the prompt came from: memory or disk (cache hits),"
            " engine (spoken anew), failed",
            ("engine", "source"),
            registry=registry,
        )
        self._seconds = Histogram(
            "offhook_tts_seconds",
            "How long an engine took to speak a text that no cache had",
            ("engine",),
            buckets=SPEECH_BUCKETS,
            registry=registry,
        )

    def prompt(self, engine: str, source: PromptSource) -> None:
        """A prompt was asked for."""
        self._tally.inc(self._prompts, engine, str(source))

    def spoken(self, engine: str, seconds: float) -> None:
        """An engine spoke a text."""
        self._tally.observe(self._seconds, engine, value=seconds)
