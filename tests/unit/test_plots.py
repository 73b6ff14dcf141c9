"""Pictures that a steering group can read: every word inside the picture, none over another on an axis."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from features.catalogue import load_catalogue
from model_registry.evidence.estimates import Estimate
from training import plots
from training.population import plots as population_plots
from training.population.generate import Order, tally_of
from training.population.summary import Tally
from training.worth import EVERYBODY, WHO_GAVE_IT, Gain, Worth

MONTHS = [0, 3, 6, 9]


@pytest.fixture(scope="module")
def tally() -> Tally:
    return tally_of(Order(1_500, 1, date(2026, 10, 31)))


def words_outside(figure: Figure) -> list[str]:
    """Words that the picture's edge cuts, once it is laid out as it is when it is kept."""
    FigureCanvasAgg(figure)
    figure.tight_layout()
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    found = []
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        # a tick beyond the end of its axis has a number and is not drawn
        if any(map(str.isalpha, text.get_text())) and text.get_visible():
            box = text.get_window_extent(renderer)
            if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1:
                found.append(text.get_text())
    return found


def titles_over_one_another(figure: Figure) -> bool:
    """Whether the titles of axes side by side touch."""
    boxes = [axis.title.get_window_extent() for axis in figure.axes if axis.title.get_text()]
    return any(left.x1 > right.x0 for left, right in pairwise(boxes))


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))


@pytest.mark.parametrize("name", ["_survival", "_stocks", "_hazard", "_work_ability"])
def test_the_plots_of_the_population_show_all_their_words(name: str, tally: Tally) -> None:
    draw: Callable[[Tally], Figure] = getattr(population_plots, name)
    figure = draw(tally)
    assert words_outside(figure) == []
    assert not titles_over_one_another(figure)


def run_figures() -> dict[str, Figure]:
    random = np.random.default_rng(1)
    n = 2_000
    risk = random.beta(2, 4, n)
    outcome = (random.random(n) < risk).astype(float)
    landmark = np.repeat(np.array(MONTHS, np.int8), n // 4)
    catalogue = load_catalogue("keski_uusimaa")
    names = catalogue.register_names
    contributions = random.normal(size=(n, len(names)))
    estimate = Estimate(0.01, -0.005, 0.02)
    blocks = {"minimal set": ("a",), "history": ("b",), "own expectation": ("c",)}
    gains = tuple(
        Gain(block, month, where, 500, 200, {"auc": estimate}, {"auc": estimate})
        for month in MONTHS
        for block, where in (("minimal set", EVERYBODY), ("history", EVERYBODY), ("own expectation", WHO_GAVE_IT))
    )
    weight = np.ones(n)
    return {
        "calibration": plots._calibration(outcome, landmark, risk, weight, MONTHS),
        "calibration of one landmark": plots._calibration(outcome, np.zeros(n, np.int8), risk, weight, [0]),
        "recall": plots._recall(outcome, {"served model": risk, "logistic regression": 1 - risk}, weight, 0),
        "contributions": plots._contributions(catalogue, contributions, names, 0),
        "gains": plots._gains(Worth(blocks, gains, (), (), ())),
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return run_figures()


@pytest.mark.parametrize("name", ["calibration", "calibration of one landmark", "recall", "contributions", "gains"])
def test_the_plots_of_a_run_show_all_their_words(name: str, figures: dict[str, Figure]) -> None:
    assert words_outside(figures[name]) == []
    assert not titles_over_one_another(figures[name])


def test_risks_are_told_in_per_cent_and_landmarks_in_words(figures: dict[str, Figure]) -> None:
    told = words(figures["calibration"])
    assert "at the start, 500 people" in told
    assert "after 9 months, 500 people" in told
    assert "risk told, %" in told
    assert "came true for" in told


def test_the_two_waves_of_the_season_are_one_bar(figures: dict[str, Figure]) -> None:
    bars = [label.get_text() for label in figures["contributions"].axes[0].get_yticklabels()]
    assert bars.count("Season in which unemployment began") == 1
    assert len(set(bars)) == len(bars)
