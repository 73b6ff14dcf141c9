"""The policy that turns a risk into a contact level: how soon and how closely to meet. It knows no model."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.catalogue_parts import LANGUAGES, Words
from features.errors import ConfigError
from model_registry.scoring.capacity import Capacity, capacity_faults, read_capacity

DEFAULT_POLICY = Path(__file__).parents[1] / "policies" / "default.toml"
LEVELS = ("standard_service", "early_meeting", "close_support")
FIXED, FROM_CAPACITY = "assumption", "capacity"
_KEYS = {
    "version",
    "thresholds_are",
    "thresholds",
    "capacity",
    "levels",
    "options",
    "a_person_decides",
    "not_for",
}


@dataclass(frozen=True)
class Level:
    """One contact level: its name and what it means, in one plain sentence a language."""

    key: str
    name: Words
    meaning: Words


@dataclass(frozen=True)
class Option:
    """Something the area offers, and the domains of reasons and topics beside which it is worth a thought."""

    name: Words
    domains: tuple[str, ...]


@dataclass(frozen=True)
class SegmentPolicy:
    """A versioned policy.

    Attributes
    ----------
    levels : tuple of Level
        From standard service, which everybody gets, to close support.
    thresholds : mapping of landmark (months) to (early meeting from, close support from)
        Risks from which the level is suggested, the threshold itself included. Each landmark has its own: one cut over
        all would meet hardly anybody at registration.
        Empty while they wait for a model to be set from capacity.
    thresholds_are : str
        Where the thresholds come from: "assumption" for fixed values, "capacity" for those a model's training sets.
    capacity : Capacity or None
        Where thresholds come from it.
    options : tuple of Option
        What the area offers; the level never says which.
    source_text : str
        The TOML as it was read; a package carries it.
    """

    version: str
    levels: tuple[Level, ...]
    thresholds: Mapping[int, tuple[float, float]]
    thresholds_are: str
    capacity: Capacity | None
    options: tuple[Option, ...]
    a_person_decides: Words
    not_for: tuple[Words, ...]
    source_text: str

    @classmethod
    def load(cls, path: Path = DEFAULT_POLICY) -> "SegmentPolicy":
        """The policy in a TOML file.

        Raises
        ------
        ConfigError
            If the file is missing or at fault; each fault is named with its place.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), path.name)
        except FileNotFoundError:
            raise ConfigError(f"There is no policy file {path}.") from None
        except UnicodeDecodeError:
            raise ConfigError(f"The policy {path.name} is not UTF-8 text; save it as UTF-8.") from None

    @classmethod
    def parse(cls, text: str, place: str = "policy.toml") -> "SegmentPolicy":
        """The policy in a TOML text; `place` names it in errors."""
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"The policy {place} is not TOML: {error}.") from None
        faults = _faults(content)
        if faults:
            raise ConfigError(f"The policy {place} is at fault:\n" + "\n".join(f"  {fault}" for fault in faults))
        thresholds = {
            int(landmark): (float(cuts["early_meeting"]), float(cuts["close_support"]))
            for landmark, cuts in content.get("thresholds", {}).items()
        }
        version = content["version"]
        if thresholds and content["thresholds_are"] == FROM_CAPACITY:
            # the same file gives every model thresholds of its own, and the version stands in every screening
            version += f"+{hashlib.sha256(repr(sorted(thresholds.items())).encode()).hexdigest()[:8]}"
        return cls(
            version,
            tuple(Level(key, content["levels"][key]["name"], content["levels"][key]["meaning"]) for key in LEVELS),
            dict(sorted(thresholds.items())),
            content["thresholds_are"],
            read_capacity(content["capacity"]) if "capacity" in content else None,
            tuple(Option(one["name"], tuple(one["domains"])) for one in content.get("options", [])),
            content["a_person_decides"],
            tuple(content["not_for"]),
            text,
        )

    def with_thresholds(self, thresholds: Mapping[int, tuple[float, float]], source: str) -> "SegmentPolicy":
        """The same policy with thresholds, as a package carries it; `source` is one line saying how they were set.

        Raises
        ------
        ConfigError
            If the policy has thresholds already.
        """
        if self.thresholds:
            raise ConfigError(
                'The policy has thresholds already: remove its [thresholds], or say thresholds_are = "assumption".'
            )
        lines = [self.source_text.rstrip(), "", f"# {source}"]
        for landmark, (early, close) in thresholds.items():
            lines += [f"[thresholds.{landmark}]", f"early_meeting = {early!r}", f"close_support = {close!r}", ""]
        return SegmentPolicy.parse("\n".join(lines))

    def options_for(self, domains: Sequence[str]) -> tuple[Option, ...]:
        """What the area offers beside any of these domains, in the policy's order."""
        return tuple(option for option in self.options if not set(domains).isdisjoint(option.domains))

    def level(self, risk: float, landmark: int) -> Level:
        """The level suggested for one risk at a landmark."""
        return self.levels[int(self.positions(np.array([risk]), np.array([landmark]))[0])]

    def positions(self, risk: npt.NDArray[np.float64], landmark: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """The position in `levels` (n,) of each risk (n,) at its landmark (n,).

        Raises
        ------
        ConfigError
            If the policy has no thresholds for a landmark.
        """
        if not self.thresholds and len(landmark):
            raise ConfigError(
                f"The policy has no thresholds for month {landmark[0]}: training sets them, model by model."
            )
        months = np.array(list(self.thresholds))
        place = np.minimum(np.searchsorted(months, landmark), len(months) - 1)
        absent = months[place] != landmark
        if absent.any():
            month = int(landmark[absent][0])
            raise ConfigError(f"The policy has no thresholds for month {month}; add [thresholds.{month}].")
        reached: npt.NDArray[np.bool_] = risk[:, None] >= np.array(list(self.thresholds.values()))[place]
        return np.asarray(reached.sum(axis=1), dtype=np.int8)


def landmark_of(months: npt.NDArray[np.float64], landmarks: Sequence[int]) -> npt.NDArray[np.int64]:
    """The landmark (n,) whose people somebody unemployed for `months` (n,) is compared with: the latest one reached.

    Three calendar months can be 89 days, which is 2.92 months of 30.4375 days; a tenth of a month is therefore added.
    Where the time is not known (NaN) it is the first landmark.

    Examples
    --------
    >>> landmark_of(np.array([0.2, 2.92, 7.5, np.nan]), (0, 3, 6, 9))
    array([0, 3, 6, 0])
    """
    ordered = np.array(sorted(landmarks), dtype=np.int64)
    # fmax takes 0 where the time is NaN
    reached = np.searchsorted(ordered, np.fmax(months, 0.0) + 0.1, side="right") - 1
    return ordered[np.maximum(reached, 0)]


def _faults(content: Mapping[str, Any]) -> list[str]:
    faults = [f"{key}: is no part of a policy; remove it" for key in content if key not in _KEYS]
    if not isinstance(content.get("version"), str) or not content["version"]:
        faults.append("version: must be a text")
    if content.get("thresholds_are") not in (FIXED, FROM_CAPACITY):
        faults.append(f'thresholds_are: must be "{FIXED}" or "{FROM_CAPACITY}"')
    from_capacity = content.get("thresholds_are") == FROM_CAPACITY
    if from_capacity or "capacity" in content:
        faults += capacity_faults(content.get("capacity"))
    if content.get("thresholds_are") == FIXED and "capacity" in content:
        faults.append(f'capacity: sets nothing where thresholds_are = "{FIXED}"; remove one of the two')
    options = content.get("options", [])
    for index, option in enumerate(options if isinstance(options, list) else [options]):
        told = option if isinstance(option, dict) else {}
        faults += _word_faults(told.get("name"), f"options[{index}].name")
        domains = told.get("domains")
        if not isinstance(domains, list) or not domains or not all(isinstance(name, str) for name in domains):
            faults.append(f"options[{index}].domains: must name at least one domain of the catalogue")
    levels, thresholds = (_table(content.get(key, {})) for key in ("levels", "thresholds"))
    if thresholds is None:
        faults.append("thresholds: must be tables such as [thresholds.0]")
    levels, thresholds = levels or {}, thresholds or {}
    if set(levels) != set(LEVELS):
        faults.append(f"levels: must be exactly {', '.join(LEVELS)}")
    for key in LEVELS:
        for words in ("name", "meaning"):
            faults += _word_faults((_table(levels.get(key)) or {}).get(words), f"levels.{key}.{words}")
    faults += _word_faults(content.get("a_person_decides"), "a_person_decides")
    statements = content.get("not_for", [])
    if not statements:
        faults.append("not_for: must say at least one thing the estimate is not for")
    for index, words in enumerate(statements):
        faults += _word_faults(words, f"not_for[{index}]")
    if not thresholds and not from_capacity:
        faults.append("thresholds: must have a table for each landmark, such as [thresholds.0]")
    for landmark, cuts in thresholds.items():
        values: list[Any] = [cuts.get(key) for key in LEVELS[1:]] if isinstance(cuts, dict) else []
        if not landmark.isdecimal():
            faults.append("thresholds: a landmark is a whole number of months")
        if (
            len(values) != 2
            or set(cuts) != set(LEVELS[1:])
            or not all(isinstance(value, float) for value in values)
            or not 0 < values[0] < values[1] < 1
        ):
            faults.append(f"thresholds.{landmark}: needs 0 < early_meeting < close_support < 1")
    return faults


def _table(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _word_faults(words: Any, place: str) -> list[str]:
    words = words if isinstance(words, dict) else {}
    return [
        f"{place}.{language}: the wording is missing"
        for language in LANGUAGES
        if not isinstance(words.get(language), str) or not words[language].strip()
    ]
