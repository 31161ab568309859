"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""Of hypothesis: what a property without a number of its own is tried with."""


def examples(number: int) -> settings:
    """Settings with ``number`` examples, or with a tenth of them in the profile ``quick`` (``make unit``).

    A number in the settings of a test would be the same in each profile.
    """
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=number * profile.max_examples // USUAL)
