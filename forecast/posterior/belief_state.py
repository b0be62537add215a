"""How a question is put to a network with many draws of its tables: part by part, in one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

import numpy as np

from forecast.arguments import checked, short_repr
from forecast.arrays import Array, Mask
from forecast.errors import (
    ImpossibleEvidence,
    InputError,
    Problem,
    TooLarge,
    UnreliableWeights,
    nearest,
    raise_if_any,
    warn,
)
from forecast.evidence.plain import plain_date
from forecast.frozen import Frozen, writable
from forecast.network import queries
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.network.draws import Draws, StoredDraws, split_draws
from forecast.network.filtering import Memory
from forecast.network.planning import MEMORY_LIMIT
from forecast.network.relevance import Part, part_to_sweep, whole
from forecast.network.slices import planned_slice
from forecast.network.structure import Network
from forecast.network.sweep import Sweep, sweep
from forecast.posterior.labels import cell_labels, time_labels
from forecast.timeline import Calendar

if TYPE_CHECKING:
    from xarray import DataArray

    from forecast.posterior.answer import Answer

View = Literal["filtered", "smoothed"]
Sample = Literal["posterior", "prior", "none"]
Stage = tuple[Array, Mask]
"""Evidence added to that of the draws, and where the latter counts, (step, column)."""
Weights = tuple[Array, tuple[str, ...]]
"""Log weights of draws, draws last, and the names of the dimensions before."""

FEWEST_EFFECTIVE = 100
"""Effective draws below which an interval is worth little; fewer, a tenth, of fewer draws."""
FEWEST_FOR_TAIL = 25
"""Draws below which the tail of their weights cannot be fitted."""
EQUAL = 1e-12
"""Log weights that differ by less differ by rounding."""


@checked
@dataclass(frozen=True, eq=False, repr=False)
class BeliefState(Frozen):
    """Tables and evidence of every draw, and the way in which questions are put to them.

    Draws are processed in parts, as many at once as the memory limit allows. The attributes are
    those of `Beliefs`, which asks the questions.
    """

    network: Network
    draws: Draws
    added: Array
    kept: Mask
    now: int
    shape: tuple[int, int]
    times: tuple[Any, ...]
    interventions: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    reports: Mapping[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)
    memory_limit: float = MEMORY_LIMIT
    sample: Sample = "posterior"
    earlier: tuple[Stage, ...] = ()
    calendar: Calendar | None = None
    fitted: Array | None = None
    memory: Memory | None = None

    @classmethod
    def of(
        cls,
        network: Network,
        theta: Array | Draws,
        log_like: Array | None = None,
        *,
        now: int | None = None,
        shape: tuple[int, int] | None = None,
        times: Sequence[Any] | None = None,
        reports: Mapping[tuple[int, str], tuple[str, ...]] | None = None,
        memory_limit: float = MEMORY_LIMIT,
        sample: Sample = "posterior",
        calendar: Calendar | None = None,
        fitted: Array | None = None,
    ) -> Self:
        """Beliefs from a network and draws of its tables.

        Parameters
        ----------
        network
            The network.
        theta
            Table cells, (cell, draw), or draws that are made when needed.
        log_like
            Evidence: log-likelihoods, (step, column) or (step, column, draw); the first columns
            are the states. One step without evidence unless it is given.
        now
            Last step that evidence may speak of; the last of all unless it is given.
        shape
            Number of chains, and of draws in each; one chain unless it is given.
        times
            Label of each step: its first day, or any other; their numbers unless they are given.
        reports
            Names of the reports behind the evidence on a variable at a step.
        memory_limit
            Bytes that the arrays of one part of the draws may take; a part has at least 64 draws.
        sample
            What the draws are a sample of: "posterior", given the evidence, as a sampler makes
            them; "prior", before it, so that the evidence weighs them; "none", of nothing: tables
            set one by one, which all weigh the same.
        calendar
            Days of the steps; answers count whole steps unless it is given.
        fitted
            Logarithm of what each draw weighs before evidence is added, (draw,), if the draws
            were made under other evidence.

        Raises
        ------
        InputError
            If tables and evidence have different numbers of draws, or shapes do not fit.
        """
        draws: Draws
        if isinstance(theta, np.ndarray):
            like = network.no_evidence(1) if log_like is None else log_like
            draws = StoredDraws.matching(network, theta, like)
        else:
            draws = theta
        n_steps = draws.n_steps
        raise_if_any(list(_misfits(draws, now, shape, times)))
        return cls(
            network=network,
            draws=draws,
            added=network.no_evidence(n_steps),
            kept=np.ones((n_steps, network.n_columns), dtype=bool),
            now=n_steps - 1 if now is None else now,
            shape=(1, draws.n) if shape is None else shape,
            times=tuple(range(n_steps) if times is None else times),
            reports=reports or {},
            memory_limit=memory_limit,
            sample=sample,
            calendar=calendar,
            fitted=fitted,
        )

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        return len(self.times)

    @property
    def theta(self) -> Array:
        """Table cells of all draws, (cell, draw), before any intervention; a copy."""
        return np.array(self.draws.theta(slice(None)))

    @property
    def log_like(self) -> Array:
        """Log-likelihoods by all evidence, (step, column, draw), or 1 for draw."""
        return np.array(self._evidence(slice(None)))

    @property
    def log_weights(self) -> DataArray:
        """Logarithm of each draw's weight, (chain, draw).

        How much more probable the draw makes the evidence than it made that which the draws were
        made under: log Z(tables, evidence now) - log Z(tables, evidence then); zero while nothing
        has changed. Minus infinity where the draw cannot produce the evidence. What is found after
        an intervention counts as it is under the intervention; the intervention itself says nothing
        about the tables.
        """
        import xarray as xr

        values = self._log_gain.sum(axis=0).reshape(self.shape)
        return xr.DataArray(values, dims=("chain", "draw"))

    @cached_property
    def effective_draws(self) -> float:
        """How many equally weighted draws the weighted ones are worth, if they are independent.

        Kish: Survey Sampling, 1965: the square of the weights' sum over the sum of their squares.
        """
        log_weight = self.log_weights.to_numpy().ravel()
        weight = np.exp(log_weight - log_weight.max())
        return float(weight.sum() ** 2 / (weight**2).sum())

    @cached_property
    def pareto_k(self) -> float:
        """Shape of the tail of the weights; above 0.7 averages over draws cannot be trusted.

        Vehtari, Simpson, Gelman, Yao, Gabry: Pareto smoothed importance sampling, Journal of
        Machine Learning Research 25(72), 2024. Minus infinity where the largest weights are
        equal; not a number below 25 draws.
        """
        from arviz_stats.base import array_stats  # type: ignore[attr-defined]

        log_weight = self.log_weights.to_numpy().ravel()
        if log_weight.size < FEWEST_FOR_TAIL:
            return float("nan")
        try:
            # It takes log-likelihoods to be left out, so it negates what it is given.
            return float(array_stats.psislw(-log_weight)[1])  # type: ignore[no-untyped-call]
        except ValueError:  # all of the tail is one value
            return float("-inf")

    def smoothed_cells(self, cells: Sequence[tuple[int, int]]) -> Array:
        """Probabilities of some steps' columns given all evidence, (cell, draw), in one sweep."""
        self._require_possible()
        if not cells:
            return np.zeros((0, self.draws.n))
        steps, columns = (list(part) for part in zip(*cells, strict=True))
        return self._each(
            whole(self.network), lambda run: run("smoothed").marginals[steps, columns]
        )

    def _auxiliary(self, name: str) -> AuxiliaryVariable:
        for variable in self.network.auxiliaries:
            if variable.name == name:
                return variable
        legal = [each.name for each in self.network.auxiliaries]
        message = f"{name!r} is no auxiliary evidence variable; {nearest(name, legal)}"
        raise InputError([Problem("auxiliary", message)])

    def _factors_over(self, name: str) -> list[AuxiliaryFactor]:
        """Factors that are the distribution of an auxiliary variable, step by step."""
        name = self._auxiliary(name).name
        return [
            factor
            for factor in self.network.factors
            if not factor.variable and (name, 0) in factor.auxiliaries
        ]

    def _label_auxiliary(self, name: str, found: Array) -> DataArray:
        variable = self._auxiliary(name)
        if not variable.moves:
            return self._label(found, ("state",))
        dates = np.concatenate([found, 1 - found.sum(axis=0, keepdims=True)])
        times = self.times[variable.first : variable.last + 1]
        return self._label(dates, ("time",), time=list(times))

    def _cells_of(self, name: str) -> list[tuple[int, int]]:
        """Cells whose probabilities are those of an auxiliary variable."""
        variable, factors = self._auxiliary(name), self._factors_over(name)
        if not variable.moves:
            return [(factors[0].step, factors[0].start + k) for k in range(variable.size)]
        # In each step the second cell is the one in which it was not past before and is after.
        return [(factor.step, factor.start + 1) for factor in factors]

    def parts(self) -> Iterator[slice]:
        """Parts of the draws whose arrays stay within the memory limit."""
        # Tables while they are made, joined and swept; expected counts before and after joining.
        cells = self.network.n_cells * (6 + 4 * len(self.interventions))
        columns = self.n_steps * self.network.n_columns * 4
        return split_draws(self.draws.n, 8.0 * (cells + columns), self.memory_limit)

    def _arrays(self, part: slice) -> tuple[Array, Array]:
        """Tables before any intervention, and all evidence, of some draws."""
        return self.draws.theta(part), self._evidence(part)

    @cached_property
    def _kept_arrays(self) -> tuple[Array, Array]:
        """Those of all draws, for one question after another; loops would copy them otherwise."""
        theta, like = self._arrays(slice(0, self.draws.n))
        return writable(theta), like

    def _evidence(self, part: slice) -> Array:
        """Log-likelihoods by all evidence, (step, column, draw), or 1 for draw."""
        like = self._own_evidence(part)
        if self._is_as_drawn:  # the common case, and copies of it take longer than a sweep
            return like
        return np.asarray(np.where(self.kept[..., None], like, 0.0) + self.added[..., None])

    def _own_evidence(self, part: slice) -> Array:
        """Log-likelihoods by the evidence of the draws, (step, column, draw), or 1 for draw."""
        like = self.draws.log_like(part)
        return like if like.ndim == 3 else like[..., None]

    @cached_property
    def _is_as_drawn(self) -> bool:
        """Whether no evidence was added or erased."""
        return bool(self.kept.all() and not self.added.any())

    def _intervened(self, theta: Array) -> tuple[Array, Any]:
        """Tables of every regime, and which of them each step uses."""
        if not self.interventions:
            return theta, None
        sets, regimes = [theta], np.zeros(self.n_steps, np.int64)
        for start, states in sorted(self.interventions, key=lambda each: each[0]):
            after, from_start = queries.intervened_tables(
                self.network, sets[-1], states, start, self.n_steps
            )
            sets.append(after[1])
            regimes = np.where(from_start, len(sets) - 1, regimes)
        return np.stack(sets), regimes.astype(np.int64)

    def _ask(self, question: Callable[[Array, Array, Any], Array]) -> Array:
        """Put a question to the tables, evidence and regimes of all draws, part by part."""
        answers = []
        for part in self.parts():
            theta, like = self._arrays(part) if self._memory is None else self._kept_arrays
            tables, regimes = self._intervened(theta)
            # A copy, because a view would keep all that it was taken from.
            answers.append(np.array(question(tables, like, regimes)))
        return np.concatenate(answers, axis=-1)

    def _ask_part(
        self,
        part: Part,
        question: Callable[[Array, Array, Any], Array],
        n_steps: int | None = None,
    ) -> Array:
        """Put a question to a part of the network, of the first steps if their number is given."""

        def asked(theta: Array, like: Array, regimes: Any) -> Array:
            which = None if regimes is None else regimes[:n_steps]
            return question(part.tables(theta), like[:n_steps, part.columns], which)

        return self._ask(asked)

    def _each(self, part: Part, select: Callable[[Callable[..., Sweep]], Array]) -> Array:
        """Sweep a part of the network for all draws, and keep what is selected of each sweep."""
        return self._ask_part(
            part,
            lambda tables, like, regimes: select(
                partial(sweep, part.network, tables, like, regimes=regimes)
            ),
        )

    def _part_about(self, names: Iterable[str] | None) -> Part:
        """The part of the network that variables, or else the evidence alone, depend on."""
        return part_to_sweep(self.network, names, self.evidence_variables, self._known)

    @cached_property
    def _log_norm(self) -> Array:
        if not (self.evidence_variables or self.network.relevant_to(()).nodes):
            return np.zeros((self.n_steps, self.draws.n))
        part, n_observed = self._part_about(None), self._n_observed
        found = self._ask_part(
            part,
            lambda tables, like, regimes: queries.log_norms(
                part.network, tables, like, regimes, self._memory
            ),
            n_observed,
        )
        silent = np.zeros((self.n_steps - n_observed, self.draws.n))
        return np.concatenate([found, silent])

    @cached_property
    def _log_gain(self) -> Array:
        """Log weight that the evidence of each step gives each draw, (step, draw).

        Minus infinity from the first step on whose evidence the draw cannot produce.

        Interventions divide the evidence into stages: what was known at each of them, and what is
        known now. A stage adds what it changed, as probable as the interventions before it make
        it; so an intervention adds nothing by itself.
        """
        gain = np.where(np.isneginf(self._log_norm), -np.inf, 0.0)
        if self.fitted is not None:
            gain[0] += self.fitted
        before: Stage = np.zeros_like(self.added), np.ones_like(self.kept)
        for k, stage in enumerate([] if self.sample == "none" else self._stages):
            if k == 0 and self.sample == "prior":
                gain += self._at_stage(k, stage)._log_norm
            elif not all(map(np.array_equal, stage, before)):
                gain += _log_ratio(self._at_stage(k, stage), self._at_stage(k, before))
            before = stage
        gain[np.maximum.accumulate(np.isneginf(gain), axis=0)] = -np.inf
        return gain

    @property
    def _stages(self) -> tuple[Stage, ...]:
        """Evidence at each intervention, and now."""
        return (*self.earlier, (self.added, self.kept))

    def _at_stage(self, n_interventions: int, stage: Stage) -> Self:
        """Beliefs with a stage's evidence, under the first interventions alone."""
        added, kept = stage
        if added is self.added and n_interventions == len(self.interventions):
            return self
        made = self.interventions[:n_interventions]
        return replace(self, added=added, kept=kept, interventions=made, earlier=())

    def _marginals(self, view: View, steps: Any, names: Sequence[str]) -> Array:
        """Probabilities of the states of some variables, (state, draw), or by step."""
        require_view(view)
        part, columns = self._part_about(names), self.network.state_columns(names)
        n_observed, wanted = self._n_observed, np.arange(self.n_steps)[steps]

        def picked(tables: Array, like: Array, regimes: Any) -> Array:
            found = queries.marginals(
                part.network, tables, like, view, n_observed, regimes, self._memory
            )
            return np.asarray(part.pick(found, columns)[steps])

        try:
            return self._ask_part(part, picked, max(n_observed, 1 + int(wanted.max(initial=0))))
        except TooLarge:
            if len(names) == 1:
                raise
        # One by one: each depends on less.
        return np.concatenate([self._marginals(view, steps, [name]) for name in names], axis=-2)

    def _at_least_once(self, courses: list[list[tuple[str, str]]], window: range) -> DataArray:
        """Answer on the part of the network that the evidence and the states depend on."""
        self._require_possible()
        if not courses or not all(courses):
            raise InputError([Problem("states", "none are named; at least one is needed")])
        part = self._part_ahead(name for states in courses for name, _ in states)
        columns = self.network.columns(part.names)
        found = self._ask(
            lambda theta, like, regimes: queries.held_at_least_once(
                part, theta, like[:, columns], courses, window, regimes, self._memory
            )
        )
        return self._label(found, ("course", "time"), time=[self.times[step] for step in window])

    def _held_now_or_next(
        self, courses: list[tuple[list[tuple[str, str]], list[tuple[str, str]]]]
    ) -> DataArray:
        """Answer on the part of the network that the evidence and the states depend on."""
        self._require_possible()
        if not courses:
            raise InputError([Problem("courses", "none are named; at least one is needed")])
        if self.now + 1 == self.n_steps:
            raise InputError([Problem("time", f"no step comes after {self.times[self.now]}")])
        part = self._part_ahead(name for pair in courses for states in pair for name, _ in states)
        columns = self.network.columns(part.names)
        found = self._ask(
            lambda theta, like, regimes: queries.held_now_or_next(
                part, theta, like[:, columns], courses, self.now, regimes, self._memory
            )
        )
        return self._label(found, ("course", "turn"))

    def _part_ahead(self, asked: Iterable[str]) -> Network:
        """The network that is asked about what lies ahead: all of it where messages are kept."""
        if self._memory is not None:
            return self.network
        return self.network.relevant_to([*self.evidence_variables, *asked])

    @property
    def _memory(self) -> Memory | None:
        """What is kept of the past of all draws, under the tables as they were made."""
        whole = not self.interventions and next(self.parts()).stop == self.draws.n
        return self.memory if whole else None

    @cached_property
    def evidence_variables(self) -> tuple[str, ...]:
        """Variables with evidence in any draw, at any step."""
        network, found = self.network, self._has_evidence
        in_factors = {
            name for (step, name), at in network.factor_columns.items() if found[step, at].any()
        }
        return tuple(
            name
            for name in network.names
            if name in in_factors or found[:, network.states(name)].any()
        )

    @cached_property
    def _has_evidence(self) -> Mask:
        """Whether evidence speaks of a column at a step, in any draw, (step, column)."""
        found = np.zeros(self.kept.shape, dtype=bool)
        for part in self.parts():
            found |= self._own_evidence(part).any(axis=2)
        return np.asarray(found & self.kept | (self.added != 0))

    @property
    def _n_observed(self) -> int:
        """Number of the first steps beyond which there is no evidence but what inputs are set to.

        There, every sum of probabilities is one: an input of the draws is in one state. What is
        added or erased of one counts as evidence.
        """
        if self.network.factor_nodes:
            return self.n_steps
        changed = ((self.added != 0) | ~self.kept).any(axis=1)
        speaks = queries.steps_with_evidence(self.network, self._has_evidence) | changed
        last = np.flatnonzero(speaks)
        return 1 + max([0, *last.tolist(), *(each.last for each in self.network.auxiliaries)])

    @cached_property
    def _known(self) -> Mapping[str, int]:
        """Variables of a static network that all draws know to be in one state, and which."""
        if self.network.dynamic:
            return {}
        possible = np.zeros(self.network.n_columns, dtype=bool)
        for part in self.parts():
            possible |= ~np.isneginf(self._evidence(part)[0]).all(axis=1)
        states = {name: possible[self.network.states(name)] for name in self.evidence_variables}
        return {name: int(left.argmax()) for name, left in states.items() if left.sum() == 1}

    def _evidence_places(self, part: slice, last: int) -> list[tuple[int, str]]:
        """Steps and variables with evidence, up to a step."""
        like = self._evidence(part)
        return [
            (step, name)
            for step in range(last + 1)
            for name in self.network.names
            if like[step, self.network.columns_at(name, step)].any()
        ]

    def _require_possible(self) -> None:
        """Raise if no draw can produce the evidence; one that cannot weighs nothing."""
        if not np.isneginf(self._log_gain[-1]).all():
            return
        stages = (self._at_stage(k, stage) for k, stage in enumerate(self._stages))
        for asked in (self, *stages):
            if np.isneginf(asked._log_norm).any():
                asked._blame()
        self._at_stage(0, (np.zeros_like(self.added), np.ones_like(self.kept)))._blame()

    def _blame(self) -> NoReturn:
        """Raise, naming findings that a draw cannot produce together."""
        impossible = np.isneginf(self._log_norm)
        draw = int(np.argmax(impossible.any(axis=0)))
        last = int(np.argmax(impossible[:, draw]))
        part = slice(draw, draw + 1)
        places = self._evidence_places(part, last)
        theta, like = self._arrays(part)
        tables, regimes = self._intervened(theta)
        blamed = queries.smallest_conflict(self.network, tables, like, places, regimes)
        named = ", ".join(self._evidence_label(step, name) for step, name in blamed)
        raise ImpossibleEvidence(
            f"the evidence has probability zero; in conflict are findings on {named}"
        )

    def _evidence_label(self, step: int, name: str) -> str:
        when = f" at {self.times[step]}" if self.n_steps > 1 else ""
        reports = self.reports.get((step, name), ())
        cited = f" ({', '.join(reports)})" if reports else ""
        return f"{name}{when}{cited}"

    def _require_no_intervention(self, question: str) -> None:
        if self.interventions:
            raise InputError([Problem(question, "is not available after an intervention")])

    def _distinct(self, names: Sequence[str]) -> tuple[str, ...]:
        """Known variables, at least one and none of them twice."""
        found = tuple(self.network.node(name).name for name in names)
        if not found or len(set(found)) < len(found):
            raise InputError([Problem("names", "needs at least one variable, none of them twice")])
        return found

    def _named(self, codes: Any, names: Sequence[str], axis: int) -> Any:
        """State labels for the numbers of states, None for -1; `axis` is that of the variables."""
        labels = np.empty(codes.shape, dtype=object)
        for v, name in enumerate(names):
            at = (slice(None),) * axis + (v,)
            states = np.array([*self.network.node(name).states, None], dtype=object)
            labels[at] = states[codes[at]]
        return labels

    def _step(self, time: Any) -> int:
        if time is None:
            return self.now
        label = _day_meant(time) if isinstance(self.times[0], date) else time
        try:
            return self.times.index(label)
        except (TypeError, ValueError):  # an array, or a missing value, is not even compared
            pass
        message = f"{short_repr(time)} is no step; {nearest(label, self.times)}"
        raise InputError([Problem("time", message)])

    def _window(self, start: Any, stop: Any) -> range:
        first = min(self.now + 1, self.n_steps - 1) if start is None else self._step(start)
        last = self.n_steps - 1 if stop is None else self._step(stop)
        if last < first:
            message = f"ends at {self.times[last]}, before it starts at {self.times[first]}"
            raise InputError([Problem("window", message)])
        return range(first, last + 1)

    def _log_weights_at(self, view: View, steps: Any) -> Weights:
        """Log weights of answers about some steps: by what each of them knows."""
        if view == "smoothed":
            return self._log_gain.sum(axis=0), ()
        known = np.cumsum(self._log_gain, axis=0)[steps]
        if known.ndim == 1 or (known == known[-1]).all():
            return (known if known.ndim == 1 else known[-1]), ()
        return known, ("time",)

    def _label(
        self,
        values: Array,
        dims: Sequence[str],
        log_weights: Weights | None = None,
        **coords: Any,
    ) -> Answer:
        """Put the draws axis first, split into chains, and say what each draw weighs.

        What draws that weigh nothing answer is not a number: they cannot produce the evidence.
        """
        from forecast.posterior.answer import WEIGHT, Answer

        logs, varies = log_weights or (self._log_gain.sum(axis=0), ())
        if "time" in coords:
            coords["time"] = time_labels(coords["time"])
        lost = np.isneginf(logs)
        if lost.any() and values.dtype.kind == "f":
            inner = values.ndim - logs.ndim
            where = lost.reshape(*logs.shape[:-1], *[1] * inner, logs.shape[-1])
            values = np.where(where, np.nan, values)
        weight = normal_weights(logs)
        if weight is not None:
            self._warn_of_few()
            coords[WEIGHT] = ("chain", "draw", *varies), self._spread(weight)
        return Answer(self._spread(values), dims=("chain", "draw", *dims), coords=coords)

    def _label_cells(self, values: Array) -> Answer:
        """Label answers about every table cell, (cell, draw)."""
        return self._label(values, ("cell",)).assign_coords(cell_labels(self.network))

    def _spread(self, values: Array) -> Array:
        return np.moveaxis(values, -1, 0).reshape(*self.shape, *values.shape[:-1])

    def _warn_of_few(self) -> None:
        """Warn if few draws, or the tail of their weights, carry the answers."""
        n = self.draws.n
        limit = min(1 - 1 / np.log10(max(n, 2)), 0.7)
        few = self.effective_draws < min(FEWEST_EFFECTIVE, n / 10)
        heavy = n >= FEWEST_EFFECTIVE and self.pareto_k > limit
        if few or heavy:
            message = (
                f"changed so much that {n} draws are worth {self.effective_draws:.0f} "
                f"(Pareto k {self.pareto_k:.2f}, trusted up to {limit:.2f}): take more draws, or "
                "fit with that evidence"
            )
            warn("evidence", [message], UnreliableWeights)


def _log_ratio(now: BeliefState, before: BeliefState) -> Array:
    """How much more probable evidence is than what was known before, logarithm, (step, draw).

    A draw that cannot produce what was known before is none of those that were made given it.
    """
    then = before._log_norm
    possible = ~np.isneginf(then).any(axis=0)
    return np.where(possible, now._log_norm - np.where(possible, then, 0.0), -np.inf)


def _day_meant(time: Any) -> Any:
    """The day, where a step is named by text, a moment or a label of an answer."""
    try:
        return plain_date(time)
    except ValueError:
        return time


def keeping_messages[B: BeliefState](found: B) -> B:
    """The same beliefs, for several questions about what lies ahead, one after another.

    They keep where the evidence leaves the interface, and the arrays of all draws, which together
    are larger than the tables. All questions then go to the whole network, so a static one, or one
    that has no room as a whole, is left as it is.
    """
    if not found.network.dynamic:
        return found
    try:
        planned_slice(found.network, first=False)
    except TooLarge:
        return found
    return replace(found, memory=Memory())


def normal_weights(logs: Array) -> Array | None:
    """Weights that are 1 on average over draws, (…, draw); nothing if all are equal."""
    top = logs.max(axis=-1, keepdims=True)
    known = np.isfinite(top)
    spread = np.where(known, top, 0.0) - logs.min(axis=-1, keepdims=True)
    if (spread <= EQUAL).all():
        return None
    weight = np.exp(logs - np.where(known, top, 0.0))
    total = weight.mean(axis=-1, keepdims=True)
    return np.asarray(weight / np.where(known, total, 1.0))


def _misfits(
    draws: Draws, now: int | None, shape: tuple[int, int] | None, times: Sequence[Any] | None
) -> Iterator[Problem]:
    n_steps = draws.n_steps
    if now is not None and not 0 <= now < n_steps:
        yield Problem("now", f"{now} is not one of the {n_steps} steps from 0")
    if shape is not None and (min(shape) < 1 or shape[0] * shape[1] != draws.n):
        yield Problem("shape", f"{shape} chains and draws; there are {draws.n} draws in all")
    if times is not None and (len(times) != n_steps or len(set(times)) < n_steps):
        yield Problem("times", f"{len(times)} labels; needs {n_steps}, all different")


def require_view(view: str) -> None:
    """Raise unless a view is one that `posterior` knows."""
    if view not in ("filtered", "smoothed"):
        raise InputError([Problem("view", f"{view!r}; legal: filtered, smoothed")])


def as_pairs(states: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of variable and state that are gone through once.

    Raises
    ------
    InputError
        For what is no such pair.
    """
    if not isinstance(states, Iterable):
        raise InputError([Problem("states", f"{short_repr(states)}; needs a list of pairs")])
    found = list(states)
    for pair in found:
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise InputError([Problem("states", f"{short_repr(pair)}; needs a pair (text, text)")])
    return found


def require_some(name: str, value: int) -> None:
    """Raise unless a number is at least one."""
    if value < 1:
        raise InputError([Problem(name, f"{value}; needs at least 1")])
