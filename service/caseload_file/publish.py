"""The whole output made of its portions, and the names it gets: the output first, and never over another file."""

import json
from collections import Counter
from pathlib import Path

from model_registry.scoring.told_domains import TellingRules
from service.caseload_file.assess import columns, has_range
from service.caseload_file.output import join_answers, join_rejects
from service.caseload_file.plan import Plan, about, digest_of
from service.caseload_file.work_folder import READY, Done, WorkFolder, as_json, is_there
from service.caseloads import FileRun
from service.champion import Champion
from service.ledger import Ledger

ANSWERS, REJECTS, ABOUT = "answers", "rejects", "about.json"


def refuse_what_is_there(plan: Plan, work: WorkFolder) -> None:
    """Raise CaseloadError where a name is taken by a file that the run of this folder has not made."""
    ready = _ready(work)
    for name, target in _targets(plan).items():
        ours = name in ready and target.is_file() and digest_of(target) == ready[name]
        if target.is_symlink() or (target.exists() and not ours):
            raise is_there(target)


def is_published(plan: Plan, work: WorkFolder) -> bool:
    """Whether the output of this very run has its name already."""
    return plan.out.exists() and _ready(work).get(ANSWERS) == digest_of(plan.out)


def make_output(
    plan: Plan, champion: Champion, ledger: Ledger, run: FileRun | None, work: WorkFolder, digest: str
) -> None:
    """Make the whole output in the work folder and, of an official run, record its digest."""
    told = about(plan, champion, digest, sum_of(work.done()))
    with work.making(ANSWERS) as file:
        join_answers(work.parts("answers"), plan.out.suffix, columns_of(plan, champion), told, file)
    with work.making(REJECTS) as file:
        join_rejects(work.parts("rejects"), file)
    work.write(ABOUT, as_json(told))
    made = {name: digest_of(work.folder / name) for name in _targets(plan)}
    if run is not None:
        ledger.caseloads.finish_file(run, told["counts"], made[ANSWERS])
    work.write(READY, as_json(made))


def give_names(plan: Plan, work: WorkFolder) -> None:
    """Give the output its name in one step, and then the two files beside it theirs; who was stopped here goes on.

    Raises
    ------
    CaseloadError
        A name was taken meanwhile.
    """
    refuse_what_is_there(plan, work)
    for name, target in _targets(plan).items():
        if not target.exists():
            work.publish(name, target)


def columns_of(plan: Plan, champion: Champion) -> list[str]:
    """The columns of a plan's output, in order."""
    rules = TellingRules(champion.package.catalogue, plan.with_health_reasons)
    return columns(rules, has_range(plan, champion))


def sum_of(done: list[Done]) -> dict[str, int]:
    """The counts of all portions together."""
    whole: Counter[str] = Counter()
    for portion in done:
        whole.update(portion.counts)
    return dict(sorted(whole.items()))


def _targets(plan: Plan) -> dict[str, Path]:
    """Where each file goes, in the order in which they get their names."""
    return {ANSWERS: plan.out, REJECTS: plan.rejects, ABOUT: plan.about}


def _ready(work: WorkFolder) -> dict[str, str]:
    """The digest of each file that the run of this folder has made; none while it is at work."""
    file = work.folder / READY
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
