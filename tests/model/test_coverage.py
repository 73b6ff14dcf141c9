"""How wide a range must be, worked by hand."""

import numpy as np
import pytest

from model_registry.scoring.calibration import risk_of
from training.coverage import ADMITTED, EVERYTHING, _figures, as_markdown


def test_the_widening_for_80_percent_is_the_one_that_covers_80_percent():
    random = np.random.default_rng(1)
    served = random.normal(-1, 0.5, 4_000)
    members = served[:, None] + 0.2 * random.normal(size=(4_000, 25))
    truth = risk_of(served + 0.6 * random.normal(size=4_000))
    risks = {EVERYTHING: truth, ADMITTED: risk_of(served)}
    needed = _figures(served, members, risks, 1.0)[f"widening for 80 %, {EVERYTHING}"]
    assert needed > 1.5
    found = _figures(served, members, risks, needed)
    assert found[f"covered, {EVERYTHING}"] == pytest.approx(0.80, abs=0.002)
    assert found["width"] == pytest.approx(found[f"width at that, {EVERYTHING}"])
    assert found[f"covered, {ADMITTED}"] == 1.0  # the served risk is never outside its own range
    assert found[f"covered by the refits alone, {EVERYTHING}"] < 0.5
    assert 0 < found["does not know, everybody"] < found["does not know, of those suggested"] < 1


def test_the_page_gives_the_median_and_both_ends():
    from datetime import date

    seed = {str(size): {"0": {"width": size / 100}} for size in (5, 25)}
    other = {str(size): {"0": {"width": size / 50}} for size in (5, 25)}
    page = as_markdown({"with the trend": {1: seed, 2: seed, 3: other}}, 1_000, date(2026, 1, 2), "abc")
    assert "seeds 1 to 3" in page
    assert "| width | 0.05 (0.05 to 0.10) |" in page
