"""What was tried for figures that are missed; printed only beside a figure that a run has missed."""

from collections.abc import Sequence

from tests.bench.asked import Row

ONE_ROW = (
    "The compiled loop takes about 11 of the 15-20 microseconds, the rest is Python. Comparisons without a branch on a "
    "doubled row, as the refits use them, took 10.0 in place of 10.9. `pred_contrib` itself takes some 220 for 300 "
    "trees of 8 leaves; 50 times would need 4."
)
COMMITTEE = (
    "Two kinds of answers mean four readings of 25 refits of 150 trees (the register model, and the full one for "
    "every part of what was told). Asking the thresholds once for all votes, unsigned indices and kept tuples took it, "
    "with 5 refits, from .25 to .16 ms."
)
MLFLOW = (
    "mlflow's server of our own pyfunc answers 110-150 a second here, twice the 56 the goal was set by. Its plain "
    "LightGBM flavour without a signature answers more than our complete screening; it neither validates, explains nor "
    "records."
)
TRIED = {
    ("one explained row, in process", "pred_contrib of one row"): ONE_ROW,
    ("committee of 25 for one screening, who answered everything", ""): COMMITTEE,
    (
        "screening, 16 connections, without committee",
        "mlflow models serve, same model, no reasons, no record",
    ): MLFLOW,
}


def missed(rows: Sequence[Row]) -> str:
    """Return a section on the figures that are missed, with what was tried; empty where none is."""
    found = [row for row in rows if row.verdict == "MISSED"]
    if not found:
        return ""
    lines = ["## Missed, and what was tried", ""]
    for row in found:
        against = f" against {row.against}" if row.against else ""
        tried = TRIED.get((row.what, row.against), "Nothing was tried yet.")
        lines.append(f"- **{row.what}{against}**: {row.measured}, {row.asked} asked. {tried}")
    return "\n".join(lines)
