"""Files of caseloads for tests, made of the very documents that a single screening takes."""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from features.fact_rows import columns_of
from features.intake import LISTS
from service.access import Caller
from service.caseload_file.plan import Plan, digest_of
from service.caseload_file.run import Finished, screen_file
from service.caseload_file.work_folder import WorkFolder
from service.champion import promoted_champion
from service.ledger import open_ledger
from service.today import today_in_finland
from tests.service.served import Served, catalogue
from tests.service.test_batch import several

OCCASION = "monthly round"
OPERATOR = Caller("operatorkey", "operator", "kerava", "service_planning")


def rows_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of one client's document in a table of facts."""
    client = {"client_id": document["client_id"], "as_of": document.get("as_of", today_in_finland().isoformat())}
    for name, value in document.items():
        if name in LISTS:
            for item in value or ():
                yield {**client, "fact": name, **_plain(item)}
        elif name not in ("client_id", "purpose", "as_of") and value is not None:
            yield {**client, "fact": "statements", "input": name, "value": _text(value)}


def fact_file(path: Path, documents: Iterable[Mapping[str, Any]], **changes: Any) -> Path:
    """A CSV file of the facts in some documents, in their order."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns_of(catalogue()), extrasaction="raise")
        writer.writeheader()
        for document in documents:
            writer.writerows({**row, **changes} for row in rows_of(document))
    return path


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(service: Served, source: Path, out: Path, **changes: Any) -> Finished:
    """A dry run over a file, in this process."""
    ledger = open_ledger(service.settings)
    plan = Plan(**{"source": source, "out": out, "today": today_in_finland(), "keep_days": 30, **changes})
    return screen_file(plan, promoted_champion(ledger, service.settings), ledger, lambda _: None)


def answers(service: Served, source: Path, out: Path, **changes: Any) -> list[dict[str, str]]:
    """The rows of the CSV file that a dry run writes."""
    run(service, source, out, **changes)
    return table(out)


def official(service: Served, source: Path, out: Path, **changes: Any) -> Finished:
    """A run that is recorded."""
    return run(service, source, out, **{"caller": OPERATOR, "occasion": OCCASION, **changes})


def stop(
    patching: pytest.MonkeyPatch, service: Served, source: Path, out: Path, after: int = 2, **changes: Any
) -> Path:
    """The output of a run that was stopped after so many portions; those of the next are recorded, but not kept."""
    add = WorkFolder.add

    def stopping(self: WorkFolder, number: int, *rest: Any) -> None:
        if number == after:
            raise KeyboardInterrupt
        add(self, number, *rest)

    with patching.context() as patched:
        patched.setattr(WorkFolder, "add", stopping)
        with pytest.raises(KeyboardInterrupt):
            run(service, source, out, **{"rows_at_once": 10, **changes})
    return out


def people() -> list[dict[str, Any]]:
    """A few people of every kind, by name."""
    return sorted(several(), key=lambda one: str(one["client_id"]))


def entries(service: Served, kind: str) -> list[tuple[str, str, str, str]]:
    """Id, subject, about and details of the entries of a kind, in order."""
    database = sqlite3.connect(service.settings.home / "varhain.sqlite")
    asked = "SELECT id, subject, about, details FROM entries WHERE kind = ? ORDER BY seq"
    return database.execute(asked, (kind,)).fetchall()


def everything_is_recorded_as_written(service: Served, out: Path) -> bool:
    """Whether each row of an output names an entry that says the same, and the end of its run the output's digest."""
    database = sqlite3.connect(service.settings.home / "varhain.sqlite")
    asked = "SELECT id, content FROM entries JOIN payloads ON entry_seq = seq WHERE kind = 'caseload_row'"
    held = {name: json.loads(content) for name, content in database.execute(asked)}
    rows = table(out) if out.suffix == ".csv" else [_written(row) for row in pa.parquet.read_table(out).to_pylist()]
    for row in rows:
        recorded = held[row["screening_id"]]
        assert recorded["client_id"] == row["client_id"]
        said = {name: "" for name in row if name not in ("client_id", "screening_id", "run", "delete_by")}
        assert said | _written(recorded["answer"]) == {name: row[name] for name in said}
    finished = json.loads(entries(service, "caseload_finished")[-1][3])
    return bool(finished["output_sha256"] == digest_of(out))


def _written(row: Mapping[str, Any]) -> dict[str, str]:
    """A row as a CSV file has it."""
    return {name: "" if value is None else _text(value) for name, value in row.items()}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    row = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            row |= {f"{name}_{part}": number for part, number in value.items()}
        elif value is not None:
            row[name] = _text(value)
    return row


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
