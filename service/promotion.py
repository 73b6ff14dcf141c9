"""The story of a promotion: export the package of a registered version, and record in the ledger that it serves.

The champion is the ledger's latest promotion. The alias in the model store only mirrors it: an alias keeps no history.
"""

from typing import TYPE_CHECKING

from filelock import FileLock

from model_registry.home import packages, tracking_uri
from model_registry.package import load_package
from service.access import Caller
from service.ledger import Ledger, Promotion
from service.settings import Settings

if TYPE_CHECKING:
    from model_registry.store import RegisteredVersion, Store


def promote_version(
    ledger: Ledger, settings: Settings, caller: Caller, name: str, version: str | None, reason: str
) -> Promotion:
    """The promotion of a registered version (the latest when `version` is None), on disk.

    Promotions of one installation wait for each other, so that the alias names what the ledger has last.

    Raises
    ------
    RegistryError
        When there is no such model or version.
    PackageError
        When its package is not whole.
    LedgerError
        When it could not be recorded; then the earlier champion serves on.
    """
    store = _store(settings)
    with FileLock(settings.home / "promote.lock"):
        registered = store.model(name, version) if version else store.latest(name)
        folder = store.export(name, registered.version, packages(settings.home))
        package = load_package(folder)
        entry = ledger.record_promotion(caller, name, registered.version, package.meta.digest, str(folder), reason)
        promotions = ledger.promotions()
        store.set_champion(name, next(latest.version for latest in promotions if latest.model == name))
    return next(own for own in promotions if own.id == entry.id)


def registered_versions(settings: Settings, name: str) -> "tuple[RegisteredVersion, ...]":
    """Every version of a model in the model store, the first one first. Raises RegistryError."""
    return _store(settings).versions(name)


def _store(settings: Settings) -> "Store":
    # Never in the serving process: the model store imports mlflow, which takes seconds and half a gigabyte.
    from model_registry.store import Store

    return Store(settings.mlflow_uri or tracking_uri(settings.home))
