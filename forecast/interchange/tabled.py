"""A static network with its tables, as other tools keep it in their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked, short_repr
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.frozen import Frozen, frozen
from forecast.interchange.drawing import draw_rows
from forecast.interchange.network_checks import find_problems
from forecast.network.planning import MEMORY_LIMIT
from forecast.sampling import MOST_DRAWS
from forecast.text import printed, visible

if TYPE_CHECKING:
    from forecast.network.structure import Network
    from forecast.posterior.beliefs import Beliefs

Properties = tuple[tuple[str, str], ...]
DRAWN_TOGETHER = 256
"""Draws of one block, each block with a seed of its own."""
KEPT_SHARE = 0.25
"""Share of the memory limit that tables, once drawn, may take while questions are asked."""
SHOWN_VARIABLES = 40
SHOWN_STATES = 6
SHOWN_NOTES = 3


@checked
@dataclass(frozen=True, eq=False, repr=False)
class TabledNetwork(Frozen):
    """Variables, parents and tables of a network, with how firmly each row is known.

    Two networks are equal if everything but their notes is, to the last bit and in the same order.

    Parameters
    ----------
    name
        Name of the network.
    variables
        State labels of each variable.
    parents
        Parents of each variable; none where it is left out.
    tables
        Probability of each state given the parents, shape (parent sizes..., own size). Every row
        sums to 1 within 1e-12.
    concentration
        How firmly each row is known: its Dirichlet distribution has ``concentration * row`` as
        parameters. Shape (parent sizes...), or one number for all rows; infinite for a row that
        is known exactly, as are all rows of a variable that is left out.
    properties
        Free pairs of a name and a value for each variable; those of the network under "".
    notes
        What was changed while reading.

    Raises
    ------
    InputError
        With all problems: unknown parents, cycles, shapes, negative numbers, sums.

    Examples
    --------
    >>> grass = TabledNetwork(
    ...     name="grass",
    ...     variables={"rain": ("no", "yes"), "grass": ("dry", "wet")},
    ...     parents={"grass": ("rain",)},
    ...     tables={"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
    ...     concentration={"grass": 20},
    ... )
    >>> grass
    TabledNetwork grass: 2 variables, 6 cells
    variable  states    parents  concentration
    rain      no, yes            exact
    grass     dry, wet  rain     20
    >>> from forecast.network.sweep import sweep
    >>> network = grass.network
    >>> wet = network.no_evidence(1)
    >>> wet[0, network.state("grass", "dry")] = -np.inf
    >>> swept = sweep(network, grass.theta, wet, "smoothed")
    >>> swept.marginals[0, network.state("rain", "yes"), 0].round(4)
    np.float64(0.6364)
    """

    name: str
    variables: dict[str, tuple[str, ...]]
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tables: dict[str, Array] = field(default_factory=dict)
    concentration: dict[str, Array] = field(default_factory=dict)
    properties: dict[str, Properties] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        tidy = _Tidy(self, problems)
        for name, value in (
            ("variables", tidy.variables()),
            ("parents", tidy.parents()),
            ("tables", tidy.arrays("tables")),
            ("concentration", tidy.arrays("concentration")),
            ("properties", tidy.properties()),
            ("notes", tuple(self.notes)),
        ):
            object.__setattr__(self, name, frozen(value))
        raise_if_any(problems)
        raise_if_any(find_problems(self))
        object.__setattr__(self, "concentration", frozen(dict(self._uncertain())))

    def _uncertain(self) -> Iterator[tuple[str, Array]]:
        """Concentrations in full shape and in order; none for a variable known exactly."""
        for name in self.variables:
            if name in self.concentration and np.isfinite(self.concentration[name]).any():
                full = np.broadcast_to(self.concentration[name], self.tables[name].shape[:-1])
                yield name, _sealed(full)

    @property
    def network(self) -> Network:
        """The structure, for inference; its cells lie as in `theta`."""
        from forecast.network.structure import Block, Network, Node

        nodes, start = [], 0
        for name, states in self.variables.items():
            block = Block(tuple((parent, 0) for parent in self.parents[name]), start)
            nodes.append(Node(name, states, block, None))
            start += self.tables[name].size
        return Network(tuple(nodes), n_cells=start, dynamic=False)

    @property
    def theta(self) -> Array:
        """All table cells, (cell, 1): variables in order, parents slowest, own state fastest."""
        return np.concatenate([self.tables[name].ravel() for name in self.variables])[:, None]

    @property
    def n_cells(self) -> int:
        """Number of cells of all tables."""
        return sum(table.size for table in self.tables.values())

    def with_concentration(self, value: float | Mapping[str, Any]) -> TabledNetwork:
        """The same network with rows known less, or more, firmly.

        Parameters
        ----------
        value
            One number for all rows of all variables, or for each variable a number or an array
            of shape (parent sizes...). Variables left out keep what they have.

        Raises
        ------
        InputError
            If a variable is unknown, or a concentration is not positive.

        Examples
        --------
        >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
        >>> rain.with_concentration(20).concentration["rain"]
        array(20.)
        """
        if isinstance(value, Mapping):
            unknown = [name for name in value if name not in self.variables]
            message = "is not a variable; {}"
            raise_if_any(
                [Problem(str(u), message.format(nearest(u, self.variables))) for u in unknown]
            )
            return replace(self, concentration={**self.concentration, **value})
        return replace(self, concentration=dict.fromkeys(self.variables, np.asarray(value)))

    def draw_tables(self, n: int, random_seed: int) -> Array:
        """Draw tables from what is known of their rows.

        Each row with concentration c is drawn from a Dirichlet distribution with parameters
        ``c * row``. Zeros stay zero, and rows that are known exactly, or have a single possible
        state, stay as they are.

        Parameters
        ----------
        n
            Number of draws.
        random_seed
            The same seed gives the same tables; fewer draws are the first of more.

        Returns
        -------
        Array
            Cells in the order of `theta`, (cell, draw).

        Examples
        --------
        >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
        >>> theta = rain.with_concentration(20).draw_tables(1000, random_seed=1)
        >>> theta.shape, theta.mean(axis=1).round(2)
        ((2, 1000), array([0.8, 0.2]))
        """
        return TableDraws(self, n, random_seed, memory_limit=0).theta(slice(0, n))

    def beliefs(
        self, *, draws: int = 1000, random_seed: int = 0, memory_limit: float = MEMORY_LIMIT
    ) -> Beliefs:
        """Beliefs under tables drawn from what is known of their rows, ready for questions.

        Parameters
        ----------
        draws, random_seed
            As in `draw_tables`. Where every row is known exactly all draws would be the same, so
            there is one, whatever number is given.
        memory_limit
            Bytes that the arrays of the draws processed at once may take, and those that the
            elimination of one draw may take; a larger one is refused. Tables, once drawn, are kept
            if they take at most a quarter of it, and else drawn again for each question.

        Examples
        --------
        >>> grass = TabledNetwork(
        ...     "grass",
        ...     variables={"rain": ("no", "yes"), "grass": ("dry", "wet")},
        ...     parents={"grass": ("rain",)},
        ...     tables={"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
        ... )
        >>> wet = grass.with_concentration(50).beliefs(draws=4000).set_evidence({"grass": "wet"})
        >>> rain = wet.posterior("rain").sel(state="yes")
        >>> round(rain.mean().item(), 2), rain.quantile([0.05, 0.95]).round(1).values.tolist()
        (0.64, [0.4, 0.8])
        """
        from forecast.posterior.beliefs import Beliefs

        found = TableDraws(self, draws, random_seed, memory_limit=memory_limit)
        if not self.concentration:
            found = replace(found, n=1)
        network = replace(self.network, memory_limit=memory_limit)
        return Beliefs.of(network, found, memory_limit=memory_limit)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TabledNetwork):
            return NotImplemented
        return (
            self.name == other.name
            and list(self.variables.items()) == list(other.variables.items())
            and self.parents == other.parents
            and self.properties == other.properties
            and _same_bits(self.tables, other.tables)
            and _same_bits(self.concentration, other.concentration)
        )

    __hash__ = None  # type: ignore[assignment]

    @printed
    def __repr__(self) -> str:
        rows = [("variable", "states", "parents", "concentration"), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join(map(visible, [self._headline(), *lines, *self._rest()]))

    def _repr_html_(self) -> str:
        """The same table for a notebook."""
        head = "".join(f"<th>{title}</th>" for title in _TITLES)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        below = "".join(f"<p>{escape(line)}</p>" for line in self._rest())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{escape(self._headline())}</p>{table}{below}"

    def _headline(self) -> str:
        return f"TabledNetwork {self.name}: {len(self.variables)} variables, {self.n_cells} cells"

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        for name, states in islice(self.variables.items(), SHOWN_VARIABLES):
            more = ["…"] if len(states) > SHOWN_STATES else []
            shown = ", ".join([*states[:SHOWN_STATES], *more])
            yield name, shown, ", ".join(self.parents[name]), self._firmness(name)

    def _firmness(self, name: str) -> str:
        if name not in self.concentration:
            return "exact"
        low, high = self.concentration[name].min(), self.concentration[name].max()
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    def _rest(self) -> list[str]:
        more = len(self.variables) - SHOWN_VARIABLES
        shown = [f"note: {note}" for note in self.notes[:SHOWN_NOTES]]
        notes = len(self.notes) - SHOWN_NOTES
        below = [*shown, *[f"… and {notes} more notes in .notes"] * (notes > 0)]
        return [f"… and {more} more"] * (more > 0) + below


@dataclass(frozen=True, eq=False)
class TableDraws:
    """Draws of a network's tables without evidence, made block by block when they are needed.

    Attributes
    ----------
    tabled
        The network.
    n, random_seed
        Number of draws; the same seed gives the same draws, however they are asked for.
    memory_limit
        Bytes of which tables that are kept take at most a quarter.
    """

    tabled: TabledNetwork
    n: int
    random_seed: int
    n_steps: int = 1
    memory_limit: float = MEMORY_LIMIT

    def __post_init__(self) -> None:
        least = {"draws": (self.n, 1), "random_seed": (self.random_seed, 0)}
        raise_if_any(
            [
                Problem(name, f"{short_repr(value)}; at least {fewest} is needed")
                for name, (value, fewest) in least.items()
                if value < fewest
            ]
        )
        if self.n > MOST_DRAWS:
            raise InputError(
                [Problem("draws", f"{short_repr(self.n)}; needs at most {MOST_DRAWS:,}")]
            )

    def theta(self, part: slice) -> Array:
        """Table cells of some draws, (cell, draw); not to be written to."""
        if 8.0 * self.n * self.tabled.n_cells <= KEPT_SHARE * self.memory_limit:
            return self._kept[:, part]
        return self._drawn(part)

    @cached_property
    def _kept(self) -> Array:
        return self._drawn(slice(None))

    def _drawn(self, part: slice) -> Array:
        start, stop, _ = part.indices(self.n)
        theta = np.repeat(self.tabled.theta, stop - start, axis=1)
        blocks = range(start // DRAWN_TOGETHER, -(-stop // DRAWN_TOGETHER))
        for number in blocks if self.tabled.concentration else ():
            first = number * DRAWN_TOGETHER
            own = slice(max(start - first, 0), min(stop - first, DRAWN_TOGETHER))
            self._draw_block(number, own, theta[:, first + own.start - start :])
        return theta

    def log_like(self, part: slice) -> Array:  # noqa: ARG002
        """No evidence, (step, state)."""
        states = sum(map(len, self.tabled.variables.values()))
        return np.zeros((self.n_steps, states))

    def _draw_block(self, number: int, own: slice, theta: Array) -> None:
        """Draw a block, and write the draws of it that are wanted; one table at a time."""
        random = np.random.default_rng([self.random_seed, number])
        start = 0
        for name, table in self.tabled.tables.items():
            firm = self.tabled.concentration.get(name)
            if firm is not None:
                rows = table.reshape(-1, table.shape[-1])
                drawn = np.repeat(table.reshape(-1, 1), DRAWN_TOGETHER, axis=1)
                draw_rows(random, drawn, rows, firm.ravel())
                theta[start : start + table.size, : own.stop - own.start] = drawn[:, own]
            start += table.size


_TITLES = ("variable", "states", "parents", "concentration")


class _Tidy:
    """What was given, in the form in which it is kept; what has no such form is a problem."""

    def __init__(self, network: TabledNetwork, problems: list[Problem]) -> None:
        self.given, self.problems = network, problems

    def variables(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(states) for name, states in self.given.variables.items()}

    def parents(self) -> dict[str, tuple[str, ...]]:
        given = self.given.parents
        named = {name: tuple(given.get(name, ())) for name in self.given.variables}
        return named | {name: tuple(given[name]) for name in given if name not in named}

    def arrays(self, what: str) -> dict[str, Array]:
        found: dict[str, Array] = {}
        given = getattr(self.given, what)
        for name in [*(n for n in self.given.variables if n in given), *given]:
            try:
                found[name] = _sealed(given[name])
            except (TypeError, ValueError, OverflowError):
                self.problems.append(Problem(f"{what} of {name}", "is not an array of numbers"))
        return found

    def properties(self) -> dict[str, Properties]:
        given = self.given.properties
        order = ["", *self.given.variables, *given]
        return {
            name: tuple((str(key), _tidy_value(value)) for key, value in given[name])
            for name in dict.fromkeys(order)
            if given.get(name)
        }


def _tidy_value(value: object) -> str:
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def _sealed(values: object) -> Array:
    """A read-only copy in 64 bits; the sign of a zero is dropped."""
    array = np.array(values, dtype=np.float64) + 0.0
    array = np.asarray(array)
    array.flags.writeable = False
    return array


def _same_bits(one: dict[str, Array], other: dict[str, Array]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )
