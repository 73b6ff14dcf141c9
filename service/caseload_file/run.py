"""The story of a run over a file: any number of people, in the order of the file, in bounded memory, and resumable."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from features.catalogue import Catalogue
from features.errors import ExtractError
from features.table_stream import TableStream
from model_registry.scoring.told_domains import TellingRules
from service.caseload_file.assess import Answers, assess_portion
from service.caseload_file.output import answers_as_bytes, as_csv, read_columns
from service.caseload_file.plan import CaseloadError, Plan, digest_of
from service.caseload_file.publish import (
    columns_of,
    give_names,
    is_published,
    make_output,
    refuse_what_is_there,
    sum_of,
)
from service.caseload_file.source import Portion, open_source, portions
from service.caseload_file.work_folder import Done, WorkFolder
from service.caseloads import FileRun
from service.champion import Champion
from service.ledger import Ledger
from service.pseudonyms import random_letters
from service.scope import CLIENT_OBJECTS

Step = Callable[[int], object]


@dataclass(frozen=True)
class Finished:
    """A run whose output is there: how many clients got what, and where it went on."""

    plan: Plan
    counts: Mapping[str, int]
    resumed_at_row: int


def screen_file(plan: Plan, champion: Champion, ledger: Ledger, step: Step) -> Finished:
    """The finished run of a plan; `step` is told of every further byte of the source that is done.

    Raises
    ------
    ExtractError
        The source cannot be read, or its clients do not follow each other.
    ReadError
        The disk of the source fails; what is done is kept.
    CaseloadError
        The output cannot be written, is there already, or another run is at work on it; or the source has changed
        under way.
    LedgerError
        A portion could not be recorded; then it is not in the output either.
    """
    plan.check()
    digest = digest_of(plan.source)
    catalogue = champion.package.catalogue
    stream = TableStream(plan.source, catalogue.flat.separator if catalogue.flat else ",")
    open_source(stream, catalogue, plan.as_of is None)
    _refuse_people_without_names(plan, catalogue)
    work = WorkFolder(plan)
    work.refuse_another_hand()
    refuse_what_is_there(plan, work)
    with work.locked():
        plan = _begin_or_go_on(plan, champion, work, digest)
        done = work.done()
        if not is_published(plan, work):
            try:
                if not plan.is_dry and not done:
                    _read_through(plan, champion, stream)
                _screen_the_rest(plan, champion, ledger, work, stream, digest, step)
                # Who has objected since their portion was done is in no output that gets its name after that.
                while (portion := _first_with_an_objection(plan, champion, ledger, work)) is not None:
                    work.forget_from(portion)
                    _screen_the_rest(plan, champion, ledger, work, stream, digest, lambda _: None)
            except ExtractError:
                if _is_unreadable(plan, champion, stream, digest):
                    work.remove()  # it must change, and another run will read it
                raise
            _refuse_a_changed_source(plan, work, digest)
            make_output(plan, champion, ledger, _as_recorded(plan, champion), work, digest)
        give_names(plan, work)
        finished = Finished(plan, sum_of(work.done()), done[-1].next_row if done else 0)
        work.remove()
    return finished


def _refuse_people_without_names(plan: Plan, catalogue: Catalogue) -> None:
    """`row-00000001` is another person in each file: under that name nobody could be found again or erased."""
    if not plan.is_dry and catalogue.flat is not None and catalogue.flat.person == "row":
        raise CaseloadError(
            f"the catalogue {catalogue.name} names no column of pseudonyms, so nobody could be found again in the "
            "ledger: give --dry-run, or serve a model whose catalogue has one"
        )


def _read_through(plan: Plan, champion: Champion, stream: TableStream) -> None:
    """Nothing, when the source can be read to its end: else it is known before anybody is recorded."""
    if not sum(1 for _ in portions(stream, champion.package.catalogue, plan.rows_at_once)):
        raise ExtractError(f"{plan.source.name} has a header and no rows; there is nobody to screen")


def _is_unreadable(plan: Plan, champion: Champion, stream: TableStream, digest: str) -> bool:
    """Whether no run can end with the source as this one began with: it has changed, or is at fault each time."""
    if digest_of(plan.source) != digest:
        return True
    try:
        _read_through(plan, champion, stream)
    except ExtractError:
        return True
    return False


def _begin_or_go_on(plan: Plan, champion: Champion, work: WorkFolder, digest: str) -> Plan:
    """The plan with the day on which the run was begun and its id, which are written down at its first start."""
    begun = work.begun()
    if begun is not None:
        plan = replace(plan, today=date.fromisoformat(begun["today"]), run=begun.get("run", ""))
    identity = plan.identity(champion, digest)
    if begun is None:
        plan = replace(plan, run=random_letters(20))
        work.begin({"today": plan.today.isoformat(), "identity": identity, "run": plan.run})
    elif begun["identity"] != identity:
        changed = [name for name, value in identity.items() if begun["identity"].get(name) != value]
        raise CaseloadError(
            f"{work.folder.name} is of a run that was to do something else ({', '.join(changed)} changed): give that "
            "command again to finish it, or remove the folder"
        )
    return plan


def _refuse_a_changed_source(plan: Plan, work: WorkFolder, digest: str) -> None:
    """Nobody can tell which of its portions were read before the change: what is done is of no use."""
    if digest_of(plan.source) != digest:
        work.remove()
        raise CaseloadError(
            f"{plan.source.name} has changed while it was screened, so there is no output: let nobody write to it, and "
            "give the same command again"
        )


def _screen_the_rest(
    plan: Plan, champion: Champion, ledger: Ledger, work: WorkFolder, stream: TableStream, digest: str, step: Step
) -> None:
    done = work.done()
    skip, before = (done[-1].next_row, done[-1].last_client) if done else (0, "")
    run = _as_recorded(plan, champion)
    if run is not None:
        ledger.caseloads.begin_file(run, plan.told_in_ledger(champion, digest))
    rules = TellingRules(champion.package.catalogue, plan.with_health_reasons)
    assess = partial(assess_portion, plan, champion, rules)
    source = portions(stream, champion.package.catalogue, plan.rows_at_once, skip, before)
    told = 0
    number = len(done)
    with closing(_in_order(source, assess, ledger, plan.threads)) as answered:
        for portion, answers in answered:
            if run is not None:
                answers = _recorded(ledger, run, answers)
            counts = {**answers.counts, "rows": portion.table.num_rows}
            content = answers_as_bytes(answers.table, plan.out.suffix)
            kept = Done(portion.next_row, portion.client_ids[-1], counts)
            work.add(number, content, as_csv(answers.rejects), kept)
            number += 1
            step(stream.position - told)
            told = stream.position
    if number == 0:
        raise ExtractError(f"{plan.source.name} has a header and no rows; there is nobody to screen")


def _as_recorded(plan: Plan, champion: Champion) -> FileRun | None:
    """The run as the ledger knows it; None in a dry run."""
    return None if plan.caller is None else FileRun(plan.run, plan.caller, champion.versions)


def _first_with_an_objection(plan: Plan, champion: Champion, ledger: Ledger, work: WorkFolder) -> int | None:
    """The first portion that assesses, or says something else of, a client who objects by now."""
    objecting = ledger.objections.standing()
    if not objecting.subjects:
        return None
    names = columns_of(plan, champion)
    for number, part in enumerate(work.parts("answers")):
        told = read_columns(part, plan.out.suffix, names, ["client_id", "not_assessed"]).to_pylist()
        if any(one["client_id"] in objecting for one in told if one["not_assessed"] != CLIENT_OBJECTS):
            return number
    return None


def _in_order(
    source: Iterator[Portion], assess: Callable[..., Answers], ledger: Ledger, threads: int
) -> Generator[tuple[Portion, Answers], None, None]:
    """Each portion with its answers, in order; one is assessed on each core, and no more are held than that and one."""
    waiting: deque[tuple[Portion, Future[Answers]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for portion in source:
                # Asked anew each time: who objects while a long run is under way is honoured from then on.
                waiting.append((portion, pool.submit(assess, ledger.objections.standing(), portion)))
                if len(waiting) > threads:
                    first, answers = waiting.popleft()
                    yield first, answers.result()
            while waiting:
                first, answers = waiting.popleft()
                yield first, answers.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _recorded(ledger: Ledger, run: FileRun, answers: Answers) -> Answers:
    """The same answers with the ids under which they stand in the ledger."""
    names = [name for name in answers.table.column_names if name not in ("screening_id", "run", "delete_by")]
    rows = answers.table.select(names).to_pylist()
    ids = ledger.caseloads.record_rows(run, answers.first_rows.tolist(), rows)
    place = answers.table.column_names.index("screening_id")
    return replace(answers, table=answers.table.set_column(place, "screening_id", [ids]))
