"""The format of the UAI inference competitions, type BAYES: numbers alone, no names.

Variables are read as ``x0``, ``x1``, … with states ``s0``, ``s1``, …. The last variable of each
scope is the child, and the last of a table's variables is the fastest. Names, labels,
properties and concentrations are lost in writing, for the format has no place for them.

Some tools do not keep this order where a table has several parents: pyAgrum 3.3 has the first
parent fastest, pgmpy 1.1 the child slowest. The format leaves no trace of who wrote a file, so
such files are read as the format says; other formats carry networks between tools more safely.

Observations after the last table, as the competition of 2006 had them, are left out, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from forecast.errors import warn
from forecast.interchange.draft import Draft
from forecast.interchange.rows import numbers_text
from forecast.interchange.source import NetworkText, Numbers, checked, numbers_from, shortened
from forecast.interchange.tabled import TabledNetwork

_WORD = re.compile(r"#[^\n]*|[^ \t\n\f\v#]+")


def read(text: str, where: str = "UAI") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        A UAI document of type BAYES; ``#`` begins a comment.
    where
        What to call it in problems.

    Raises
    ------
    InputError
        By line and column. The format has no marks to go on from, so reading ends with the
        first fault of its frame; faults of variables and rows are reported together.

    Examples
    --------
    >>> read("BAYES 2  2 2  2  1 0  2 0 1  2  0.8 0.2  4  0.9 0.1  0.3 0.7").parents
    {'x0': (), 'x1': ('x0',)}
    """
    source = NetworkText(checked(text, where), where)
    words = _Words(source)
    kind, at = words.take("the type 'BAYES'")
    if kind.upper() != "BAYES":
        field = " (this one is a Markov random field)" if kind.upper() == "MARKOV" else ""
        message = f"{shortened(kind)}; only Bayesian networks, of type 'BAYES', are read{field}"
        raise source.give_up(at, message)
    draft = Draft(source)
    sizes = [words.count("a number of states") for _ in range(words.count("how many variables"))]
    if 2 * sum(sizes) > len(words.text):
        raise source.give_up(at, f"{sum(sizes):,} states, but not a number for each in the text")
    for variable, size in enumerate(sizes):
        draft.declare(f"x{variable}", (f"s{state}" for state in range(size)), at)
    functions = words.count("how many tables")
    if functions != len(sizes):
        message = f"{functions} tables of {len(sizes)} variables; each has one"
        raise source.give_up(words.at, message)
    shapes = [_scope(draft, words) for _ in range(functions)]
    for name, shape in shapes:
        numbers = words.numbers(words.count(f"how many numbers the table of {name} has"))
        if shape is not None:
            draft.fill(name, numbers, shape)
    _leave_out_observations(source, list(islice(words.words, 2 * len(sizes) + 2)))
    return draft.finish()


def _leave_out_observations(source: NetworkText, rest: list[tuple[str, int]]) -> None:
    """Pass over a count and as many pairs of a variable and its state; refuse anything else."""
    if not rest:
        return
    whole = [word for word, _ in rest if word.isascii() and word.isdigit() and len(word) < 10]
    if len(whole) < len(rest) or len(rest) != 1 + 2 * int(whole[0]):
        source.wrong(rest[0][1], f"{shortened(rest[0][0])} after the last table")
    elif len(rest) > 1:
        message = f"left out: {whole[0]} observations; give them to `set_evidence`"
        source.changed(rest[0][1], message)
        warn(source.where, [message])


def _scope(draft: Draft, words: _Words) -> tuple[str, tuple[int, ...] | None]:
    size = words.count("how many variables the table has")
    at = words.at
    scope = [f"x{words.count('a variable', least=0)}" for _ in range(size)]
    return scope[-1], draft.define(scope[-1], scope[:-1], at)


class _Words:
    """The words of the text, one after the other."""

    def __init__(self, source: NetworkText) -> None:
        assert isinstance(source.text, str)
        self.source, self.text, self.at = source, source.text, 0
        self.words = self._scan()

    def _scan(self) -> Iterator[tuple[str, int]]:
        for match in _WORD.finditer(self.text):
            if not match.group().startswith("#"):
                yield match.group(), match.start()

    def rest(self) -> tuple[str, int] | None:
        return next(self.words, None)

    def take(self, what: str) -> tuple[str, int]:
        word = self.rest()
        if word is None:
            raise self.source.give_up(len(self.text), f"the file ends where {what} is expected")
        self.at = word[1]
        return word

    def count(self, what: str, least: int = 1) -> int:
        word, at = self.take(what)
        whole = word.isascii() and word.isdigit() and len(word) < 10
        if not whole or int(word) < least:
            raise self.source.give_up(at, f"{shortened(word)} where {what} is expected")
        return int(word)

    def numbers(self, count: int) -> Numbers:
        words = (self.take("a number") for _ in range(count))
        return numbers_from(self.source, words, self.text, int, self.at)


def write(network: TabledNetwork) -> str:
    """Write a network's sizes, scopes and tables; `read` gives these back to the last bit.

    Parameters
    ----------
    network
        The network; its names, labels, properties and concentrations are not written.

    Examples
    --------
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> print(write(rain), end="")
    BAYES
    1
    2
    1
    1 0
    <BLANKLINE>
    2
    0.8 0.2
    """
    place = {name: str(index) for index, name in enumerate(network.variables)}
    sizes = [str(len(states)) for states in network.variables.values()]
    lines = ["BAYES", str(len(sizes)), " ".join(sizes), str(len(sizes))]
    for name, parents in network.parents.items():
        scope = [place[variable] for variable in (*parents, name)]
        lines.append(" ".join([str(len(scope)), *scope]))
    for table in network.tables.values():
        rows = table.reshape(-1, table.shape[-1])
        lines += ["", str(table.size), *(" ".join(numbers_text(row)) for row in rows)]
    return "\n".join(lines) + "\n"
