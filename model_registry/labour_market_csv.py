"""The labour market as a CSV text with a catalogue's occupation codes: in a package, or from the area's own file."""

import csv
import io
import math
from collections.abc import Sequence
from datetime import date

import numpy as np

from features.errors import FactsError, Fault
from features.facts import LabourMarket, day_number, to_date

COLUMNS = ("occupation", "month", "jobseekers_per_vacancy", "published_on")


def labour_market_text(market: LabourMarket, occupations: Sequence[str]) -> str:
    """The CSV text of a labour market; `occupations` are the codes by position, as in the catalogue's list."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for position in range(len(market.offsets) - 1):
        for row in range(int(market.offsets[position]), int(market.offsets[position + 1])):
            dates = to_date(market.month[row]).isoformat(), to_date(market.published_on[row]).isoformat()
            writer.writerow((occupations[position], dates[0], repr(float(market.value[row])), dates[1]))
    return out.getvalue()


def labour_market_from_text(text: str, occupations: Sequence[str]) -> LabourMarket:
    """The labour market in a CSV text, rows in any order.

    Raises
    ------
    FactsError
        With one fault for each row that cannot be read, named by its number.
    """
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise FactsError([Fault("row 1", f"the columns must be {', '.join(COLUMNS)}")])
    rows, faults = [], []
    for number, row in enumerate(reader, start=2):
        try:
            value = float(row["jobseekers_per_vacancy"])
            days = (day_number(date.fromisoformat(row[name])) for name in ("published_on", "month"))
            rows.append((occupations.index(row["occupation"]), *days, value))
        except (ValueError, TypeError):
            faults.append(Fault(f"row {number}", "needs a known occupation, two dates (year-month-day) and a number"))
            continue
        if not math.isfinite(value) or value < 0:
            faults.append(Fault(f"row {number}", "jobseekers_per_vacancy must be a number from 0 up"))
    if faults:
        raise FactsError(faults)
    rows.sort()
    counts = np.bincount(np.array([row[0] for row in rows], dtype=np.int64), minlength=len(occupations))
    return LabourMarket(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([row[1] for row in rows], dtype=np.int32),
        np.array([row[2] for row in rows], dtype=np.int32),
        np.array([row[3] for row in rows], dtype=np.float64),
    )
