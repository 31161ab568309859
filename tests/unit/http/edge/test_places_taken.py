"""An owner holds at most its share, and gives it back."""

from __future__ import annotations

import pytest

from offhook.http.edge.places_taken import PlacesTaken, ShareTaken


def test_each_owner_has_a_share_of_its_own() -> None:
    places = PlacesTaken(2)
    places.take("a")
    places.take("a")
    with pytest.raises(ShareTaken):
        places.take("a")
    places.take("b")
    assert len(places) == 3


def test_a_place_that_was_given_back_is_free_again() -> None:
    places = PlacesTaken(1)
    with places.held("a"), pytest.raises(ShareTaken):
        places.take("a")
    with places.held("a"):
        pass
    assert len(places) == 0
