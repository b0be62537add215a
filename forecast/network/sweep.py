"""One pass over a network for every draw of its tables: log evidence, marginals, counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index, Mask
from forecast.errors import InputError, NumericalFailure, Problem, raise_if_any
from forecast.frozen import writable
from forecast.network import kernels, single
from forecast.network.conditioning import Answers, cutset, sweep_cases
from forecast.network.kernels import Packed
from forecast.network.planning import CELL_LIMIT, Scope
from forecast.network.registers import WIDTH
from forecast.network.relevance import Part
from forecast.network.slices import pack_circuits
from forecast.network.structure import Network
from forecast.network.zeros import spare_zeros

Mode = Literal["forward", "smoothed", "filtered"]
_MODES = {
    "forward": kernels.FORWARD,
    "smoothed": kernels.SMOOTHED,
    "filtered": kernels.FILTERED,
}
SMALLEST_SHARE, LARGEST_CHUNK = 64, 256
"""Draws that are worth a thread, and that one is given at a time at most."""
CHUNK_CELLS = 1_000_000
"""Cells of all draws that a thread is given at a time, where that is possible: 8 MB."""
MOST_CELLS = 50_000_000
"""Cells of a row of draws at most, 0.4 GB: what would take more is swept one draw at a time."""
FEW_CELLS, NEAR_CELLS = 10_000, 100_000
NEAR_GAIN, FAR_GAIN = 6, 2
"""How many times sooner a cell is made in a full row than alone, while a row's cells are near the
processor, and beyond. Measured smoothed: alone broke even with a row at 4 to 8 draws for 10,000 to
30,000 cells, at 16 to 32 from 100,000 on. With fewer cells than both, starting takes the time."""
ROUNDING = 1e-9
PROBABILITY_ERROR = 1e-6
"""How far beyond [0, 1] rounding may take a probability, before it is brought back."""


@dataclass(frozen=True)
class Sweep:
    """What one pass over a network yields; the draws axis is last throughout.

    Attributes
    ----------
    log_norm
        Log-probability of each step's evidence given the steps before it, (step, draw). The sum
        over steps is the log evidence.
    marginals
        Probability of each state, and of each cell of a factor, (step, column, draw).
    probes
        Joint probability of each probe's variables, (step, cell, draw).
    counts
        Expected number of uses of each table cell, (regime, cell, draw): the derivative of the
        log evidence with respect to the logarithm of the cell. Empty unless asked for.
    """

    log_norm: Array
    marginals: Array
    probes: Array
    counts: Array

    @property
    def log_evidence(self) -> Array:
        """Log-probability of all the evidence, (draw,)."""
        return np.asarray(self.log_norm.sum(axis=0))


def sweep(
    network: Network,
    theta: Array,
    log_like: Array,
    mode: Mode,
    *,
    probes: tuple[Scope, ...] = (),
    regimes: npt.NDArray[np.int64] | None = None,
    counts: bool = False,
) -> Sweep:
    """Run the network polynomial for every draw.

    Parameters
    ----------
    theta
        Table cells, (cell, draw), or (regime, cell, draw) where tables change with time.
    log_like
        Log-likelihoods, (step, column) or (step, column, draw). One step for a static network.
    mode
        "forward" for the log evidence alone; "smoothed" for everything given all evidence;
        "filtered" for each step given the evidence up to it.
    probes
        Groups of variables of one step whose joint probability is wanted.
    regimes
        Which set of tables each step uses, (step,).
    counts
        Whether expected counts of table cells are wanted too, of a smoothed sweep.

    Raises
    ------
    TooLarge
        If the elimination would pass the network's memory limit.
    """
    tables = np.ascontiguousarray(theta if theta.ndim == 3 else theta[None], dtype=np.float64)
    like = np.ascontiguousarray(log_like if log_like.ndim == 3 else log_like[..., None])
    tables, like = map(writable, _match_draws(tables, like))
    _require_shapes(network, tables, like, regimes)
    _require_set(network, like)
    which = np.zeros(like.shape[0], np.int64) if regimes is None else regimes
    n_probes = sum(prod(network.sizes[name] for name in probe) for probe in probes)
    found = _allocate(tables.shape, like.shape, n_probes, mode, counts=counts)
    if not network.dynamic and not network.auxiliaries and (cut := cutset(network, probes)):

        def sweep_case(case: Part, asked: tuple[Scope, ...]) -> Answers:
            given = tables[which[0]][case.cells], like[:, case.columns]
            one = sweep(case.network, *given, mode, probes=asked, counts=counts)
            return one.log_norm, one.marginals, one.probes, one.counts

        own = found.counts[which[0] : which[0] + 1]
        answers = found.log_norm, found.marginals, found.probes, own
        sweep_cases(network, cut, probes, answers, sweep_case)
        return Sweep(found.log_norm, found.marginals, found.probes, found.counts)
    packed = pack_circuits(network, probes, len(like), filtered=mode == "filtered")

    arguments = tables, which, like, packed, _MODES[mode]
    filtered = mode == "filtered"
    lean = spare_zeros(packed, tables, network, probes, len(like), filtered=filtered)
    n_draws, (n_cells, _) = tables.shape[2], kernels.extent(lean, len(like))

    def run(draws: slice) -> None:
        kernels.sweep(tables, which, like, lean, _MODES[mode], draws.start, draws.stop, found)

    def run_alone(draws: slice) -> None:
        _run_draw(draws.start, *arguments, False, found)

    if alone_is_sooner(n_draws, kernels.extent(packed, len(like))[0], n_cells):
        in_threads(run_alone, (slice(draw, draw + 1) for draw in range(n_draws)))
    else:
        in_threads(run, reusing_chunks(n_draws, n_cells))
    if found.unsafe.any():
        unsafe = np.flatnonzero(found.unsafe)
        again = unsafe[~_is_harmless(network, found.log_norm, tables, like, packed, unsafe)]
        in_threads(lambda draw: _run_draw(draw, *arguments, True, found), again.tolist())
    settle_marginals(network, found.marginals)
    _require_probabilities("joint states", found.probes)
    return Sweep(found.log_norm, found.marginals, found.probes, found.counts)


def _require_shapes(network: Network, tables: Array, like: Array, regimes: Any) -> None:
    """Raise unless all arrays fit the network: the loops check no bounds."""
    problems = []
    if tables.shape[1] != network.n_cells or not tables.shape[2]:
        message = f"{tables.shape[1]} cells, {tables.shape[2]} draws; has {network.n_cells} cells"
        problems.append(Problem("theta", message))
    if not len(like) or like.shape[1] != network.n_columns:
        message = f"shape {like.shape[:2]}; needs (steps, {network.n_columns})"
        problems.append(Problem("log_like", message))
    if regimes is not None:
        legal = len(regimes) == len(like) and ((regimes >= 0) & (regimes < len(tables))).all()
        if not legal:
            message = f"one number below {len(tables)} for each of {len(like)} steps"
            problems.append(Problem("regimes", message))
    raise_if_any(problems)


def _require_set(network: Network, log_like: Array) -> None:
    """Raise unless variables without a table have states that are set or ruled out."""
    loose = [
        node.name
        for node in network.nodes
        if node.is_input
        and not np.isin(log_like[:, network.states(node.name)], (0.0, -np.inf)).all()
    ]
    if loose:
        message = "has no table, so each of its states is set (0) or ruled out (-inf)"
        raise InputError([Problem(name, message) for name in loose])


def settle_marginals(network: Network, marginals: Array) -> None:
    """Bring probabilities of states, (step, column, draw), back from rounding.

    Raises
    ------
    NumericalFailure
        If one of them is none.
    """
    for node in network.nodes:
        if node.is_input:  # it was counted once for each of its copies
            states = marginals[:, network.states(node.name)]
            states /= np.maximum(states.sum(axis=1, keepdims=True), 1e-300)
    _require_probabilities("states", marginals)


def _is_harmless(
    network: Network, log_norm: Array, tables: Array, like: Array, packed: Packed, draws: Index
) -> Mask:
    """Say in which of some draws products that underflow cannot matter, (draw,).

    Where rows of tables sum to at most 1, and no likelihood exceeds 1, neither a cell nor its
    derivative by another cell does: of the variables that are summed out between the two, each
    sums to 1 given its parents, the last ones first, and of the others a table is at most 1. So
    what underflow takes from a product or a derivative, it takes at most once from the evidence,
    or from what evidence and a state have together. Where the evidence, the largest likelihoods
    taken out, is far above all of that, it is less than rounding.

    Other rows, and variables without a table, let a cell grow, each as often as it comes up.
    """
    lost = np.log(kernels.LEAST_LIKELIHOOD) + np.log(CELL_LIMIT)
    growth = _most_growth(network, tables, len(like), draws)
    seen = like if like.shape[2] == 1 else like[..., draws]
    with np.errstate(invalid="ignore"):
        evidence = log_norm[:, draws].sum(axis=0)
        for step in range(len(seen)):
            *blocks, end = kernels.circuit_at(packed, step).blocks.astype(np.int64)
            evidence -= np.maximum.reduceat(seen[step, :end], blocks).sum(axis=0)
        enough = evidence > lost + 2 * growth - 2 * np.log(np.finfo(np.float64).eps)
    return np.asarray(enough & np.isfinite(evidence) & (growth < np.log(kernels.LARGEST)))


def _most_growth(network: Network, tables: Array, n_steps: int, draws: Index) -> Array:
    """Logarithm of what no cell of any step exceeds where likelihoods do not exceed 1, (draw,)."""
    found = np.zeros(len(draws))
    for node in network.nodes:
        for block, uses in ((node.first, 1), (node.later, n_steps - 1)):
            if block is not None and uses:
                cells = tables[:, network.cells(block, node.name)][..., draws]
                rows = cells.reshape(len(tables), -1, len(node.states), len(draws)).sum(axis=2)
                found += uses * np.log(np.maximum(rows.max(axis=(0, 1)), 1.0))
                set_ones = [name for name, _ in block.parents if network.node(name).is_input]
                found += uses * sum(np.log(network.sizes[name]) for name in set_ones)
        found += n_steps * np.log(len(node.states)) * node.is_input
    for variable in network.auxiliaries:
        met = min(variable.last, n_steps - 1) - variable.first + 1
        found += 2 * max(met, 0) * np.log(variable.size)
    return found


def _require_probabilities(name: str, values: Array) -> None:
    """Raise if anything that is given out as a probability is none; bring rounding back."""
    low, high = values.min(initial=0.0), values.max(initial=1.0)
    if not (low >= -PROBABILITY_ERROR and high <= 1.0 + PROBABILITY_ERROR):
        raise NumericalFailure(
            f"probabilities of {name} from {low:g} to {high:g}; nothing outside of [0, 1] is "
            "given out. The evidence or the tables are so extreme that rounding decides"
        )
    np.clip(values, 0.0, 1.0, out=values)


def _allocate(
    tables: tuple[int, ...], like: tuple[int, ...], n_probes: int, mode: Mode, *, counts: bool
) -> kernels.Found:
    """Zeros for the answers of a sweep, given the shapes of its tables and evidence."""
    n_steps, n_columns, _ = like
    n_draws = tables[2]
    answered = n_steps if mode != "forward" else 0
    return kernels.Found(
        log_norm=np.zeros((n_steps, n_draws)),
        marginals=np.zeros((answered, n_columns, n_draws)),
        probes=np.zeros((answered, n_probes, n_draws)),
        counts=np.zeros(tables if counts else (0, *tables[1:])),
        unsafe=np.zeros(n_draws, np.bool_),
    )


def _run_draw(
    draw: int,
    tables: Array,
    which: npt.NDArray[np.int64],
    like: Array,
    packed: Packed,
    mode: int,
    logarithmic: bool,
    found: kernels.Found,
) -> None:
    """Fill in one draw's results from its own sweep; the arguments are those of `sweep_one`."""
    theta = np.ascontiguousarray(tables[..., draw])
    if logarithmic:
        with np.errstate(divide="ignore"):
            theta = np.log(theta)
    seen = np.ascontiguousarray(like[..., 0 if like.shape[2] == 1 else draw])
    *answers, unsafe = single.sweep_one(theta, which, seen, packed, mode, logarithmic)
    for target, value in zip(found, answers, strict=False):
        if target.size:
            target[..., draw] = value
    found.unsafe[draw] = unsafe


def _match_draws(tables: Array, like: Array) -> tuple[Array, Array]:
    """Repeat single tables for every draw of the evidence."""
    n_tables, n_like = tables.shape[2], like.shape[2]
    if n_tables == 1 < n_like:
        tables = np.repeat(tables, n_like, axis=2)
    elif n_like not in (1, n_tables):
        message = f"{n_like} draws; the tables have {n_tables}"
        raise InputError([Problem("log_like", message)])
    return tables, like


def chunks(n_draws: int, n_cells: int) -> Iterator[slice]:
    """Draws that a thread is given at a time, whole rows, for circuits of so many cells."""
    return _slices(n_draws, _chunk_size(n_cells))


def reusing_chunks(n_draws: int, n_cells: int) -> Iterator[slice]:
    """The same for loops that use the cells of one row again for the next.

    Of large circuits it takes longer to get memory for a row than to run it, so that each
    processor is given as many rows as are its share.
    """
    share = _count_rows(-(-n_draws // _processors())) * WIDTH
    return _slices(n_draws, max(_chunk_size(n_cells), min(share, LARGEST_CHUNK)))


def _chunk_size(n_cells: int) -> int:
    return min(max(CHUNK_CELLS // n_cells, WIDTH), LARGEST_CHUNK) // WIDTH * WIDTH


def _slices(n_draws: int, size: int) -> Iterator[slice]:
    for start in range(0, n_draws, size):
        yield slice(start, min(start + size, n_draws))


def _count_rows(n_draws: int) -> int:
    return -(-n_draws // WIDTH)


def rows_of_cells(n_cells: int, draws: slice) -> Array:
    """Cells of a chunk of draws, (row, cell, draw); zero, so that what is left over is a number."""
    return np.zeros((_count_rows(draws.stop - draws.start), n_cells, WIDTH))


def alone_is_sooner(n_draws: int, n_cells: int, n_lean: int) -> bool:
    """Whether draws are swept one at a time rather than in rows.

    Parameters
    ----------
    n_draws
        How many.
    n_cells, n_lean
        Cells of the circuit for a single draw, and of that for rows, without zeros.
    """
    if n_draws == 1 or too_wide(n_lean):
        return True
    gain = FAR_GAIN if n_lean > NEAR_CELLS else NEAR_GAIN
    in_rows = _count_rows(n_draws) * WIDTH * n_lean
    return n_lean > FEW_CELLS and gain * n_draws * n_cells < in_rows


def too_wide(n_cells: int) -> bool:
    """Whether a row of draws would take too much memory for circuits of so many cells."""
    return n_cells * WIDTH > MOST_CELLS


def shares(n_draws: int) -> Iterator[slice]:
    """An even share of the draws for each processor."""
    return _slices(n_draws, max(-(-n_draws // _processors()), SMALLEST_SHARE))


def in_threads[Job](run: Callable[[Job], None], jobs: Iterable[Job]) -> None:
    """Run a loop for all chunks or draws, on as many processors as there are."""
    jobs = list(jobs)
    processors = min(_processors(), len(jobs))
    if processors <= 1:
        for job in jobs:
            run(job)
        return
    with ThreadPoolExecutor(processors) as pool:
        list(pool.map(run, jobs))


def _processors() -> int:
    """How many processors this process may use, which can be fewer than there are."""
    allowed: Any = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
