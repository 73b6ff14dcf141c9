"""What a training run is told: a TOML file or command-line options, checked before anything is read."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from features.errors import ConfigError
from model_registry.scoring.trees import SMALL_TREE_LEAVES


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitConfig(_Section):
    """How people and times are set apart. `kind` has one allowed value: any other split would flatter the model."""

    kind: Literal["temporal, by person"] = "temporal, by person"
    fit_share: float = Field(0.50, gt=0, lt=1, description="share of people the model is fitted on")
    calibration_share: float = Field(0.15, gt=0, lt=1, description="share of people it is calibrated on")
    calibration_months: float = Field(12, gt=0, description="the calibration slice: the last months before the gap")
    evaluation_months: float = Field(12, gt=0, description="the latest months with known outcomes")
    evaluation_share: float | None = Field(
        None, gt=0, lt=1, description="instead of months: the share of as-of dates, the latest ones, that is evaluated"
    )
    recording_lag_days: int | None = Field(
        None, ge=0, description="how long after a day its facts may still come in; dated facts 60 (assumption), flat 0"
    )


class FitConfig(_Section):
    """The trees: a fixed count, chosen as docs/adr/0012 says; 8 leaves is what exact explanations by tables allow."""

    trees: int = Field(300, ge=1, le=2000)
    larger_trees: bool = Field(
        False, description="allow more than 8 leaves: explained by pred_contrib, hundreds of times slower"
    )
    leaves: int = Field(8, ge=2, le=255)
    learning_rate: float = Field(0.03, gt=0, le=1)
    fewest_in_leaf: int = Field(200, ge=1)
    l2: float = Field(10.0, ge=0)
    row_share: float = Field(0.8, gt=0, le=1)
    feature_share: float = Field(0.6, gt=0, le=1)
    threads: int = Field(2, ge=1)

    @field_validator("leaves")
    @classmethod
    def _refuse_large_unasked(cls, leaves: int, info: ValidationInfo) -> int:
        if leaves > SMALL_TREE_LEAVES and not info.data.get("larger_trees"):
            raise PydanticCustomError(
                "large_trees", "more than 8 leaves are explained hundreds of times slower; set larger_trees as well"
            )
        return leaves


FEWEST_MEMBERS = 5


class CommitteeConfig(_Section):
    """The refits that say how sure an estimate is: small, many, each on people drawn anew."""

    members: int = Field(
        25, ge=0, le=200, description="refits of each model; 0: no committee, and answers say no range"
    )
    most_trees: int = Field(
        150, ge=1, le=150, description="trees of a refit, at most; the learning rate makes up for it"
    )
    widening: float | None = Field(
        None, ge=1, le=20, description="how far the range is drawn out; else as measured (training/coverage.py)"
    )

    @field_validator("members")
    @classmethod
    def _enough_or_none(cls, members: int) -> int:
        if 0 < members < FEWEST_MEMBERS:
            raise ValueError(f"must be 0 or at least {FEWEST_MEMBERS}: fewer refits agree by chance")
        return members


class EvaluationConfig(_Section):
    """How many bootstrap draws the intervals rest on, and the share of people whom the service can meet early."""

    draws: int = Field(200, ge=20, le=10_000)
    worth: bool = Field(True, description="measure what each input is worth: half a minute for 100,000 people")
    operating_capacity: float = Field(0.25, gt=0, lt=1, description="share met early at a landmark (assumption)")


class TrainingConfig(_Section):
    """A whole training run. `serve` names the kind of model that is refitted and packaged; the others judge it."""

    extract: Path
    name: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="name of the registered model; else the catalogue's"
    )
    serve: Literal["small trees", "logistic regression", "depth-4 tree", "unemployment-history rule"] = "small trees"
    catalogue: str = "keski_uusimaa"
    policy: Path | None = None
    seed: int = Field(2026, ge=0, lt=2**31)
    split: SplitConfig = SplitConfig()
    fit: FitConfig = FitConfig()
    committee: CommitteeConfig = CommitteeConfig()
    evaluation: EvaluationConfig = EvaluationConfig()


def load_config(path: Path, **overrides: Any) -> TrainingConfig:
    """Return the configuration in a TOML file; options that are not None take precedence over the file.

    Paths in the file are read from the folder the file lies in.

    Raises
    ------
    ConfigError
        When the file is missing, is not TOML, or has an unknown key or a value out of range; it names every key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}; give the path of a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not readable TOML in UTF-8: {error}") from None
    for key in ("extract", "policy"):
        if isinstance(content.get(key), str):
            content[key] = path.parent / content[key]
    if str(content.get("catalogue", "")).endswith(".toml"):
        content["catalogue"] = str(path.parent / content["catalogue"])
    return checked_config(
        {**content, **{key: value for key, value in overrides.items() if value is not None}}, str(path)
    )


def checked_config(content: dict[str, Any], place: str = "the options") -> TrainingConfig:
    """Return the configuration, or raise ConfigError naming every key at fault; a refused value is never repeated."""
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        faults = [f"{place}: {_sentence(fault)}" for fault in error.errors(include_url=False, include_input=False)]
        raise ConfigError("\n".join(faults)) from None


def _sentence(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        section = TrainingConfig
        for part in fault["loc"][:-1]:
            section = section.model_fields[str(part)].annotation  # type: ignore[assignment]
        return f"{key} is not a key; the keys here are {', '.join(section.model_fields)}"
    if fault["type"] == "missing":
        return f"{key} is missing; it must be given"
    if key == "split.kind":
        return (
            'split.kind can only be "temporal, by person": people apart by a salted hash, times apart by date with a '
            "gap of the horizon; a random split knows the future and one that shares people knows the person"
        )
    return f"{key} cannot be used: {fault['msg']}"
