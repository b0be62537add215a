"""Reading a matrix of competing hypotheses, refused whole if anything is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from forecast.arguments import checked
from forecast.errors import Problem, nearest, raise_if_any
from forecast.evidence.spreadsheet import (
    RAGGED,
    Table,
    TableSource,
    cell_text,
    is_ragged,
    open_table,
)
from forecast.interchange.ach import (
    LEVELS,
    RATINGS,
    AchItem,
    AchMatrix,
    evidence_faults,
    hypothesis_faults,
    item_faults,
)
from forecast.interchange.checks import repeated

TEXT = "evidence"
OPTIONAL = ("id", "credibility", "relevance", "origin")


@checked
def read_ach(source: TableSource, *, title: str | None = None) -> AchMatrix:
    r"""Read a matrix of competing hypotheses.

    Parameters
    ----------
    source
        Path of a CSV file, or a data frame. The column `evidence` says what each item is; `id`,
        `credibility` and `relevance` (low, medium, high) and `origin` may be there; every other
        column is a hypothesis. Its cells are CC, C, N, I, II or NA, in either case; an empty one
        is NA. Items without an id are called E1, E2, … by their row.
    title
        What it is about; the name of the file unless it is given.

    Raises
    ------
    InputError
        With every problem by row and column. Nothing is read unless everything can be.

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
    hypotheses = tuple(name for name in table.columns if name.lower() not in (TEXT, *OPTIONAL))
    raise_if_any([Problem(table.where, fault) for fault in _column_faults(table, hypotheses)])
    problems: list[Problem] = []
    items: list[AchItem] = []
    for number, (place, row) in enumerate(table.rows, start=1):
        if is_ragged(row):
            problems.append(Problem(place, RAGGED))
            continue
        cells = {column: cell_text(value) for column, value in row.items()}
        item = _read_item(cells, hypotheses, number)
        faults = item_faults(item, hypotheses)
        problems += [Problem(f"{place}: {column}", message) for column, message in faults]
        items.append(item)
    if items or not table.rows:
        problems += [Problem(table.where, fault) for fault in evidence_faults(tuple(items))]
    raise_if_any(problems)
    name = title or ("" if table.where == "data frame" else Path(table.where).stem)
    return AchMatrix(hypotheses, tuple(items), *[name] * bool(name))


def _column_faults(table: Table, hypotheses: tuple[str, ...]) -> Iterator[str]:
    known = [name.lower() for name in table.columns if name not in hypotheses]
    if TEXT not in known:
        yield f"no column {TEXT!r}, which says what each item is; {nearest(TEXT, table.columns)}"
    for name in repeated(known):
        yield f"column {name!r} appears twice"
    yield from hypothesis_faults(hypotheses)


def _read_item(cells: dict[str, str], names: tuple[str, ...], number: int) -> AchItem:
    told = {name.lower(): text for name, text in cells.items() if name not in names}
    return AchItem(
        id=told.get("id") or f"E{number}",
        text=told[TEXT],
        ratings=tuple(_legal(cells[name].upper() or "NA", RATINGS, cells[name]) for name in names),
        credibility=_level(told, "credibility"),
        relevance=_level(told, "relevance"),
        origin=told.get("origin", ""),
    )


def _level(told: dict[str, str], column: str) -> str:
    text = told.get(column, "")
    return _legal(text.lower(), LEVELS, text)


def _legal(text: str, legal: Collection[str], given: str) -> str:
    """A text in the case of the legal ones; as it was given if it is none of them."""
    return text if text in legal else given
