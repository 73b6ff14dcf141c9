"""A model in its saved form: one folder with tables, calibration, catalogue, policy, reference and evidence.

The folder holds no code, no pickle and no row of a person. Every file has its SHA-256 in package.json, and one digest
stands for the whole; screenings name it.

    package.json        what it is: name, dates, fingerprints, calibrations, checksums, digest
    catalogue.toml      what it asks for and how its reasons are worded
    policy.toml         the contact level a risk suggests
    register.npz        tables of the model without voluntary answers      register.txt  the same as LightGBM text
    full.npz            tables of the model with them                      full.txt
    committee.npz       refits that say how sure an estimate is
    reference.npz       per landmark: baseline contributions, and a marginal sample in which no row is a person
    evidence.json       how it was judged
    labour_market.csv   as it was known when the model was made
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue, catalogue_from_text
from features.errors import FrameError, PackageError, VarhainError
from features.facts import LabourMarket
from features.frame import FeatureFrame
from model_registry.labour_market_csv import labour_market_from_text, labour_market_text
from model_registry.package_files import arrays_of_npz, npz_bytes, read_files, write_files
from model_registry.reference import Reference, make_reference, reference_of_arrays
from model_registry.scoring.answers import answer_groups, parts_told
from model_registry.scoring.calibration import SigmoidCalibration, risk_of
from model_registry.scoring.committee import Certainty, Committee, certain
from model_registry.scoring.larger_trees import LargerTrees
from model_registry.scoring.scorer import Scorer, tables_of_arrays
from model_registry.scoring.segments import SegmentPolicy, landmark_of

Floats = npt.NDArray[np.float64]
Read = TypeVar("Read")
WARM_ROWS = 8
SLOW = LargerTrees.explains_by


@dataclass(frozen=True)
class PackageMeta:
    """What package.json says.

    Attributes
    ----------
    name : str
        Of the registered model; a demonstration says so in its name too.
    version : str
        In the registry; "" until it is exported from there. The only part the digest does not cover.
    created_at : str
        UTC, ISO 8601.
    trained_on : mapping
        Data fingerprint, counts and dates, as training states them.
    digest : str
        SHA-256 of the whole package, hex.
    """

    name: str
    version: str
    demonstration: bool
    created_at: str
    catalogue_name: str
    catalogue_fingerprint: str
    policy_version: str
    landmarks: tuple[int, ...]
    trained_on: Mapping[str, Any]
    digest: str


@dataclass(frozen=True)
class Scored:
    """Scores of n rows; k is the number of the catalogue's features.

    Attributes
    ----------
    names : tuple of str (k,)
    landmark : int64 (n,)
    register_risk, full_risk : float64 (n,)
        Risks of the two models; full_risk is NaN where no voluntary answer is known or there is no such model.
    decided_by_full : bool (n,)
        The model with the higher risk decides (the register model if both are equal), so an answer can only help.
    risk, log_odds, base : float64 (n,)
        Of the model that decided; log_odds is base plus the sum of the contributions.
    contributions : float64 (n, k)
        To the calibrated log-odds; 0 for features the model does not use.
    relative : float64 (n, k)
        Contributions less the mean contributions of people at the same landmark: what reasons are made of.
    certainty : Certainty
        The range of the risk, and the level that applies after the committee's votes.
    """

    names: tuple[str, ...]
    landmark: npt.NDArray[np.int64]
    register_risk: Floats
    full_risk: Floats
    decided_by_full: npt.NDArray[np.bool_]
    risk: Floats
    log_odds: Floats
    base: Floats
    contributions: Floats
    relative: Floats
    certainty: Certainty

    @property
    def level(self) -> npt.NDArray[np.int8]:
        """The level that applies (n,): a position in `policy.levels`."""
        return self.certainty.level

    def one(self, row: int) -> "Scored":
        """One row of these, as if that person had been scored alone."""
        return replace(self, **_row_of(self, row), certainty=replace(self.certainty, **_row_of(self.certainty, row)))

    def decided_by(self, row: int = 0) -> str:
        """Which model decided a row: "register" or "full"."""
        return "full" if self.decided_by_full[row] else "register"


def _row_of(many: Scored | Certainty, row: int) -> dict[str, Any]:
    """The columns of one row, each still with one place a row."""
    columns = {part.name: getattr(many, part.name) for part in fields(many)}
    return {name: column[row : row + 1] for name, column in columns.items() if isinstance(column, np.ndarray)}


@dataclass(frozen=True)
class Package:
    """A loaded package. Everything in it has been checked; it is safe to share between threads."""

    meta: PackageMeta
    catalogue: Catalogue
    policy: SegmentPolicy
    register: Scorer
    full: Scorer | None
    committee: Committee | None
    reference: Reference
    evidence: Mapping[str, Any] = field(repr=False)
    labour_market: LabourMarket | None = field(repr=False)

    @cached_property
    def _wide(self) -> tuple[Scorer, Scorer | None, Committee | None]:
        """All models with a column for every feature of the catalogue, so that a frame is scored as it stands."""
        names = self.catalogue.feature_names
        full, committee = self.full, self.committee
        return (
            self.register.widened(names),
            full.widened(names) if full else None,
            committee.widened(names) if committee else None,
        )

    @property
    def explains_by(self) -> str:
        """How reasons are found: "tables", "coefficients", or where larger trees were asked for "pred_contrib"."""
        kinds = [model.explains_by for model in (self.register, self.full) if model]
        return SLOW if SLOW in kinds else kinds[0]

    def landmarks(self, frame: FeatureFrame) -> npt.NDArray[np.int64]:
        """The landmark (n,) of each row, from the time unemployed where the catalogue has it, else the first one."""
        if "present_spell_months" in frame.names:
            return landmark_of(frame.column("present_spell_months"), self.meta.landmarks)
        return np.full(len(frame), min(self.meta.landmarks), dtype=np.int64)

    def screen(
        self,
        frame: FeatureFrame,
        landmark: npt.NDArray[np.int64] | int | None = None,
        threads: int = 1,
        committee: bool = True,
    ) -> Scored:
        """Risks, contributions and levels of the rows of `frame`.

        Parameters
        ----------
        frame : FeatureFrame (n, k)
            Made by this package's catalogue.
        landmark : int64 (n,) or int, optional
            In months, each one of the package's landmarks; found by `landmarks` where left out.
        committee : bool
            Without it there is no range, and a level may be lower than the one that applies: for measuring only.

        Raises
        ------
        FrameError
            If the frame was made by another catalogue, or a landmark is not one of the package's.
        """
        names = self.catalogue.feature_names
        if frame.fingerprint != self.meta.catalogue_fingerprint or frame.names != names:
            raise FrameError("The features were made by another catalogue than the model's; make them with its own.")
        if landmark is None:
            landmark = self.landmarks(frame)
        months = np.broadcast_to(np.asarray(landmark, dtype=np.int64), (len(frame),))
        place = self.reference.places(months)
        if (place < 0).any():
            raise FrameError(f"A landmark is not one of the model's: {', '.join(map(str, self.meta.landmarks))}.")
        register, full, wide_committee = self._wide
        refits = wide_committee if committee else None
        log_odds, contributions = register.score(frame, threads)
        register_risk, full_risk = risk_of(log_odds), np.full(len(frame), np.nan)
        members = refits.register.log_odds(frame.values, threads) if refits else None
        by_full = np.zeros(len(frame), dtype=np.bool_)
        answered = np.flatnonzero(voluntary_known(self.catalogue, frame)) if full else ()
        if full is not None and len(answered):
            part = FeatureFrame(frame.values[answered], names, frame.fingerprint)
            highest = np.full(len(answered), -np.inf)
            for told, less in parts_told(self.catalogue, part):
                full_log_odds, full_contributions = full.score(less, threads)
                highest[told] = np.maximum(highest[told], full_log_odds)
                higher = full_log_odds > log_odds[answered[told]]
                rows = answered[told[higher]]
                by_full[rows] = True
                log_odds[rows], contributions[rows] = full_log_odds[higher], full_contributions[higher]
                if members is not None and refits is not None and refits.full is not None:
                    rows = answered[told]
                    members[rows] = np.maximum(members[rows], refits.full.log_odds(less.values, threads))
            full_risk[answered] = risk_of(highest)
        base = np.where(by_full, full.base if full else np.nan, register.base)
        return Scored(
            names,
            months,
            register_risk,
            full_risk,
            by_full,
            risk_of(log_odds),
            log_odds,
            base,
            contributions,
            contributions - self.reference.baselines(place, by_full),
            certain(self.policy, months, log_odds)
            if members is None or refits is None
            else refits.certainty(self.policy, months, log_odds, members),
        )


def voluntary_known(catalogue: Catalogue, frame: FeatureFrame) -> npt.NDArray[np.bool_]:
    """Whether any voluntary answer is known (n,): where the full model is used beside the register model."""
    columns = [position for position, item in enumerate(catalogue.active_features) if item.voluntary]
    return np.asarray((~np.isnan(frame.values[:, columns])).any(axis=1))


def write_package(
    folder: Path,
    *,
    name: str,
    catalogue: Catalogue,
    register: Scorer,
    full: Scorer | None,
    policy: SegmentPolicy,
    reference: Mapping[int, FeatureFrame],
    evidence: Mapping[str, Any],
    trained_on: Mapping[str, Any],
    demonstration: bool,
    committee: Committee | None = None,
    register_text: str | None = None,
    full_text: str | None = None,
    labour_market: LabourMarket | None = None,
    created_at: datetime | None = None,
    seed: int = 0,
    larger_trees: bool = False,
) -> Package:
    """The package, written to `folder` as a whole or not at all, and loaded back from there.

    Parameters
    ----------
    folder : Path
        Must not exist; parent folders are made.
    name : str
        Of the registered model, for instance "demo-keski-uusimaa".
    register : Scorer
        Uses only features that are not voluntary (`catalogue.register_names` or some of them).
    full : Scorer or None
        Uses any active features; None where the catalogue has no voluntary ones.
    policy : SegmentPolicy
        With thresholds for each of the catalogue's landmarks.
    reference : mapping of landmark to FeatureFrame
        Training rows at each of the catalogue's landmarks, at least 30, with all of the catalogue's features.
        The mean contributions over all of them become the baseline; only a sample permuted column by column is kept.
    evidence : mapping
        Anything JSON can hold: measures per landmark, challengers, gates. No NaN, no row of a person.
    trained_on : mapping
        Anything JSON can hold: data fingerprint, counts of people and rows, dates (ISO texts).
    demonstration : bool
        True for a model of synthetic people; whoever uses it is told.
    committee : Committee, optional
        Refits of the same features; without, answers carry no range.
    register_text, full_text : str, optional
        `booster.model_to_string()`, kept for proof.
    labour_market : LabourMarket, optional
        As in the training facts; occupations by position of the catalogue's `occupation_isco`.
    created_at : datetime, optional
        Now, if left out.
    seed : int
        Of the sample.
    larger_trees : bool
        Take a model whose trees are too large for tables: explained by LightGBM's `pred_contrib`, hundreds of times
        slower, which the package, every answer and every log line then name.

    Raises
    ------
    PackageError
        If the folder exists, or parts do not fit together; the message names the part.
    """
    expected = {"register": register, **({"full": full} if full else {})}
    _check_parts(catalogue, policy, expected, committee, "The package cannot be written")
    if not larger_trees and any(scorer.explains_by == SLOW for scorer in expected.values()):
        raise PackageError(
            "The package cannot be written: its trees are too large for tables, and each explanation would take"
            " hundreds of times as long; train smaller trees, or ask for larger_trees."
        )
    texts = {"catalogue.toml": catalogue.source_text, "policy.toml": policy.source_text}
    texts |= {f"{key}.txt": text for key, text in (("register", register_text), ("full", full_text)) if text}
    if labour_market is not None:
        codes = [value.code for value in catalogue.input("occupation_isco").values]
        texts["labour_market.csv"] = labour_market_text(labour_market, codes)
    made = make_reference(catalogue, register, full, reference, voluntary_known, seed)
    meta = {
        "name": name,
        "version": "",
        "demonstration": demonstration,
        "created_at": (created_at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
        "catalogue_name": catalogue.name,
        "catalogue_fingerprint": catalogue.fingerprint,
        "policy_version": policy.version,
        "landmarks": list(catalogue.landmarks),
        "trained_on": dict(trained_on),
        "models": {
            key: {
                "feature_names": list(scorer.feature_names),
                "slope": scorer.calibration.slope,
                "intercept": scorer.calibration.intercept,
                "explains_by": scorer.explains_by,
            }
            for key, scorer in expected.items()
        },
    }
    try:
        texts["evidence.json"] = json.dumps(evidence, allow_nan=False, indent=1, ensure_ascii=False) + "\n"
        json.dumps(meta, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PackageError(f"Evidence and trained_on must be plain JSON without NaN: {error}.") from error
    files = {key: text.encode() for key, text in texts.items()}
    files |= {f"{key}.npz": npz_bytes(scorer.tables.to_arrays()) for key, scorer in expected.items()}
    if committee is not None:
        files["committee.npz"] = npz_bytes(committee.to_arrays())
    files["reference.npz"] = npz_bytes(made.to_arrays())
    write_files(folder, files, meta)
    return load_package(folder)


def load_package(folder: Path) -> Package:
    """The package in `folder`, every file checked against its SHA-256 and every part against the others.

    Loads no pickle, executes nothing from the folder, and imports neither lightgbm nor mlflow nor pandas (lightgbm only
    for a package with larger trees). The kernels are warm afterwards: one row and several have been scored.

    Raises
    ------
    PackageError
        Naming the file that is missing, changed or does not fit.
    """
    content, files = read_files(folder)

    def part(name: str, read: Callable[[bytes], Read]) -> Read:
        if name not in files:
            raise PackageError(f"Package {folder.name}: {name} is missing; export the package again.")
        try:
            return read(files[name])
        except (VarhainError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise PackageError(f"Package {folder.name}: {name} cannot be used: {error}") from error

    def scorer(key: str) -> Scorer:
        description = content["models"][key]
        tables = part(f"{key}.npz", lambda data: tables_of_arrays(arrays_of_npz(data)))
        if list(tables.names) != description["feature_names"]:
            raise PackageError(f"Package {folder.name}: {key}.npz has other features than package.json says.")
        # A package from before explanations had a name is one of tables or coefficients.
        if (
            description.get("explains_by", tables.explains_by if tables.explains_by != SLOW else "")
            != tables.explains_by
        ):
            raise PackageError(f"Package {folder.name}: {key}.npz is explained in another way than package.json says.")
        return Scorer(tables, SigmoidCalibration(description["slope"], description["intercept"]))

    catalogue = part("catalogue.toml", lambda data: catalogue_from_text(data.decode()))
    if catalogue.fingerprint != content.get("catalogue_fingerprint"):
        raise PackageError(f"Package {folder.name}: catalogue.toml is not the catalogue the model was made with.")
    policy = part("policy.toml", lambda data: SegmentPolicy.parse(data.decode()))
    market = None
    if "labour_market.csv" in files:
        codes = [value.code for value in catalogue.input("occupation_isco").values]
        market = part("labour_market.csv", lambda data: labour_market_from_text(data.decode(), codes))
    try:
        models = {key: scorer(key) for key in content["models"]}
        register, full = models["register"], models.get("full")
        fields = {key: content[key] for key in PackageMeta.__dataclass_fields__}
        meta = PackageMeta(**{**fields, "landmarks": tuple(content["landmarks"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise PackageError(f"Package {folder.name}: package.json lacks a part; export the package again.") from error
    committee = None
    if "committee.npz" in files:
        committee = part("committee.npz", lambda data: Committee.from_arrays(arrays_of_npz(data)))
    _check_parts(catalogue, policy, models, committee, f"Package {folder.name} does not fit together")
    made = part("reference.npz", lambda data: reference_of_arrays(arrays_of_npz(data), catalogue))
    evidence = part("evidence.json", json.loads)
    package = Package(meta, catalogue, policy, register, full, committee, made, evidence, market)
    nobody = np.full((WARM_ROWS, len(catalogue.feature_names)), np.nan)
    for rows in (nobody[:1], nobody):
        package.screen(FeatureFrame(rows, catalogue.feature_names, catalogue.fingerprint))
        for model in models.values():
            model.risk(FeatureFrame(rows, catalogue.feature_names, catalogue.fingerprint))
    return package


def _check_parts(
    catalogue: Catalogue,
    policy: SegmentPolicy,
    models: Mapping[str, Scorer],
    committee: Committee | None,
    what: str,
) -> None:
    answer_groups(catalogue)
    allowed = {"register": set(catalogue.register_names), "full": set(catalogue.feature_names)}
    for key, scorer in models.items():
        if not isinstance(scorer, Scorer):
            raise PackageError(f"{what}: the {key} has no tables; a yardstick can be neither packaged nor registered.")
        stray = [name for name in scorer.feature_names if name not in allowed.get(key, set())]
        if stray:
            raise PackageError(f"{what}: the {key} model uses {', '.join(stray)}, which is not for it.")
    if committee is not None:
        refits = {"register": committee.register, **({"full": committee.full} if committee.full else {})}
        if refits.keys() != models.keys() or any(
            one.refits.names != models[key].feature_names for key, one in refits.items()
        ):
            raise PackageError(f"{what}: the committee is of other models or features; fit it with the model.")
        if set(committee.widening) != set(catalogue.landmarks):
            raise PackageError(f"{what}: the committee's ranges are of other landmarks than the catalogue's.")
    missing = [str(month) for month in catalogue.landmarks if month not in policy.thresholds]
    if missing:
        raise PackageError(f"{what}: the policy has no thresholds for month {', '.join(missing)}.")
