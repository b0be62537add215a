"""Reading somebody else's table row by row, and keeping count of what became of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from forecast.errors import Problem, closest, raise_if_any, warn
from forecast.evidence.mapping import EventMapping
from forecast.evidence.report import Report
from forecast.evidence.report_files import read_row
from forecast.evidence.spreadsheet import Table, cell_text
from forecast.scenario.scenario import Scenario

Candidate = tuple[str, Report | None, list[Problem]]
"""Where a report was found, what it is, and what is wrong with it; nothing if it is left out."""

FEW = 0.1
"""Share of rows that fit a rule below which a mapping may not be what was meant."""
VALUES_KEPT = 1_000
"""Different values of a column that are kept, to say what was meant."""
NEEDED = ("id", "event_start", "known", "source")


class MappedTable:
    """The reports of a table, with how many of its rows were read, left out and set aside.

    Parameters
    ----------
    mapping
        What its columns mean.
    table
        The table; its rows are read once.
    scenario
        What the reports speak to; rows about days before it begins are set aside.

    Raises
    ------
    InputError
        If the table has not the columns that the mapping needs.
    """

    def __init__(self, mapping: EventMapping, table: Table, scenario: Scenario | None) -> None:
        self.mapping, problems, self._notes = mapping.fitted_to(table.where, table.columns)
        raise_if_any(problems)
        self.table, self.scenario = table, scenario
        timeline = scenario.timeline if scenario else None
        self._begins = timeline.start if timeline else date.min
        self.rows = self.left_out = self.clipped = 0
        self.set_aside: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._fits: Counter[int | None] = Counter()
        columns = {column for rule in self.mapping.rules for column in rule.when}
        self._values: dict[str, dict[str, None]] = {column: {} for column in columns}

    def read(self) -> Iterator[Candidate]:
        """Yield what each row is."""
        for place, row in self.table.rows:
            self.rows += 1
            for column, values in self._values.items():
                if len(values) < VALUES_KEPT:
                    values[cell_text(row.get(column))] = None
            translated = self.mapping.translated(place, row)
            if translated is None:
                self.left_out += 1
                yield place, None, []
                continue
            meant, problems = translated
            if not problems:
                self._fits[self.mapping.rule_of(row)] += 1
                if reason := self._reason(meant):
                    self.set_aside[reason] += 1
                    self._first.setdefault(reason, place)
                    yield place, None, []
                    continue
            report, faults = (None, problems) if problems else read_row(place, meant, self.scenario)
            yield place, None if faults else report, faults

    def _reason(self, meant: dict[str, str]) -> str:
        """Why a row is set aside, if it is; days before the scenario begins are cut off."""
        lacks = [field for field in NEEDED if not meant.get(field)]
        if lacks:
            return f"nothing stands where {' and '.join(lacks)} should"
        if not (meant["state"] or meant["number"]):
            return "nothing stands where the number should"
        try:
            start = date.fromisoformat(meant["event_start"])
            end = date.fromisoformat(meant.get("event_end") or meant["event_start"])
        except ValueError:
            return ""  # whoever reads the row says what is wrong with its dates
        if end < self._begins:
            return f"the event was before the scenario begins, {self._begins}"
        if start < self._begins:
            meant["event_start"] = self._begins.isoformat()
            self.clipped += 1
        return ""

    def notes(self) -> list[str]:
        """What was decided; issues a warning where the table may not have been read as meant."""
        few = self.left_out > (1 - FEW) * self.rows or not self.rows
        used = self.rows - self.left_out - self.set_aside.total()
        doubts = list(self._misspelt())
        if few or not used:
            fitting = self.rows - self.left_out
            doubts.insert(0, f"{fitting:,} of {self.rows:,} rows fit a rule, {used:,} are reports")
            doubts += [] if fitting else list(self._unmet())
        counts = [
            f"{count:,} rows set aside: {reason} (first: {self._first[reason]})"
            for reason, count in self.set_aside.items()
        ]
        if self.clipped:
            counts.append(f"{self.clipped:,} events that may have been before {self._begins} begin")
            counts[-1] += " then"
        warn(self.table.where, [*doubts, *self._notes, *(counts if not used else [])])
        return [*doubts, *self._notes, *self.table.notes, *counts]

    def _misspelt(self) -> Iterator[str]:
        """Yield values of rules that the table writes a little otherwise."""
        for column, wanted in self._absent():
            near = closest(wanted, self._values[column])
            same = {value.strip("\"' ").casefold(): value for value in self._values[column]}
            near = same.get(wanted.strip("\"' ").casefold(), near)
            if near:
                yield f"{column!r} is never {wanted[:60]!r}; did you mean {near[:60]!r}?"

    def _unmet(self) -> Iterator[str]:
        for column, wanted in self._absent():
            shown = ", ".join(repr(value[:40]) for value in list(self._values[column])[:5])
            yield f"{column!r} is never {wanted[:60]!r}; it is {shown or 'empty'}"

    def _absent(self) -> Iterator[tuple[str, str]]:
        """Yield columns and values that rules ask for and the table has not."""
        for number, rule in enumerate(self.mapping.rules):
            if self._fits[number]:
                continue
            for column, wanted in rule.when.items():
                values = self._values[column]
                each = (wanted,) if isinstance(wanted, str) else wanted
                if len(values) < VALUES_KEPT and not any(value in values for value in each):
                    yield column, each[0] if each else ""
