"""Mappings: what the columns and values of somebody else's event table mean as reports."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from forecast.arguments import short_repr
from forecast.errors import InputError, Problem, nearest
from forecast.evidence.formats import Layout
from forecast.evidence.plain import read_date
from forecast.evidence.report import DATES
from forecast.evidence.report_checks import LONGEST
from forecast.evidence.report_files import OPTIONAL, REQUIRED
from forecast.evidence.spreadsheet import RAGGED, cell_text, is_ragged
from forecast.reading import read_toml, shipped_folder
from forecast.scenario.document_part import DocumentPart, read_document

FIELDS = (*REQUIRED, *OPTIONAL)
RULED = ("indicator", "state", "number", "upper")
"""Fields that rules give, not columns."""

JOINED = ("id", "supersedes")
"""Fields that several columns may give together, joined by "@"."""

LONGEST_SPREAD = 366


NA_VALUES = (
    *("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "<NA>", "NULL", "null", "Null", "None", "none"),
    *("NaN", "nan", "-NaN", "NaT", "\\N", "-", "--", "---", ".", "?", '""', "(null)", "(none)"),
)
"""What exporters write for nothing, beside an empty cell."""

UNIX = "unix"
"""Stands among the patterns of dates for seconds since 1970."""


class Rule(DocumentPart):
    """Which rows speak to an indicator, and what they say of it.

    Attributes
    ----------
    when
        The value, or the values, that each of some columns must have.
    indicator, state
        Variable that such a row speaks to, and the state that it reports.
    number, upper
        Column with the number that it reports, instead of a state; or columns with the smallest
        and the largest number of a range.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    indicator: str
    state: str = ""
    number: str = ""
    upper: str = ""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.state) == bool(self.number):
            raise ValueError("a rule names a state or a column with a number")
        if self.upper and not self.number:
            raise ValueError("the upper end of a range needs a column with its lower end, `number`")
        return self

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row has the values that the rule asks for."""
        return all(
            cell_text(row[column]) in ((wanted,) if isinstance(wanted, str) else wanted)
            for column, wanted in self.when.items()
        )


class Spread(DocumentPart):
    """How far an event may have been from the day that its row gives.

    Attributes
    ----------
    column
        Column that says how exact the day is.
    days
        Days before and after, by the value of that column, or "month" or "year" for the whole of
        the one that the day is in; none where the value is not named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    days: dict[str, Annotated[int, Field(ge=0, le=LONGEST_SPREAD)] | Literal["month", "year"]]


class EventMapping(DocumentPart):
    """What an event table means: fields from columns, indicators and states from values.

    Attributes
    ----------
    about
        Whose table it is, and where its columns are described.
    delimiter, quoted, header, encoding
        How the file is laid out, where it is not comma-separated, with quotes around cells that
        need them, with a header, and in UTF-8. Quotes are known by how they stand as well.
    na_values
        What a cell holds that means nothing; rules see it as it stands.
    columns
        Column of each field of a report; several columns for an id that needs them.
    constants
        Fields that are the same for all rows, as text.
    prefixes
        What stands before the text of a field: it keeps ids of different tables apart.
    dates
        How the dates of a column are written, `strptime` patterns or "unix"; a date that two of
        them read as different days is refused. A pattern without a day, or without a month, means
        any day of the month or year.
    spread
        How far from its day an event may have been.
    revises
        Whether a row supersedes the last report of its origin: tables that are published again
        with rows changed.
    rules
        The first rule that fits a row says what it reports; rows that none fits are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    about: str = ""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quoted: bool = True
    header: tuple[str, ...] = ()
    encoding: str = ""
    na_values: tuple[str, ...] = NA_VALUES
    columns: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    prefixes: dict[str, str] = Field(default_factory=dict)
    dates: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    spread: Spread | None = None
    revises: bool = False
    rules: tuple[Rule, ...] = ()
    _assumed: frozenset[str] = PrivateAttr(default=frozenset())
    _contested: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _knows_its_fields(self) -> Self:
        legal = [field for field in FIELDS if field not in RULED]
        for field in (*self.columns, *self.constants, *self.prefixes):
            if field not in legal:
                raise ValueError(f"{field!r} is no field of a report; {nearest(field, legal)}")
        for field, column in self.columns.items():
            if not isinstance(column, str) and field not in JOINED:
                raise ValueError(f"{field!r} has one column; only an id may have several")
        if self.revises and "origin" not in self.columns:
            raise ValueError("rows that revise others need a column with their origin")
        return self

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            "a".encode(encoding or "utf-8")
        except (LookupError, ValueError):
            raise ValueError(f"{short_repr(encoding)} is not an encoding of text") from None
        return encoding

    @property
    def layout(self) -> Layout:
        """How the file is laid out."""
        return Layout(self.delimiter, self.header, self.quoted, self.encoding, mapped=True)

    def fitted_to(
        self, where: str, columns: tuple[str, ...]
    ) -> tuple[EventMapping, list[Problem], list[str]]:
        """The mapping without columns of its layout that a table lacks and that can be spared.

        Returns
        -------
        mapping, problems, notes
            What is used, what is wrong with it, and what was spared.
        """
        notes: list[str] = []
        kept = dict(self.columns)
        for field in self._assumed & kept.keys():
            lacking = [name for name in _each(kept[field]) if name not in columns]
            spared = field in self.constants or (
                field not in REQUIRED and not (field == "origin" and self.revises)
            )
            if lacking and spared:
                del kept[field]
                instead = repr(self.constants[field]) if field in self.constants else "left empty"
                notes.append(f"no column {lacking[0]!r}; {field!r} is {instead} in all rows")
            elif not lacking and field in self._contested:
                notes.append(
                    f"{field!r} is read from the layout's column {_each(kept[field])[0]!r}, and is "
                    f"{self.constants[field]!r} only where that is empty; columns = {{ {field} = "
                    '"" } takes the column away'
                )
        spread = self.spread
        if spread and "spread" in self._assumed and spread.column not in columns:
            notes.append(f"no column {spread.column!r}; dates are taken to be exact to the day")
            spread = None
        fitted = self.model_copy(update={"columns": kept, "spread": spread})
        return fitted, list(fitted._column_problems(where, columns)), sorted(notes)

    def _column_problems(self, where: str, columns: tuple[str, ...]) -> Iterator[Problem]:
        """Yield what the mapping lacks, and the columns it needs that the table has not."""
        if not self.rules:
            yield Problem("mapping", "has no rules: which rows speak to which indicator?")
        given = {*self.columns, *self.constants}
        for field in REQUIRED:
            if field not in given and field not in RULED:
                yield Problem("mapping", f"says nothing of {field!r}: give a column or a constant")
        needed = [name for column in self.columns.values() for name in _each(column)]
        needed += [n for rule in self.rules for n in (*rule.when, rule.number, rule.upper)]
        needed += [self.spread.column] if self.spread else []
        for column in dict.fromkeys(needed):
            if column and column not in columns:
                yield Problem(where, f"no column {column!r}; {self._remedy(column, columns)}")
            elif columns.count(column) > 1:
                yield Problem(where, f"column {column!r} appears twice; which of them is meant?")

    def _remedy(self, column: str, columns: tuple[str, ...]) -> str:
        """What to do about a column that is not there."""
        if len(columns) == 1:
            for sign in ";\t,|":
                if sign != self.delimiter and column in _split(columns[0], sign):
                    return (
                        f"the header is parted by {sign!r}: say delimiter = {sign!r} in the mapping"
                    )
        same = next((name for name in columns if name.casefold() == column.casefold()), None)
        hint = nearest(column, columns) if same is None else f"did you mean {same!r}?"
        fields = [field for field in self._assumed if column in _each(self.columns.get(field, ()))]
        if not fields:
            return hint
        named = " and ".join(sorted(fields))
        return f"the layout takes {named} from it: give another column, or a constant; {hint}"

    def rule_of(self, row: Mapping[str, Any]) -> int | None:
        """Which rule is the first that fits a row."""
        return next((k for k, rule in enumerate(self.rules) if rule.fits(row)), None)

    def _text(self, value: Any) -> str:
        """Text of a cell; nothing if it says that there is nothing."""
        text = cell_text(value)
        return "" if text in self.na_values else text

    def translated(
        self, place: str, row: Mapping[str, Any]
    ) -> tuple[dict[str, str], list[Problem]] | None:
        """A row as a row of a table of reports, and what is wrong with it.

        Returns
        -------
        row, problems
            Nothing if no rule fits the row.
        """
        if is_ragged(row):
            return {}, [Problem(place, RAGGED)]
        which = self.rule_of(row)
        if which is None:
            return None
        rule = self.rules[which]
        meant = dict(self.constants)
        problems: list[Problem] = []
        for field, column in self.columns.items():
            if isinstance(column, tuple):
                parts = [self._text(row[name]) for name in column]
                meant[field] = "@".join(parts) if all(parts) else ""
                continue
            text = self._text(row[column])
            if text and field in DATES:
                try:
                    days = _days_of(row[column], text, self.dates.get(column, ()))
                except ValueError as error:
                    message = f"{error}; {_pattern_remedy(column)}"
                    problems.append(Problem(f"{place}: column {column!r}", message))
                    continue
                text = days[0] if field == "event_start" else days[1]
                if field == "event_start" and days[0] != days[1]:
                    meant.setdefault("event_end", days[1])
            meant[field] = text or meant.get(field, "")
        if self.spread and not problems:
            meant |= _spread(meant, self.spread.days.get(self._text(row[self.spread.column]), 0))
        for field, prefix in self.prefixes.items():
            meant[field] = prefix + meant[field] if meant.get(field) else ""
        if meant.get("origin"):
            meant["origin"] = _shorter(meant["origin"])
        number, upper = (
            self._text(row[name]) if name else "" for name in (rule.number, rule.upper)
        )
        meant |= {"indicator": rule.indicator, "state": rule.state}
        return meant | {"number": number, "upper": upper}, problems


def mapping_names() -> list[str]:
    """Names of the layouts that ship with the library.

    Examples
    --------
    >>> mapping_names()
    ['acled', 'gdelt', 'icews', 'ucdp-ged']
    """
    return sorted(path.stem for path in (shipped_folder() / "mappings").glob("*.toml"))


def read_mapping(source: str | Path | Mapping[str, Any]) -> EventMapping:
    """Read a mapping from a TOML file or a dictionary, on top of a shipped layout if it names one.

    Parameters
    ----------
    source
        A file, the name of a shipped layout, or what such a file would hold. `layout` names the
        shipped layout that it completes.

    Raises
    ------
    InputError
        With every problem.

    Examples
    --------
    >>> rule = {"when": {"country": "Iraq"}, "indicator": "deaths", "number": "fatalities"}
    >>> read_mapping({"layout": "acled", "rules": [rule]}).columns["event_start"]
    'event_date'
    """
    where = "mapping" if isinstance(source, Mapping) else str(source)
    given = dict(source) if isinstance(source, Mapping) else _mapping_table(source)
    name, assumed, contested = given.pop("layout", None), frozenset[str](), frozenset[str]()
    if name is not None:
        if name not in mapping_names():
            message = f"layout {short_repr(name)} does not ship with the library"
            raise InputError([Problem(where, f"{message}; {nearest(name, mapping_names())}")])
        base = _mapping_table(str(name))
        own = {*_table(given, "columns"), *given.keys() & {"spread"}}
        assumed = frozenset({*base["columns"], *base.keys() & {"spread"}} - own)
        contested = assumed & {*_table(given, "constants")}
        given = _completed(base, given)
    mapping = read_document(EventMapping, where, _without_unset(given))
    mapping._assumed, mapping._contested = assumed, contested
    return mapping


def _mapping_table(source: str | Path) -> dict[str, Any]:
    shipped = shipped_folder() / "mappings" / f"{source}.toml"
    return read_toml(shipped if str(source) in mapping_names() else Path(source))


def _completed(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The base with what is given put in its place, table by table."""
    both = {
        name: {**base[name], **value}
        for name, value in given.items()
        if isinstance(value, dict) and isinstance(base.get(name), dict)
    }
    return base | given | both


def _without_unset(given: dict[str, Any]) -> dict[str, Any]:
    """A mapping without the entries that an empty text takes away."""
    unset: tuple[Any, ...] = ("", None, False, [], ())
    kept = {name: value for name, value in given.items() if name != "spread" or value not in unset}
    for name in ("columns", "dates", "prefixes"):
        if isinstance(kept.get(name), dict):
            kept[name] = {k: v for k, v in kept[name].items() if v not in unset}
    return kept


def _table(given: Mapping[str, Any], name: str) -> Iterable[str]:
    found = given.get(name)
    return found if isinstance(found, dict) else ()


def _split(header: str, sign: str) -> list[str]:
    return [name.strip("\"' ") for name in header.split(sign)]


def _shorter(origin: str) -> str:
    """An origin, of which the end is replaced by a digest if it is longer than may be stored."""
    if len(origin) <= LONGEST["origin"]:
        return origin
    digest = sha256(origin.encode(errors="replace")).hexdigest()
    return f"{origin[: LONGEST['origin'] - len(digest) - 1]}#{digest}"


def _each(column: str | tuple[str, ...]) -> tuple[str, ...]:
    return (column,) if isinstance(column, str) else column


def _spread(meant: Mapping[str, str], days: int | str) -> dict[str, str]:
    """First and last day of an event, some days, or the month or year, around the given ones."""
    start = meant.get("event_start", "")
    end = meant.get("event_end") or start
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
        if isinstance(days, int):
            around = first - timedelta(days), last + timedelta(days)
        else:
            around = _whole(first, days)[0], _whole(last, days)[1]
    except (ValueError, OverflowError):
        return {}  # whoever reads the row says what is wrong with its dates
    return dict(zip(("event_start", "event_end"), map(str, around), strict=True))


def _whole(day: date, unit: str) -> tuple[date, date]:
    """First and last day of the month or the year of a day."""
    if unit == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


def _days_of(cell: Any, text: str, patterns: tuple[str, ...]) -> tuple[str, str]:
    """First and last day that a cell means, in ISO text."""
    if isinstance(cell, date):
        return text[:10], text[:10]
    if patterns:
        return _days(text, patterns)
    try:
        day = read_date(text).isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:60]!r} is not a date written as 2020-01-31") from None
    return day, day


def _pattern_remedy(column: str) -> str:
    return f"say in the mapping how it is written, as in dates = {{ {column!r} = ['%d.%m.%Y'] }}"


@lru_cache(maxsize=10_000)
def _days(text: str, patterns: tuple[str, ...]) -> tuple[str, str]:
    """First and last day of a date in one of some patterns; a moment means its day in UTC."""
    found: dict[tuple[str, str], str] = {}
    for pattern in patterns:
        try:
            if pattern == UNIX:
                moment = datetime.fromtimestamp(int(text), UTC)
            else:
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007
                moment = moment.astimezone(UTC) if moment.tzinfo else moment
        except (ValueError, OverflowError, OSError):
            continue
        first = last = moment.date()
        if pattern != UNIX and not re.search("%[djxcUWVu]", pattern):
            first, last = _whole(first, "month" if re.search("%[mbBh]", pattern) else "year")
        found.setdefault((first.isoformat(), last.isoformat()), pattern)
    if len(found) > 1:
        ways = " or ".join(f"{days[0]} ({pattern})" for days, pattern in found.items())
        raise ValueError(f"{text[:60]!r} can be read as {ways}: leave one pattern")
    if not found:
        raise ValueError(f"{text[:60]!r} is not a date written as {' or '.join(patterns)}")
    return next(iter(found))
