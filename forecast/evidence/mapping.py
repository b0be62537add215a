"""Mappings: what the columns and values of somebody else's event table mean as reports."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecast.errors import InputError, Problem, nearest
from forecast.evidence.checks import LONGEST
from forecast.evidence.files import OPTIONAL, REQUIRED
from forecast.evidence.formats import Layout
from forecast.evidence.spreadsheet import RAGGED, cell_text, is_ragged
from forecast.reading import read_text
from forecast.scenario.shipped import shipped_folder

FIELDS = (*REQUIRED, *OPTIONAL)
RULED = ("indicator", "state", "number", "upper")
"""Fields that rules give, not columns."""

JOINED = ("id", "supersedes")
"""Fields that several columns may give together, joined by "@"."""

LONGEST_SPREAD = 366

UNIX = "unix"
"""Stands among the patterns of dates for seconds since 1970."""


class Rule(BaseModel):
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


class Spread(BaseModel):
    """How far an event may have been from the day that its row gives.

    Attributes
    ----------
    column
        Column that says how exact the day is.
    days
        Days before and after, by the value of that column; none where it is not named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    days: dict[str, Annotated[int, Field(ge=0, le=LONGEST_SPREAD)]]


class EventMapping(BaseModel):
    """What an event table means: fields from columns, indicators and states from values.

    Attributes
    ----------
    about
        Whose table it is, and where its columns are described.
    delimiter, quoted, header
        How the file is laid out, where it is not comma-separated, with quotes around cells that
        need them, and with a header.
    columns
        Column of each field of a report; several columns for an id that needs them.
    constants
        Fields that are the same for all rows, as text.
    prefixes
        What stands before the text of a field: it keeps ids of different tables apart.
    dates
        How the dates of a column are written, `strptime` patterns or "unix", tried in order.
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
    columns: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    prefixes: dict[str, str] = Field(default_factory=dict)
    dates: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    spread: Spread | None = None
    revises: bool = False
    rules: tuple[Rule, ...] = ()

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

    @property
    def layout(self) -> Layout:
        """How the file is laid out."""
        return Layout(self.delimiter, self.header, self.quoted)

    def check_columns(self, where: str, columns: tuple[str, ...]) -> Iterator[Problem]:
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
                yield Problem(where, f"no column {column!r}; {nearest(column, columns)}")

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
        rule = next((rule for rule in self.rules if rule.fits(row)), None)
        if rule is None:
            return None
        meant = dict(self.constants)
        problems: list[Problem] = []
        for field, column in self.columns.items():
            if isinstance(column, tuple):
                meant[field] = "@".join(cell_text(row[name]) for name in column)
                continue
            text = cell_text(row[column])
            if text and column in self.dates:
                try:
                    text = _day(text, self.dates[column])
                except ValueError as error:
                    problems.append(Problem(f"{place}: column {column!r}", str(error)))
            meant[field] = text or meant.get(field, "")
        if self.spread and not problems:
            meant |= _spread(meant, self.spread.days.get(cell_text(row[self.spread.column]), 0))
        for field, prefix in self.prefixes.items():
            meant[field] = prefix + meant[field] if meant.get(field) else ""
        if meant.get("origin"):
            meant["origin"] = _shorter(meant["origin"])
        number, upper = (cell_text(row[name]) if name else "" for name in (rule.number, rule.upper))
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
    given = dict(source) if isinstance(source, Mapping) else _read_toml(source)
    name = given.pop("layout", None)
    if name is not None:
        if name not in mapping_names():
            message = f"layout {name!r:.60} does not ship with the library"
            raise InputError([Problem(where, f"{message}; {nearest(name, mapping_names())}")])
        given = _completed(_read_toml(str(name)), given)
    try:
        return EventMapping.model_validate(given)
    except ValidationError as error:
        raise InputError([_problem(where, each) for each in error.errors()]) from None


def _read_toml(source: str | Path) -> dict[str, Any]:
    shipped = shipped_folder() / "mappings" / f"{source}.toml"
    path = shipped if str(source) in mapping_names() else Path(source)
    try:
        return tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError([Problem(str(path), f"not readable as TOML: {error}")]) from None


def _completed(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The base with what is given put in its place, table by table."""
    both = {
        name: {**base[name], **value}
        for name, value in given.items()
        if isinstance(value, dict) and isinstance(base.get(name), dict)
    }
    return base | given | both


def _problem(where: str, error: Any) -> Problem:
    place = ".".join(str(part) for part in error["loc"])
    return Problem(f"{where}: {place}" if place else where, error["msg"])


def _shorter(origin: str) -> str:
    """An origin, of which the end is replaced by a digest if it is longer than may be stored."""
    if len(origin) <= LONGEST["origin"]:
        return origin
    digest = sha256(origin.encode(errors="replace")).hexdigest()
    return f"{origin[: LONGEST['origin'] - len(digest) - 1]}#{digest}"


def _each(column: str | tuple[str, ...]) -> tuple[str, ...]:
    return (column,) if isinstance(column, str) else column


def _spread(meant: Mapping[str, str], days: int) -> dict[str, str]:
    """First and last day of an event, some days before and after those that are given."""
    start = meant.get("event_start", "")
    end = meant.get("event_end") or start
    try:
        first, last = date.fromisoformat(start), date.fromisoformat(end)
        around = first - timedelta(days), last + timedelta(days)
    except (ValueError, OverflowError):
        return {}  # whoever reads the row says what is wrong with its dates
    return dict(zip(("event_start", "event_end"), map(str, around), strict=True))


@lru_cache(maxsize=10_000)
def _day(text: str, patterns: tuple[str, ...]) -> str:
    """ISO date of a date written in one of some patterns; a moment means its day in UTC."""
    for pattern in patterns:
        try:
            if pattern == UNIX:
                moment = datetime.fromtimestamp(int(text), UTC)
            else:
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007
                moment = moment.astimezone(UTC) if moment.tzinfo else moment
            return moment.date().isoformat()
        except (ValueError, OverflowError, OSError):
            continue
    raise ValueError(f"{text[:60]!r} is not a date written as {' or '.join(patterns)}")
