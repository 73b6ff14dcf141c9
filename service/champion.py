"""The model that serves: the package named by the ledger's latest promotion, swapped without dropping a request."""

import logging
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from features.errors import ConfigError, NotReadyError, VarhainError
from features.facts import COLUMNS, Facts, LabourMarket, empty_table
from features.frame import build_features
from model_registry.labour_market_csv import labour_market_from_text
from model_registry.package import Package, load_package
from service.ledger import Ledger, Versions
from service.schemas import request_model
from service.settings import Settings

log = logging.getLogger("varhain.champion")
_UNFORESEEN = "The promoted model could not be loaded for a reason nobody foresaw; export its package again."


@dataclass(frozen=True)
class Champion:
    """A loaded package with the request model made from its catalogue; safe to share between threads."""

    package: Package
    name: str
    version: str
    request_model: type[BaseModel] = field(repr=False)
    versions: Versions
    labour_market: LabourMarket | None = field(repr=False)


@dataclass(frozen=True)
class _State:
    """What the seat holds, replaced as one so that no request sees half of a swap."""

    champion: Champion | None = None
    why_not: str = "The service has not looked for a promoted model yet."


class ChampionSeat:
    """Where the champion sits. Readers take `current()` once per request and keep it; `load()` may run beside them."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self._ledger = ledger
        self._settings = settings
        self._state = _State()
        self._loading = threading.Lock()

    def current(self) -> Champion:
        """The champion. Raises NotReadyError, which says why there is none."""
        state = self._state
        if state.champion is None:
            raise NotReadyError(state.why_not)
        return state.champion

    @property
    def trouble(self) -> str:
        """Why there is no champion, or why the latest reload kept the earlier one; empty when all is well."""
        return self._state.why_not

    def load(self) -> None:
        """Seats the model of the latest promotion.

        When its package is missing or corrupt the service goes on: an earlier champion keeps serving, and every answer
        names it; without one the seat stays empty. Either way `trouble` says why.
        """
        with self._loading:
            try:
                champion = promoted_champion(self._ledger, self._settings)
            except VarhainError as error:
                self._keep(error.message)
                log.error("no champion loaded: %s", error.message)
                return
            except Exception as error:  # noqa: BLE001
                # The last net: no package, however broken, ends the service. Its text may hold what a message must not.
                self._keep(_UNFORESEEN)
                log.error("no champion loaded: unforeseen %s", type(error).__name__)
                return
            self._state = _State(champion, "")
            log.info(
                "champion %s version %s, package %s, explains by %s",
                champion.name,
                champion.version,
                champion.package.meta.digest,
                champion.package.explains_by,
            )

    def _keep(self, why_not: str) -> None:
        """The earlier champion, if there is one, serves on."""
        self._state = replace(self._state, why_not=why_not)


def promoted_champion(ledger: Ledger, settings: Settings) -> Champion:
    """The champion of the ledger's latest promotion.

    Raises
    ------
    NotReadyError
        When nothing was promoted, or the package is not the one that was.
    PackageError
        Naming the file of the package that is missing or changed.
    """
    promotion = ledger.champion()
    if promotion is None:
        raise NotReadyError("No model has been promoted yet; run `varhain promote NAME --reason ...`.")
    package = load_package(Path(promotion.package_folder))
    if package.meta.digest != promotion.package_digest:
        raise NotReadyError(
            f"The package of {promotion.model} version {promotion.version} is not the one that was promoted; "
            "promote it again."
        )
    market = _labour_market(package, settings)
    _warm(package, market)
    versions = Versions(
        promotion.model,
        promotion.version,
        package.meta.digest,
        package.policy.version,
        package.meta.catalogue_fingerprint,
    )
    return Champion(package, promotion.model, promotion.version, request_model(package.catalogue), versions, market)


def _labour_market(package: Package, settings: Settings) -> LabourMarket | None:
    """The area's newer figures where a file is set, else those the package was made with."""
    file = settings.labour_market_file
    if file is None:
        return package.labour_market
    try:
        codes = [value.code for value in package.catalogue.input("occupation_isco").values]
        return labour_market_from_text(file.read_text(encoding="utf-8"), codes)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"VARHAIN_LABOUR_MARKET_FILE cannot be read ({type(error).__name__}).", 503) from error


def _warm(package: Package, market: LabourMarket | None) -> None:
    """Computes the features of nobody once, so that the first client does not wait for kernels to compile."""
    if package.catalogue.source_kind == "facts":
        nobody = Facts(("",), {kind: empty_table(kind, 1) for kind in COLUMNS}, market)
        package.screen(build_features(package.catalogue, nobody, np.zeros(1, np.int32)))
