"""Reading a matrix of competing hypotheses, refused whole if anything is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from forecast.ach.matrix import AchMatrix
from forecast.ach.ratings import (
    LEVELS,
    RATINGS,
    SHOWN_NAME,
    AchItem,
    evidence_faults,
    hypothesis_faults,
    item_faults,
)
from forecast.arguments import checked
from forecast.errors import Problem, nearest, raise_if_any, warn
from forecast.evidence.spreadsheet import (
    RAGGED,
    Table,
    TableSource,
    cell_text,
    is_ragged,
    open_table,
)
from forecast.interchange.network_checks import repeated

TEXT = "evidence"
SIGNS = {"++": "CC", "+": "C", "-": "I", "--": "II"}
"""Ratings as some tools write them; without a + anywhere, nobody knows what a - means."""
WRITTEN_OUT = {
    "VERY CONSISTENT": "CC",
    "HIGHLY CONSISTENT": "CC",
    "STRONGLY CONSISTENT": "CC",
    "CONSISTENT": "C",
    "NEUTRAL": "N",
    "INCONSISTENT": "I",
    "VERY INCONSISTENT": "II",
    "HIGHLY INCONSISTENT": "II",
    "STRONGLY INCONSISTENT": "II",
    **dict.fromkeys(("NOT APPLICABLE", "N/A", "N.A.", "NULL", "NONE", "NAN", "#N/A"), "NA"),
}
ItemRow = tuple[str, Mapping[str, object]]
OPTIONAL = ("id", "credibility", "relevance", "origin")


@checked
def read_ach(
    source: TableSource, *, title: str | None = None, hypotheses: Sequence[str] | None = None
) -> AchMatrix:
    r"""Read a matrix of competing hypotheses.

    Parameters
    ----------
    source
        Path of a CSV file, or a data frame. The column `evidence` says what each item is; `id`,
        `credibility` and `relevance` (low, medium, high) and `origin` may be there; every other
        column that holds ratings is a hypothesis. Its cells are CC, C, N, I, II or NA, in either
        case, or those written out, or ++, +, N, - and --; an empty one is NA. Items without an id
        are called E1, E2, … by their row.
    title
        What it is about; the name of the file unless it is given.
    hypotheses
        Columns that are hypotheses, where their cells do not say it.

    Raises
    ------
    InputError
        With every problem by row and column. Nothing is read unless everything can be.

    Warns
    -----
    InputWarning
        If columns are left out because nobody rated anything in them.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> text = "evidence,accident,attack\nA claim of responsibility,II,C\n"
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "blast.csv"
    ...     _ = path.write_text(text)
    ...     read_ach(path).scores
    {'accident': 2.0, 'attack': 0.0}
    """
    table = open_table(source)
    rows = list(table.rows)
    chosen = _Columns.of(table, rows, hypotheses)
    names = chosen.hypotheses
    raise_if_any([Problem(table.where, fault) for fault in _column_faults(table, chosen)])
    problems: list[Problem] = []
    items: list[AchItem] = []
    for number, (place, row) in enumerate(rows, start=1):
        if is_ragged(row):
            problems.append(Problem(place, RAGGED))
            continue
        cells = {column: cell_text(value) for column, value in row.items()}
        item = _read_item(cells, chosen, number)
        faults = item_faults(item, names)
        problems += [Problem(f"{place}: {column}", message) for column, message in faults]
        items.append(item)
    if items or not rows:
        problems += [Problem(table.where, fault) for fault in evidence_faults(tuple(items))]
    raise_if_any(problems)
    notes = tuple(chosen.notes())
    warn(table.where, notes[: len(notes) if chosen.left_out else 0])
    name = title or ("" if table.where == "data frame" else Path(table.where).stem)
    matrix = AchMatrix(names, tuple(items), notes=notes)
    return replace(matrix, title=name) if name else matrix


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns are hypotheses, which are none, and of which nobody can tell.

    Attributes
    ----------
    hypotheses, left_out
        Columns with ratings, and columns in which nobody rated anything.
    doubtful
        Columns that hold fewer ratings than other text, with how many of each.
    missing
        Hypotheses that were named and are not there.
    signed
        Whether ratings are written as ++, +, - and --, so that - is no empty cell.
    """

    hypotheses: tuple[str, ...]
    left_out: tuple[str, ...]
    doubtful: dict[str, tuple[int, int]]
    missing: tuple[str, ...]
    signed: bool

    @classmethod
    def of(cls, table: Table, rows: list[ItemRow], named: Sequence[str] | None) -> _Columns:
        """Tell the columns of a table apart by what they hold."""
        others = [name for name in table.columns if name.lower() not in (TEXT, *OPTIONAL)]
        columns = {name: [cell_text(row.get(name)) for _, row in rows] for name in others}
        signed = any(cell in ("++", "+", "--") for cells in columns.values() for cell in cells)
        if named is not None:
            kept = tuple(dict.fromkeys(named))
            missing = tuple(name for name in kept if name not in others)
            rest = tuple(name for name in others if name not in kept)
            return cls(kept, rest, {}, missing, signed)
        counts = {name: _rated(cells, signed) for name, cells in columns.items()}
        nothing_rated = not any(rated for rated, _ in counts.values())
        if nothing_rated or any(is_ragged(row) for _, row in rows):
            return cls(tuple(others), (), {}, (), signed)
        doubtful = {name: (r, n) for name, (r, n) in counts.items() if 0 < 2 * r < n}
        rest = tuple(name for name, (rated, _) in counts.items() if not rated)
        kept = tuple(name for name in others if name not in rest)
        return cls(kept, rest, doubtful, (), signed)

    def notes(self) -> Iterator[str]:
        """Yield what was decided."""
        if self.left_out:
            names = ", ".join(repr(name[:SHOWN_NAME]) for name in self.left_out)
            yield f"no hypotheses, because nobody rated anything there: columns {names}"
        if self.signed:
            yield "++ is read as CC, + as C, - as I and -- as II"


def _rated(cells: list[str], signed: bool) -> tuple[int, int]:
    """How many cells hold a rating, and how many hold anything."""
    read = [_rating(cell, signed) for cell in cells]
    filled = [rating for rating in read if rating != "NA"]
    return sum(rating in RATINGS for rating in filled), len(filled)


def _rating(text: str, signed: bool) -> str:
    """The rating that a cell means; its own text if it is none."""
    plain = " ".join(text.upper().replace("_", " ").split())
    if not plain:
        return "NA"
    if signed and plain in SIGNS:
        return SIGNS[plain]
    return plain if plain in RATINGS else WRITTEN_OUT.get(plain, text)


def _column_faults(table: Table, chosen: _Columns) -> Iterator[str]:
    known = [name.lower() for name in table.columns if name.lower() in (TEXT, *OPTIONAL)]
    if TEXT not in known:
        yield f"no column {TEXT!r}, which says what each item is; {nearest(TEXT, table.columns)}"
    for name in repeated(known):
        yield f"column {name!r} appears twice"
    for name, (rated, filled) in chosen.doubtful.items():
        yield (
            f"column {name[:SHOWN_NAME]!r} holds ratings in {rated} of {filled} cells: is it a "
            "hypothesis? Name them all: read_ach(..., hypotheses=[...])"
        )
    for name in chosen.missing:
        yield f"no column {name[:SHOWN_NAME]!r}; {nearest(name, table.columns)}"
    faults = list(hypothesis_faults(chosen.hypotheses))
    yield from faults
    if faults and chosen.left_out:
        yield from chosen.notes()


def _read_item(cells: dict[str, str], chosen: _Columns, number: int) -> AchItem:
    named_cells = {
        name.lower(): text for name, text in cells.items() if name.lower() in (TEXT, *OPTIONAL)
    }
    return AchItem(
        id=named_cells.get("id") or f"E{number}",
        text=named_cells[TEXT],
        ratings=tuple(_rating(cells[name], chosen.signed) for name in chosen.hypotheses),
        credibility=_level(named_cells, "credibility"),
        relevance=_level(named_cells, "relevance"),
        origin=named_cells.get("origin", ""),
    )


def _level(named_cells: dict[str, str], column: str) -> str:
    text = named_cells.get(column, "")
    return _legal(text.lower(), LEVELS, text)


def _legal(text: str, legal: Collection[str], given: str) -> str:
    """A text in the case of the legal ones; as it was given if it is none of them."""
    return text if text in legal else given
