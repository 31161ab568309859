"""The contract of the store: the media library, and stored menus."""

from __future__ import annotations

from tests.support.stores import NOW

from offhook.session.menus import read_menu
from offhook.session.ports.media_library import MediaFile
from offhook.session.ports.stores import Store


def file(name: str, size: int, owner: str = "acme_corp") -> MediaFile:
    return MediaFile(sub_account_id=owner, name=name, size=size, digest="d", at=NOW)


async def put(store: Store, one: MediaFile, *, most: int = 9, octets: int = 99) -> bool:
    return await store.put_media(one, bytes(one.size), most=most, octets=octets)


async def test_a_file_is_kept_replaced_and_deleted(store: Store, other: Store) -> None:
    assert await put(store, file("b", 3))
    assert await put(store, file("a", 2))
    assert await put(store, file("b", 5))
    assert await other.media_files("acme_corp") == [file("a", 2), file("b", 5)]
    assert await other.media_file("acme_corp", "b") == file("b", 5)
    assert await other.media_content("acme_corp", "b") == bytes(5)
    assert await other.delete_media("acme_corp", "b")
    assert not await store.delete_media("acme_corp", "b")
    assert await store.media_content("acme_corp", "b") is None
    assert await store.media_file("other", "a") is None


async def test_a_library_has_its_bounds(store: Store) -> None:
    assert await put(store, file("a", 60), most=2)
    assert not await put(store, file("b", 40), most=2)
    assert await put(store, file("b", 39), most=2)
    assert not await put(store, file("c", 0), most=2)
    assert await put(store, file("a", 10), most=2)
    assert await put(store, file("c", 60, owner="other"), most=2)


async def test_menus_are_kept_and_every_directory_learns_of_them(
    store: Store, other: Store
) -> None:
    menu = read_menu("house", {"first": "a", "callflows": {"a": []}}, frozenset({"+6568332048"}))
    before = await other.tenancy_version()
    await store.put_menu("acme_corp", menu)
    assert await other.menus() == [("acme_corp", menu)]
    assert await other.tenancy_version() > before
    assert await other.delete_menu("acme_corp", "house")
    assert not await store.delete_menu("acme_corp", "house")
    assert await store.menus() == []
