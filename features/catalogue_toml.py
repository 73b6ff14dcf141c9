"""Read a catalogue's TOML into its parts, collecting every fault with its place instead of stopping at the first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from features.catalogue_parts import LANGUAGES, Value, Words

Read = TypeVar("Read")

NOTHING: Mapping[str, Any] = {}


@dataclass
class Table:
    """One TOML table being read: each key is asked for by name, and what nobody asked for is a fault.

    A key that is missing or of the wrong type is noted in `faults` (place, cure) and read as an empty value of the
    right type, so that reading goes on and all faults are named at once.
    """

    place: str
    content: Mapping[str, Any]
    faults: list[tuple[str, str]]
    asked: set[str] = field(default_factory=set)

    def fault(self, key: str, cure: str) -> None:
        """Note a fault at `key` of this table."""
        self.faults.append((f"{self.place}.{key}" if self.place and key else self.place or key, cure))

    def _get(self, key: str, kind: type | tuple[type, ...], must: str, default: Read, required: bool) -> Any | Read:
        self.asked.add(key)
        if key not in self.content:
            if required:
                self.fault(key, f"is missing; write {must}")
            return default
        value = self.content[key]
        wrong_boolean = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or wrong_boolean:
            self.fault(key, f"must be {must}")
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; without a default it is required."""
        value: str = self._get(key, str, "a text", default or "", default is None)
        if key in self.content and isinstance(self.content[key], str) and not value.strip():
            self.fault(key, "is empty; write a text")
        return value

    def maybe_text(self, key: str) -> str | None:
        """Return a text that is not empty, or None where the key is left out."""
        return self.text(key) if key in self.content else None

    def choice(self, key: str, options: tuple[str, ...], default: str | None = None) -> str:
        """Return one of `options`."""
        value = self.text(key, default)
        if value not in options:
            if isinstance(self.content.get(key), str):
                self.fault(key, f"must be one of {', '.join(options)}")
            return default or options[0]
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Return true or false."""
        value: bool = self._get(key, bool, "true or false", default, False)
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        value: int = self._get(key, int, "a whole number", default or 0, default is None)
        return value

    def maybe_number(self, key: str) -> float | None:
        """Return a finite number, or None where the key is left out."""
        value = self._get(key, (int, float), "a number", None, False)
        if value is not None and value - value != 0:
            self.fault(key, "must be a finite number")
            return None
        return None if value is None else float(value)

    def maybe_day(self, key: str) -> date | None:
        """Return a date, or None where the key is left out."""
        value: date | None = self._get(key, date, "a date, such as 2026-12-31, without quotes", None, False)
        if isinstance(value, datetime):
            self.fault(key, "must be a date without a time of day")
            return None
        return value

    def day(self, key: str) -> date:
        """Return a date that is required."""
        if key not in self.content:
            self.fault(key, "is missing; write a date, such as 2026-12-31")
            self.asked.add(key)
        return self.maybe_day(key) or date.min

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty where the key is left out."""
        value: list[Any] = self._get(key, list, "a list of texts", [], False)
        if not all(isinstance(item, str) and item.strip() for item in value):
            self.fault(key, "must be a list of texts, none of them empty")
            return ()
        return tuple(value)

    def integers(self, key: str) -> tuple[int, ...]:
        """Return a list of whole numbers that is required."""
        value: list[Any] = self._get(key, list, "a list of whole numbers", [], True)
        if not all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            self.fault(key, "must be a list of whole numbers")
            return ()
        return tuple(value)

    def anything(self, key: str) -> Any:
        """Return whatever stands there, None where the key is left out."""
        self.asked.add(key)
        return self.content.get(key)

    def words(self, key: str) -> Words:
        """Return a wording in every language; a missing language is a fault at its own place."""
        self.asked.add(key)
        if key not in self.content:
            for language in LANGUAGES:
                self.fault(f"{key}.{language}", "is missing; write the wording")
            return dict.fromkeys(LANGUAGES, "")
        return self._read_words(key, self.content[key])

    def maybe_words(self, key: str) -> Words | None:
        """Return a wording in every language, or None where the key is left out."""
        return self.words(key) if key in self.content else None

    def _read_words(self, key: str, content: Any) -> Words:
        if not isinstance(content, Mapping):
            self.fault(key, 'must be a wording such as {fi = "...", sv = "...", en = "..."}')
            return dict.fromkeys(LANGUAGES, "")
        inner = Table(f"{self.place}.{key}" if self.place else key, content, self.faults)
        words = {language: inner.text(language) for language in LANGUAGES}
        inner.close()
        return words

    def own_words(self) -> Words:
        """Return the wording whose languages are keys of this very table, beside its other keys."""
        return {language: self.text(language) for language in LANGUAGES}

    def table(self, key: str, required: bool = True) -> "Table":
        """Return the table under `key`, an empty one where it is missing."""
        content: Mapping[str, Any] = self._get(key, Mapping, f"a table [{key}]", NOTHING, required)
        return Table(f"{self.place}.{key}" if self.place else key, content, self.faults)

    def tables(self, key: str, required: bool = False) -> Iterator[tuple[str, "Table"]]:
        """Yield (name, table) for every table under `key`, in the order in which they are written."""
        group = self.table(key, required)
        for name in group.content:
            yield name, group.table(name)

    def rows(self, key: str) -> Iterator["Table"]:
        """Yield a table for every inline table in the list under `key`."""
        for number, row in enumerate(self._get(key, list, "a list of tables", [], False)):
            place = f"{key}[{number}]"
            if isinstance(row, Mapping):
                yield Table(f"{self.place}.{place}" if self.place else place, row, self.faults)
            else:
                self.fault(place, 'must be a table such as {code = "...", fi = "...", sv = "...", en = "..."}')

    def each(self, key: str, read: Callable[[str, "Table"], Read], required: bool = False) -> tuple[Read, ...]:
        """Return what `read` makes of every table under `key`, each of them closed."""
        made = []
        for name, table in self.tables(key, required):
            made.append(read(name, table))
            table.close()
        return tuple(made)

    def close(self) -> None:
        """Note every key that nobody asked for."""
        for key in self.content:
            if key not in self.asked:
                self.fault(key, f"is not a known key here; known are {', '.join(sorted(self.asked))}")


def read_values(table: Table) -> tuple[Value, ...]:
    """Return the allowed codes written in the list `values` of a table."""
    values = []
    for row in table.rows("values"):
        values.append(
            Value(
                code=row.text("code"),
                label=row.own_words(),
                valid_from=row.maybe_day("valid_from"),
                valid_to=row.maybe_day("valid_to"),
                successor=row.maybe_text("successor"),
                missing=row.flag("missing"),
            )
        )
        row.close()
    return tuple(values)
