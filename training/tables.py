"""The figures of a run as text that an analyst can read in a terminal of 100 columns."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from model_registry.evidence.estimates import Estimate
from model_registry.scoring.segments import SegmentPolicy
from training.challengers import AGE_RULE
from training.evaluate import REGISTER, Comparison, LandmarkEvaluation
from training.exits import WORK, AtMonth, Exits
from training.levels import LevelFigures
from training.proxies import ProxyFigure, by_attribute
from training.side_by_side import LabelFigures, largest_gaps
from training.worth import WHO_GAVE_IT, Worth

WIDTH = 100
NAME, NARROW = 27, 16

BLOCKS = (
    (("auc", "AUC"), ("recall_at_10", "recall at 10 %"), ("recall_at_25", "recall at 25 %")),
    (
        ("calibration_slope", "calibration slope"),
        ("calibration_intercept", "intercept"),
        ("expected_calibration_error", "calibration error"),
    ),
)
HEADLINE_BLOCKS = (
    (("brier", "Brier"), ("recall_at_15", "recall at 15 %"), ("precision_at_10", "precision at 10 %")),
    (("precision_at_15", "precision at 15 %"), ("precision_at_25", "precision at 25 %")),
)
DIFFERENCES = (("auc", "AUC"), ("recall_at_10", "recall at 10 %"), ("recall_at_25", "recall at 25 %"))


def wrapped(sentence: str) -> str:
    """Return a sentence in lines of at most 100 columns, further lines indented."""
    return textwrap.fill(sentence, WIDTH, subsequent_indent="  ")


def cell(estimate: Estimate, signed: bool = False) -> str:
    """Return an estimate with its interval: ".684 (.674 to .695)".

    >>> cell(Estimate(-0.0123, -0.02, 0.004), signed=True)
    '-.012 (-.020 to +.004)'
    >>> cell(Estimate(None, None, None, "n = 3"))
    'not assessable'
    """
    if estimate.value is None:
        return "not assessable"
    text = _number(estimate.value, signed)
    if estimate.lower is None or estimate.upper is None:
        return text
    return f"{text} ({_number(estimate.lower, signed)} to {_number(estimate.upper, signed)})"


def evaluation_table(evaluations: Sequence[LandmarkEvaluation]) -> str:
    """Return the evaluation, one block a landmark; 95 % intervals in brackets."""
    lines = []
    for evaluation in evaluations:
        headline = evaluation is evaluations[0]
        lines.append(
            f"\nmonth {evaluation.landmark}: n = {evaluation.n:,}, {evaluation.outcomes:,} with the outcome, "
            f"base rate {cell(evaluation.base_rate)}" + ("   <- headline" if headline else "")
        )
        lines.append(f"  weighted for those whom nobody saw to the end: effective n = {evaluation.effective_n:,.0f}")
        if evaluation.base_rate.reason is not None:
            lines.append(f"  not assessable: {evaluation.base_rate.reason}")
            continue
        for block in (*BLOCKS, *(HEADLINE_BLOCKS if headline else ())):
            lines.append(_row("", [title for _, title in block]))
            for name, model in evaluation.models.items():
                lines.append(_row(name, [cell(model.values[key]) for key, _ in block]))
        lines.append(_row("served less the challenger:", [title for _, title in DIFFERENCES]))
        for name, model in evaluation.models.items():
            if model.differences and name != REGISTER:
                lines.append(_row(name, [cell(model.differences[key], signed=True) for key, _ in DIFFERENCES]))
    if any(AGE_RULE in evaluation.models for evaluation in evaluations):
        lines.append(f"\nThe {AGE_RULE} is never served.")
    return "\n".join(lines)


def label_table(figures: Sequence[LabelFigures], capacity: float) -> str:
    """Return base rates and recall under each label, and differences between groups at the headline."""
    if not figures:
        return ""
    lines = ["\nLabels side by side (the served model; * is the label it is fitted on)"]
    heads = f"{'n':>7}{'not seen':>9}{'eff. n':>8}{'base rate':>20}{'AUC':>20}{'recall at 25 %':>20}"
    for month in sorted({one.landmark for one in figures}):
        lines.append(f"month {month:<8}".ljust(16) + heads)
        for one in figures:
            if one.landmark == month:
                values = f"{cell(one.base_rate):>20}{cell(one.values['auc']):>20}{cell(one.values['recall_at_25']):>20}"
                lines.append(
                    f"{_letter(one.label) + ('*' if one.chosen else ''):16}"
                    f"{one.n:>7,}{one.not_seen:>9,}{one.effective_n:>8,.0f}{values}"
                )
    headline = [one for one in figures if one.landmark == figures[0].landmark]
    letters = " ".join(f"{_letter(name)} is {name}" + "," * (name != "twelve_of_sixteen") for name in _labels(headline))
    if len(headline) > 1:
        lines.append(letters + ".")
    lines.append("")
    lines += _gap_lines(headline, capacity)
    beyond = largest_gaps(figures)
    lines += ["Differences beyond their interval:", *(wrapped(f"  {each}") for each in beyond)] if beyond else []
    return "\n".join(lines)


def verdicts(comparisons: Sequence[Comparison]) -> list[str]:
    """Return a line for each challenger with its verdict at the headline."""
    return [f"{one.challenger}: {one.verdict}" for one in comparisons if one.landmark == comparisons[0].landmark]


def worth_table(worth: Worth) -> str:
    """Return what each block of inputs adds, landmark by landmark, and what is proposed for removal."""
    lines = ["\nWhat each input is worth (gain over the blocks above it; * on those who gave it)"]
    for month in sorted({one.landmark for one in worth.gains}):
        lines.append(_row(f"month {month}", ["AUC with it", "gain in AUC", "gain in recall at 25 %"]))
        for one in worth.gains:
            if one.landmark != month:
                continue
            first = one.block == next(iter(worth.blocks))
            mark = " *" if one.measured_on == WHO_GAVE_IT else ""
            gains = ["", ""] if first else [cell(one.gains[key], signed=True) for key in ("auc", "recall_at_25")]
            lines.append(_row(f"{one.block}{mark} ({one.n:,})", [cell(one.with_it["auc"]), *gains]))
    removal = ", ".join(worth.proposed_for_removal) or "nothing"
    lines.append(wrapped(f"Proposed for removal (no gain in AUC beyond its interval at any landmark): {removal}."))
    if worth.gated:
        tried = f"Gated features ({', '.join(worth.gated)}) were tried in a refit for this audit only, which nobody can"
        lines.append(wrapped(f"{tried} package or register."))
    if worth.gated_not_held:
        lines.append(f"Gated features that this extract does not hold: {', '.join(worth.gated_not_held)}.")
    return "\n".join(lines)


def proxy_table(figures: Sequence[ProxyFigure], at_least: float = 0.55) -> str:
    """Return how well each suspect tells each attribute at registration; AUC .5 is not at all."""
    if not figures:
        return ""
    lines = ["\nProxies by name (month 0): how well each tells each protected attribute, AUC"]
    grouped = by_attribute(figures)
    names = [one.proxy for one in next(iter(grouped.values()))]
    for attribute, row in grouped.items():
        lines.append(f"{attribute}: {row[0].told} ({row[0].members:,} of {row[0].n:,})")
        for name in names:
            for one in row:
                if one.proxy == name:
                    strong = one.auc.value is not None and one.auc.lower is not None and one.auc.lower >= at_least
                    lines.append(_row(f"  {name}", [cell(one.auc)]) + ("   <- tells it" if strong else ""))
    return "\n".join(lines)


def period_lines(periods: Mapping[str, Any]) -> list[str]:
    """Return a line for each known-bad period that touches the evaluation."""
    lines = []
    for name, one in periods.items():
        without = one["auc_without"]
        lines.append(
            f"Known-bad period {name}, flagged: {one['n']:,} of {one['of']:,} person-dates at month {one['landmark']}; "
            f"AUC {_number(one['auc'])} with them"
            + (f", {_number(without)} without." if without is not None else "; too few without them to tell.")
        )
    return lines


def exit_table(found: Sequence[Exits]) -> str:
    """Return how unemployment ends: month by month at the headline, at the horizon for later landmarks."""
    if not found:
        return ""
    headline = found[0].landmark
    lines = ["\nHow unemployment ends, months since it began (everybody of the evaluation's dates; shares of all)"]
    for one in found:
        if one.landmark == headline:
            lines.append(f"month {headline}, label {_letter(one.label)}: n = {one.n:,}, {one.lost:,} lost from sight")
            lines += _exit_lines([f"{each.months} months" for each in one.months], one.months)
    later = [one for one in found if one.landmark != headline]
    for label in dict.fromkeys(one.label for one in later):
        columns = [one for one in later if one.label == label]
        lines.append(f"at {columns[0].months[-1].months} months, of those screened later, label {_letter(label)}")
        lines += _exit_lines([f"at month {one.landmark}" for one in columns], [one.months[-1] for one in columns])
        lines.append(_narrow("n", [f"{one.n:,}" for one in columns]))
        if any(one.stopped_before > one.n / 100 for one in columns):
            lines.append(_narrow("stopped by then", [f"{one.stopped_before:,}" for one in columns]))
    lines.append(wrapped(_why_not_one_minus_kaplan_meier(found)))
    if any("stopped by then" in line for line in lines):
        lines.append(
            wrapped("Stopped by then: the clock had stopped before the day, and they count as gone by that exit.")
        )
    return "\n".join(lines)


def _exit_lines(heads: Sequence[str], columns: Sequence[AtMonth]) -> list[str]:
    """Rows of shares; an exit that nobody took is left out, such as a service under the label whose clock runs on."""
    taken = [exit for exit in columns[0].exits if any(one.exits[exit].value != 0 for one in columns)]
    return [
        _narrow("", heads),
        _narrow("still unemployed", [cell(one.staying) for one in columns]),
        *(_narrow(exit, [cell(one.exits[exit]) for one in columns]) for exit in taken),
        _narrow("n at risk", [f"{one.at_risk:,}" for one in columns]),
    ]


def _why_not_one_minus_kaplan_meier(found: Sequence[Exits]) -> str:
    sentence = (
        "Still unemployed is Kaplan-Meier, the exits are Aalen-Johansen, and together they are everybody: one minus "
        "Kaplan-Meier for one exit would take those who left by another as if they could still leave by it"
    )
    for one in found:
        work = one.months[-1].exits[WORK].value
        if one.work_alone is not None and work is not None:
            sentence += f" (for work under {_letter(one.label)} {_number(one.work_alone)} instead of {_number(work)})"
            break
    return sentence + "."


def _gap_lines(figures: Sequence[LabelFigures], capacity: float) -> list[str]:
    chosen = next((one for one in figures if one.chosen), figures[0])
    if not chosen.groups:
        return []
    labels = _labels(figures)
    lines = [
        f"Recall when {capacity:.0%} are met early, month {chosen.landmark}, and gaps to the largest group (=)",
        f"{'':18}{'n':>6}{'recall':>7}" + "".join(f"{'gap under ' + _letter(label):>23}" for label in labels),
    ]
    attribute = ""
    for group in chosen.groups:
        if group.attribute != attribute:
            attribute = group.attribute
            lines.append(attribute)
        cells = []
        for one in figures:
            found = next((g for g in one.groups if (g.attribute, g.group) == (attribute, group.group)), None)
            if found is None:
                cells.append("nobody")
            else:
                cells.append("=" if found.reference else _gap_cell(found.difference))
        recall = "-" if group.recall.value is None else _number(group.recall.value)
        lines.append(f"  {group.group:16}{group.n:>6,}{recall:>7}" + "".join(f"{text:>23}" for text in cells))
    return lines


def _gap_cell(estimate: Estimate) -> str:
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return "not assessable"
    return cell(estimate, signed=True)


def _labels(figures: Sequence[LabelFigures]) -> list[str]:
    return [one.label for one in figures]


def _letter(label: str) -> str:
    return {"official": "A", "activation_neutral": "B", "twelve_of_sixteen": "C"}.get(label, label)


def _narrow(name: str, cells: Sequence[str]) -> str:
    return f"  {name:{NARROW}}" + "".join(f"{text:>20}" for text in cells)


def _row(name: str, cells: Sequence[str]) -> str:
    return f"  {name:{NAME}}" + "".join(f"{text:>23}" for text in cells)


def _number(value: float, signed: bool = False) -> str:
    text = f"{value:{'+' if signed else ''}.3f}"
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") else text


def served_thresholds(policy: SegmentPolicy) -> str:
    """Return the thresholds that the registered model carries: not those it was judged with, a year older."""
    lines = [f"Thresholds of the model registered (policy {policy.version}); they serve once it is promoted"]
    for month, (early, close) in policy.thresholds.items():
        risks = f"early meeting from {_number(early, False)}, close support from {_number(close, False)}"
        lines.append(f"  month {month}: {risks}")
    return "\n".join(lines)


def _left_over(one: LevelFigures) -> list[str]:
    """A line where fewer than half of the talks are given out."""
    if one.talks_a_month is None or one.load >= one.talks_a_month / 2:
        return []
    return ["    talks are left over: people with the same risk stand on the same side of a threshold"]


def levels_table(levels: Sequence[LevelFigures]) -> str:
    """Return the levels by landmark: load, whom they reach and miss, and of whom the tool does not know."""
    set_by = "thresholds set on the year before" if levels[0].talks_a_month is not None else "thresholds of the policy"
    lines = ["", f"Levels of the model judged here ({set_by}; loads are for the whole extract, a month)"]
    for one in levels:
        asked = f", {one.talks_a_month:.0f} asked" if one.talks_a_month is not None else ""
        early, close = one.thresholds
        lines += [
            f"  month {one.landmark}: {one.people_a_month:,.0f} people, {one.load:.0f} early talks suggested "
            f"({one.lowest:.0f} to {one.highest:.0f}){asked}; early meeting from {_number(early, False)}, "
            f"close support from {_number(close, False)}",
            *_left_over(one),
            " " * (NAME + 4)
            + "".join(f"{title:>23}" for title in ("early talk suggested", "met, of who stayed", "stayed, of the met")),
        ]
        for who in one.reached:
            name = f"{who.who} ({who.n:,})"
            cells = "".join(f"{cell(estimate):>23}" for estimate in (who.suggested, who.met, who.precision))
            lines.append(f"    {name:<{NAME}}{cells}")
    unsure = levels[0].unsure
    if unsure:
        lines.append(
            f"The tool does not know the level (fewer than 80 % of the refits agree), month {levels[0].landmark}"
        )
        lines += [f"    {who:<40}{cell(estimate):>23}" for who, estimate in unsure.items()]
        for one in levels[1:]:
            lines.append(f"    everybody, month {one.landmark}{'':<22}{cell(one.unsure['everybody']):>23}")
    return "\n".join(lines)
