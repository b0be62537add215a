"""Log-likelihoods of reports for the same draws under changing evidence.

What is reported of a variable in a step goes to cells of its own, and these are kept as long as
nothing that they depend on changes: another report costs those of its own variable and step alone.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index
from forecast.evidence.likelihood import ReportTable
from forecast.heap import empty_in_own_pages
from forecast.model.densities import NUMBERS
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.model.tables import TableProgram
from forecast.network.planning import MEMORY_LIMIT

KEPT_SHARE = 0.125
"""Share of the memory limit that what is kept may take."""
KEPT_TIMES = 2
"""How many times what is in use may be kept: enough to go back and forth between two evidences.
Every older state of a place would stay else, in a stream 15 MB for 100 reports at 4,000 draws."""

Data = Mapping[str, Any]
Key = tuple[bytes, ...]
"""What the likelihoods of a group of cells depend on, besides the draws."""


class _Row(NamedTuple):
    """Log-likelihoods of a step, (column, draw), and what they were put together from."""

    made_of: tuple[bytes, tuple[tuple[int, Key], ...]]
    values: Array


class KeptLikelihoods:
    """Log-likelihoods by reports, of draws that stay the same.

    Parameters
    ----------
    program
        Makes tables of judgements.
    parameters
        Judgements by family; draws axis last.
    """

    def __init__(self, program: TableProgram, parameters: Mapping[str, Array]) -> None:
        self.program, self.parameters = program, parameters
        self._groups: OrderedDict[Key, Array] = OrderedDict()
        self._rows: list[_Row] = []

    def __len__(self) -> int:
        """Groups of likelihoods that are kept."""
        return len(self._groups)

    def rows(self, table: ReportTable) -> list[Array]:
        """Log-likelihoods of each step, (column, draw), or 1 for draw where nothing is reported.

        Those of a step that has not changed are the same array as the time before.
        """
        data = report_data(self.program, table)
        keys = group_keys(data)
        missing = {key: cell for cell, key in keys.items() if key not in self._groups}
        self._make(data, missing)
        width = data["settings"].shape[1]
        by_step: dict[int, list[tuple[int, Key]]] = defaultdict(list)
        for cell, key in sorted(keys.items()):
            by_step[cell // width].append((cell % width, key))
        self._rows = [
            self._row(step, own, by_step.get(step, [])) for step, own in enumerate(data["settings"])
        ]
        self._forget(keys.values())
        return [row.values for row in self._rows]

    def _make(self, data: Data, missing: Mapping[Key, int]) -> None:
        """Compute groups that are not known, each from its first cell."""
        if not missing:
            return
        found = log_likelihoods(select_groups(data, list(missing.values())), self.parameters)
        width = data["controlled"].shape[1]
        for k, key in enumerate(missing):
            own = found[0, k * width : (k + 1) * width]
            spoken = np.flatnonzero(own.any(axis=1))
            self._groups[key] = own[: spoken.max(initial=0) + 1].copy()

    def _row(self, step: int, settings: Array, groups: list[tuple[int, Key]]) -> _Row:
        made_of = settings.tobytes(), tuple(groups)
        if step < len(self._rows) and self._rows[step].made_of == made_of:
            return self._rows[step]
        values = empty_in_own_pages((len(settings), self._n_draws if groups else 1))
        values[...] = settings[:, None]
        for column, key in groups:
            own = self._groups[key]
            values[column : column + len(own)] += own
        return _Row(made_of, values)

    @property
    def _n_draws(self) -> int:
        return int(self.parameters["accuracy"].shape[-1])

    def _forget(self, used: Iterable[Key]) -> None:
        """Keep what was used last, as much as there is room for, and all of this time."""
        now = dict.fromkeys(used)
        for key in now:
            self._groups.move_to_end(key)
        size = 8.0 * self._n_draws * max((len(own) for own in self._groups.values()), default=1)
        room = min(KEPT_TIMES * len(now), KEPT_SHARE * MEMORY_LIMIT / size)
        while len(self._groups) > max(len(now), room):
            self._groups.popitem(last=False)


def group_keys(data: Data) -> dict[int, Key]:
    """First cell of each group of likelihoods, and what they depend on.

    Parameters
    ----------
    data
        As `report_data` gives it.
    """
    rows = _texts(data, "row_")
    versions = [
        own + report
        for own, report in zip(
            _texts(data, "version_", but=("report", "statement")),
            map(_reports(data).__getitem__, data["version_report"].tolist()),
            strict=True,
        )
    ]
    statements = [
        own + _of_row(rows, row)
        for own, row in zip(
            _texts(data, "statement_", ("row",), data["controlled"]),
            data["statement_row"].tolist(),
            strict=True,
        )
    ]
    for statement, version in zip(data["version_statement"].tolist(), versions, strict=True):
        statements[statement] += version
    found: dict[int, list[bytes]] = defaultdict(list)
    for own, links, cell, row, statement in zip(
        _texts(data, "place_", but=("statement", "row")),
        _links(data),
        data["place"].tolist(),
        data["place_row"].tolist(),
        data["place_statement"].tolist(),
        strict=True,
    ):
        found[cell].append(b"place" + own + links + _of_row(rows, row) + statements[statement])
    silences = _texts(data, "silence_", but=("row", "place"))
    for own, cell, row in zip(
        silences, data["silence_place"].tolist(), data["silence_row"].tolist(), strict=True
    ):
        found[cell].append(b"silence" + own + rows[row])
    for own, (cell, _) in zip(
        _texts(data, "auxiliary_", but=("place",)), data["auxiliary_place"].tolist(), strict=True
    ):
        found[cell].append(b"auxiliary" + own)
    return {cell: tuple(sorted(parts)) for cell, parts in found.items()}


def _links(data: Data) -> Iterator[bytes]:
    """Yield what each place may have copied; links are in order of their places."""
    ends = np.cumsum(np.bincount(data["link_place"], minlength=len(data["place"]))).tolist()
    arrays = [v for k, v in data.items() if k.startswith("link_") and k != "link_place"]
    for start, end in pairwise([0, *ends]):
        yield b"%d links" % (end - start) + b"".join([v[start:end].tobytes() for v in arrays])


def select_groups(data: Data, cells: list[int]) -> dict[str, Any]:
    """Data of some groups alone, by their first cells, which are laid side by side in one step."""
    width = data["controlled"].shape[1]
    to = {cell: k * width for k, cell in enumerate(cells)}
    found = dict(data) | {"settings": np.zeros((1, len(cells) * width))}
    place = _chosen(data, "place", to)
    statement = np.unique(data["place_statement"][place])
    version = np.flatnonzero(np.isin(data["version_statement"], statement))
    report = np.unique(data["version_report"][version])
    found |= _taken(data, "version_", version) | _taken(data, "statement_", statement)
    found |= _taken(data, "place_", place)
    found["controlled"] = data["controlled"][statement]
    found["version_statement"] = np.searchsorted(statement, data["version_statement"][version])
    found["version_report"] = np.searchsorted(report, data["version_report"][version])
    found["place_statement"] = np.searchsorted(statement, data["place_statement"][place])
    found["place"] = _moved(data["place"][place], to)
    link = np.flatnonzero(np.isin(data["link_place"], place))
    found |= _taken(data, "link_", link)
    found["link_place"] = np.searchsorted(place, data["link_place"][link])
    silence = _chosen(data, "silence_place", to)
    found |= _taken(data, "silence_", silence)
    found["silence_place"] = _moved(data["silence_place"][silence], to)
    judged = np.flatnonzero(np.isin(data["auxiliary_place"][:, 0], list(to)))
    found |= _taken(data, "auxiliary_", judged)
    first = _moved(data["auxiliary_place"][judged, 0], to)
    found["auxiliary_place"] = np.stack([first, first + 1], axis=1)
    return found | _densities_of(data, report)


def _densities_of(data: Data, reports: Index) -> dict[str, Any]:
    """What some reports give as numbers, as ranges or as likelihoods."""
    number, n_numbers = data["number"][reports], len(data["number_family"])
    used = np.unique(number[number >= 0])
    plain = used[used < n_numbers]
    return {
        "value": data["value"][reports],
        "number": np.where(number >= 0, np.searchsorted(used, number), -1),
        **{f"number_{name}": data[f"number_{name}"][plain] for name in NUMBERS},
        "given": data["given"][used[used >= n_numbers] - n_numbers],
    }


def _chosen(data: Data, name: str, cells: Mapping[int, int]) -> Index:
    return np.flatnonzero(np.isin(data[name], list(cells)))


def _taken(data: Data, prefix: str, which: Index) -> dict[str, Any]:
    return {name: values[which] for name, values in data.items() if name.startswith(prefix)}


def _moved(cells: Index, to: Mapping[int, int]) -> Index:
    return np.array([to[cell] for cell in cells.tolist()], np.int64)


def _texts(data: Data, prefix: str, but: Iterable[str] = (), *more: Array) -> list[bytes]:
    """Rows of all arrays of one kind, as they lie in memory: equal if all of them are."""
    without = {prefix + name for name in but}
    arrays = [v for name, v in data.items() if name.startswith(prefix) and name not in without]
    return _rows_of([*arrays, *more])


def _rows_of(arrays: list[npt.NDArray[Any]]) -> list[bytes]:
    if not len(arrays[0]):
        return []
    parts = [np.ascontiguousarray(each).reshape(len(each), -1).view(np.uint8) for each in arrays]
    return [row.tobytes() for row in np.hstack(parts)]


def _of_row(rows: list[bytes], row: int) -> bytes:
    return rows[row] if row >= 0 else b""


def _reports(data: Data) -> list[bytes]:
    """What each report says: the state that it names, or what gives the density of its number."""
    numbers = _rows_of([data[f"number_{name}"] for name in NUMBERS])
    densities = [*numbers, *_rows_of([data["given"]])]
    return [
        value + _of_row(densities, number)
        for value, number in zip(_rows_of([data["value"]]), data["number"], strict=True)
    ]
