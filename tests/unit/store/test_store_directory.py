"""Who may do what: the file's accounts and keys and the stored ones together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from offhook import config
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.ports.record import StoreUnavailable
from offhook.session.tenancy import KeyGrant, Scenario, SubAccount, Webhook, WebhookType
from offhook.store.directory import Directory
from offhook.store.sqlite.store import SqliteStore

NOW = datetime.now(UTC)
ACME = config.SubAccountSection(id="acme_corp", account="acme", api_keys=("plain-key",))


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[SqliteStore]:
    """An empty record."""
    store = SqliteStore(sqlite_url)
    await store.open()
    yield store
    await store.close()


def settings(*sub_accounts: config.SubAccountSection) -> config.Config:
    """A configuration with these sub-accounts."""
    return config.Config(subaccounts=sub_accounts)


def stored_webhook(url: str, **changes: object) -> Webhook:
    return msgspec.structs.replace(Webhook(type=WebhookType.VSS, url=url), **changes)


class TestKeys:
    @pytest.mark.parametrize(
        "configured", ["a-plain-key", "env:THE_KEY", f"sha256:{key_digest('a-plain-key').hex()}"]
    )
    def test_a_key_of_the_file_opens_its_sub_account(
        self, store: SqliteStore, configured: str
    ) -> None:
        acme = msgspec.structs.replace(ACME, api_keys=(configured,))
        other = config.SubAccountSection(id="acme_other", account="acme")
        directory = Directory(settings(acme, other), store, {"THE_KEY": "a-plain-key"})
        grant = directory.authenticate("a-plain-key")
        assert grant is not None
        assert [s.sub_account_id for s in directory.sub_accounts() if grant.opens(s)] == [
            "acme_corp"
        ]

    @pytest.mark.parametrize("key", ["", "Plain-key", "plain-key ", "é", "\ud800", "x" * 100_000])
    def test_another_key_opens_nothing(self, store: SqliteStore, key: str) -> None:
        assert Directory(settings(ACME), store).authenticate(key) is None

    def test_a_key_under_two_sub_accounts_opens_both(self, store: SqliteStore) -> None:
        second = msgspec.structs.replace(ACME, id="acme_two")
        directory = Directory(settings(ACME, second), store)
        grant = directory.authenticate("plain-key")
        assert grant is not None
        assert grant.sub_account_ids == frozenset({"acme_corp", "acme_two"})

    def test_a_key_under_two_accounts_stops_the_start(self, store: SqliteStore) -> None:
        other = msgspec.structs.replace(ACME, id="other", account="other")
        with pytest.raises(ValueError, match=r"subaccounts\.other\.api_keys"):
            Directory(settings(ACME, other), store)

    def test_a_missing_variable_stops_the_start(self, store: SqliteStore) -> None:
        acme = msgspec.structs.replace(ACME, api_keys=("env:NOT_SET",))
        with pytest.raises(ValueError, match="NOT_SET"):
            Directory(settings(acme), store, {})

    async def test_a_stored_key_until_it_is_revoked(self, store: SqliteStore) -> None:
        directory = Directory(settings(ACME), store)
        key = new_api_key()
        grant = KeyGrant(key_id="k", account_id="acme")
        await store.put_key(key_digest(key), grant, "laptop", NOW)
        assert directory.authenticate(key) is None
        await directory.refresh()
        assert directory.authenticate(key) == grant
        await store.revoke_key("k", NOW)
        await directory.refresh()
        assert directory.authenticate(key) is None

    async def test_a_key_that_expires_while_it_is_known(self, store: SqliteStore) -> None:
        expiries = {"gone": timedelta(milliseconds=-1), "valid": timedelta(hours=1)}
        directory = Directory(settings(), store)
        grants = {
            key_digest(name): KeyGrant(key_id=name, account_id="acme", expires_at=NOW + after)
            for name, after in expiries.items()
        }
        directory._keys = grants
        assert directory.authenticate("gone") is None
        assert directory.authenticate("valid") is not None

    def test_admin_keys_are_their_own(self, store: SqliteStore) -> None:
        admin = config.Config(admin=config.Admin(api_keys=("the-admin-key",)))
        directory = Directory(admin, store)
        assert directory.is_admin("the-admin-key")
        assert not directory.is_admin("plain-key")
        assert directory.authenticate("the-admin-key") is None

    def test_new_keys_are_long_and_recognisable(self) -> None:
        first, second = new_api_key(), new_api_key()
        assert first != second
        assert first.startswith("offhook_")
        assert len(first) == len("offhook_") + 43


class TestSubAccounts:
    def test_everything_the_file_says(self, store: SqliteStore, tmp_path: Path) -> None:
        (tmp_path / "reminder.json").write_text('[{"action":"hangup"}]')
        entry = config.SubAccountSection(
            id="acme_corp",
            account="acme",
            caller_ids=("+6512341234",),
            coverage=("SG",),
            max_calls=5,
            cps=1.5,
            dtmf_event_data="string",
            numbers=(
                config.Number(msisdn="+6568332048", reference_id="PSTN1", record_inbound=True),
            ),
            webhooks=(config.SubAccountWebhook(type="VSS", url="http://127.0.0.1:9000/vss"),),
            scenarios=(
                config.ScenarioFile(
                    name="reminder",
                    file=str(tmp_path / "reminder.json"),
                    parameters=(config.ScenarioParameterSection(name="who", required=True),),
                ),
            ),
        )
        found = Directory(settings(entry), store).sub_account("acme_corp")
        assert found is not None
        assert (found.account_id, found.max_calls, found.cps) == ("acme", 5, 1.5)
        assert (found.coverage, found.dtmf_event_data) == (("SG",), "string")
        assert (found.numbers[0].reference_id, found.numbers[0].record_inbound) == ("PSTN1", True)
        assert found.webhooks[WebhookType.VSS].url == "http://127.0.0.1:9000/vss"
        assert found.scenarios["reminder"].callflow == '[{"action":"hangup"}]'
        assert found.scenarios["reminder"].parameters[0].required

    async def test_stored_ones_join_and_the_file_wins(self, store: SqliteStore) -> None:
        directory = Directory(settings(ACME), store)
        stored = SubAccount(sub_account_id="stored", account_id="other")
        await store.put_sub_account(stored)
        await store.put_sub_account(SubAccount(sub_account_id="acme_corp", account_id="thief"))
        await directory.refresh()
        assert directory.sub_account("stored") == stored
        acme = directory.sub_account("acme_corp")
        assert acme is not None
        assert acme.account_id == "acme"
        assert directory.sub_account("unknown") is None
        known = [name for name in ("acme_corp", "stored", "unknown") if directory.knows(name)]
        assert known == ["acme_corp", "stored"]

    async def test_stored_webhooks_and_scenarios_replace_the_files(
        self, store: SqliteStore
    ) -> None:
        of_file = config.SubAccountWebhook(type="VSS", url="http://file/")
        kept = config.SubAccountWebhook(type="VCS", url="http://file/")
        acme = msgspec.structs.replace(ACME, webhooks=(of_file, kept))
        directory = Directory(settings(acme), store)
        await store.put_webhook("acme_corp", stored_webhook("http://stored/"))
        await store.put_webhook("unknown", stored_webhook("http://stored/"))
        await store.put_scenario("acme_corp", Scenario(name="s", callflow="[]"))
        await directory.refresh()
        found = directory.sub_account("acme_corp")
        assert found is not None
        urls = {type_.value: webhook.url for type_, webhook in found.webhooks.items()}
        assert urls == {"VSS": "http://stored/", "VCS": "http://file/"}
        assert list(found.scenarios) == ["s"]
        await store.delete_webhook("acme_corp", WebhookType.VSS)
        await directory.refresh()
        again = directory.sub_account("acme_corp")
        assert again is not None
        assert again.webhooks[WebhookType.VSS].url == "http://file/"


class TestRefresh:
    async def test_nothing_is_read_while_nothing_has_changed(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory = Directory(settings(ACME), store)
        await directory.refresh()
        monkeypatch.setattr(store, "sub_accounts", None)
        await directory.refresh()

    async def test_what_is_known_stays_while_the_database_is_away(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory = Directory(settings(ACME), store)
        await store.put_sub_account(SubAccount(sub_account_id="stored", account_id="other"))
        await directory.refresh()

        async def away() -> int:
            raise StoreUnavailable("away")

        monkeypatch.setattr(store, "tenancy_version", away)
        await directory.refresh()
        assert directory.sub_account("stored") is not None
