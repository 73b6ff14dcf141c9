"""Promotions: each tells of itself, and the alias of the model store names what the ledger has last."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_registry.home import tracking_uri
from model_registry.store import Store
from service.ledger import open_ledger
from service.promotion import promote_version
from tests.service.ledger_home import ANALYST, installation
from tests.small_package import small_package

NAME = "demo-small"


@pytest.mark.slow
def test_two_promotions_at_once_each_tell_of_themselves_and_the_alias_names_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, store = installation(tmp_path), Store(tracking_uri(tmp_path))
    small_package(tmp_path / "made")
    run = store.log_run(NAME, params={}, metrics={})
    versions = [store.register(tmp_path / "made", run) for _ in range(2)]
    name_champion = Store.set_champion

    def late_for_the_first(store: Store, name: str, version: str) -> object:
        if len(open_ledger(settings).promotions()) == 1:
            time.sleep(2)  # long enough for the other one to overtake, where it may
        return name_champion(store, name, version)

    monkeypatch.setattr(Store, "set_champion", late_for_the_first)

    def promote(version: str) -> str:
        return promote_version(open_ledger(settings), settings, ANALYST, NAME, version, "for the test").version

    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(promote, versions))

    champion = open_ledger(settings).champion()
    assert champion is not None
    assert told == versions
    assert [found.version for found in store.versions(NAME) if found.is_champion] == [champion.version]
