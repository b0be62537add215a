"""The format of the UAI inference competitions: numbers alone, no names.

Variables are read as ``x0``, ``x1``, … with states ``s0``, ``s1``, …. The last of a table's
variables is the fastest. In a file of type BAYES the last variable of each scope is the child. One
of type MARKOV, a product of tables of weights, is read as the Bayesian network of the same joint
distribution (`markov`). Names, labels, properties and concentrations are lost in writing, for the
format has no place for them.

Some tools do not keep this order where a table has several parents: pyAgrum 3.3 has the first
parent fastest, pgmpy 1.1 the child slowest. The format leaves no trace of who wrote a file, so
such files are read as the format says; other formats carry networks between tools more safely.

Observations after the last table, as the competition of 2006 had them, are left out, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

import numpy as np

from forecast.errors import warn
from forecast.interchange import rows
from forecast.interchange.draft import Draft
from forecast.interchange.markov import Factor, TooWide, as_bayesian
from forecast.interchange.network_checks import MAX_CELLS, parent_faults
from forecast.interchange.rows import numbers_text
from forecast.interchange.source import NetworkText, Numbers, checked, numbers_from, shortened
from forecast.interchange.tabled import TabledNetwork

_WORD = re.compile(r"#[^\n]*|[^ \t\n\f\v#]+")


def read(text: str, where: str = "UAI") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        A UAI document of type BAYES or MARKOV; ``#`` begins a comment.
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
    tokens = _Tokens(source)
    kind, at = tokens.take("the type 'BAYES' or 'MARKOV'")
    if kind.upper() not in ("BAYES", "MARKOV"):
        message = f"{shortened(kind)}; networks of type 'BAYES' and 'MARKOV' are read"
        raise source.give_up(at, message)
    draft = Draft(source)
    sizes = [tokens.count("a number of states") for _ in range(tokens.count("how many variables"))]
    if 2 * sum(sizes) > len(tokens.text):
        raise source.give_up(at, f"{sum(sizes):,} states, but not a number for each in the text")
    for variable, size in enumerate(sizes):
        draft.declare(f"x{variable}", (f"s{state}" for state in range(size)), at)
    functions = tokens.count("how many tables")
    if kind.upper() == "MARKOV":
        return _read_field(draft, tokens, functions)
    if functions != len(sizes):
        message = f"{functions} tables of {len(sizes)} variables; each has one"
        raise source.give_up(tokens.at, message)
    shapes = [_scope(draft, tokens) for _ in range(functions)]
    for name, shape in shapes:
        numbers = tokens.numbers(tokens.count(f"how many numbers the table of {name} has"))
        if shape is not None:
            draft.fill(name, numbers, shape)
    _leave_out_observations(source, list(islice(tokens.tokens, 2 * len(sizes) + 2)))
    return draft.finish()


def _read_field(draft: Draft, tokens: _Tokens, functions: int) -> TabledNetwork:
    """The rest of a file of type MARKOV."""
    source, start = tokens.source, tokens.at
    scopes = [_factor_scope(draft, tokens) for _ in range(functions)]
    factors = [_factor(draft, tokens, scope) for scope in scopes]
    _leave_out_observations(source, list(islice(tokens.tokens, 2 * len(draft.states) + 2)))
    source.raise_problems()
    sizes = {name: len(states) for name, states in draft.states.items()}
    try:
        parents, tables, log_sum = as_bayesian(sizes, factors, MAX_CELLS)
    except TooWide as error:
        message = f"as a Bayesian network it has {error}; at most {MAX_CELLS:,} are handled"
        raise source.give_up(start, message) from None
    if log_sum == -np.inf:
        raise source.give_up(start, "all joint states have the weight 0")
    source.changed(
        start,
        "a Markov random field, read as the Bayesian network of the same joint distribution; "
        f"the logarithm of the sum of its weights is {log_sum!r}",
    )
    return TabledNetwork(draft.name, draft.states, parents, tables, notes=tuple(source.notes))


def _factor_scope(draft: Draft, tokens: _Tokens) -> tuple[str, ...]:
    size, at = tokens.count("how many variables the table has", least=0), tokens.at
    scope = tuple(f"x{tokens.count('a variable', least=0)}" for _ in range(size))
    for fault in parent_faults("", scope, draft.states):
        tokens.source.wrong(at, fault.replace("the parent ", "").replace("more than once", "twice"))
    tokens.source.raise_problems()
    return scope


def _factor(draft: Draft, tokens: _Tokens, scope: tuple[str, ...]) -> Factor:
    numbers = tokens.numbers(tokens.count("how many numbers the table has"))
    shape = tuple(len(draft.states[name]) for name in scope)
    if not rows.complete(tokens.source, ", ".join(scope), numbers, shape):
        raise tokens.source.give_up(numbers.at, "a file of this format is not read past that")
    if (numbers.values < 0).any():
        which = int(np.flatnonzero(numbers.values < 0)[0])
        message = f"{numbers.digits(which)}; a weight is not negative"
        tokens.source.wrong(numbers.where(which), message)
    return Factor(scope, numbers.values.reshape(shape))


def _leave_out_observations(source: NetworkText, rest: list[tuple[str, int]]) -> None:
    """Pass over a count and as many pairs of a variable and its state; refuse anything else."""
    if not rest:
        return
    whole = [token for token, _ in rest if token.isascii() and token.isdigit() and len(token) < 10]
    if len(whole) < len(rest) or len(rest) != 1 + 2 * int(whole[0]):
        source.wrong(rest[0][1], f"{shortened(rest[0][0])} after the last table")
    elif len(rest) > 1:
        message = f"left out: {whole[0]} observations; give them to `set_evidence`"
        source.changed(rest[0][1], message)
        warn(source.where, [message])


def _scope(draft: Draft, tokens: _Tokens) -> tuple[str, tuple[int, ...] | None]:
    size = tokens.count("how many variables the table has")
    at = tokens.at
    scope = [f"x{tokens.count('a variable', least=0)}" for _ in range(size)]
    return scope[-1], draft.define(scope[-1], scope[:-1], at)


class _Tokens:
    """The tokens of the text, one after the other."""

    def __init__(self, source: NetworkText) -> None:
        assert isinstance(source.text, str)
        self.source, self.text, self.at = source, source.text, 0
        self.tokens = self._scan()

    def _scan(self) -> Iterator[tuple[str, int]]:
        for match in _WORD.finditer(self.text):
            if not match.group().startswith("#"):
                yield match.group(), match.start()

    def rest(self) -> tuple[str, int] | None:
        return next(self.tokens, None)

    def take(self, what: str) -> tuple[str, int]:
        token = self.rest()
        if token is None:
            raise self.source.give_up(len(self.text), f"the file ends where {what} is expected")
        self.at = token[1]
        return token

    def count(self, what: str, least: int = 1) -> int:
        token, at = self.take(what)
        whole = token.isascii() and token.isdigit() and len(token) < 10
        if not whole or int(token) < least:
            raise self.source.give_up(at, f"{shortened(token)} where {what} is expected")
        return int(token)

    def numbers(self, count: int) -> Numbers:
        tokens = (self.take("a number") for _ in range(count))
        return numbers_from(self.source, tokens, self.text, int, self.at)


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
