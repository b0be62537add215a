"""Draws of the tables that are made once and serve any evidence, by weights.

Draws made under some evidence, or from the prior, weigh log Z(new evidence) - log Z(their own)
under other evidence. Weights always refer to what the draws were made under and are never chained:
the order of evidence does not matter, and what is withdrawn leaves no trace. Their tail is smoothed
(Vehtari, Simpson, Gelman, Yao, Gabry: Pareto smoothed importance sampling, Journal of Machine
Learning Research 25(72), 2024), and its shape says whether they can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.inputs import are_steady
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable
from forecast.frozen import writable
from forecast.model.builder import compile_tables
from forecast.model.kept_likelihoods import KeptLikelihoods
from forecast.model.model import model_coordinates
from forecast.model.parameter_draws import ParameterDraws
from forecast.model.target import variable_dims
from forecast.network.filtering import Memory, Present, States
from forecast.network.horizon import Future, beyond_interface, look_ahead
from forecast.network.planning import MEMORY_LIMIT, Scope
from forecast.network.structure import Network
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.mcmc import (
    beliefs_under,
    parameter_names,
    stack_draws,
    tabulate_to_horizon,
)
from forecast.posterior.prior import draw_priors
from forecast.sampling import Sampling
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from xarray import Dataset, DataTree

Pair = tuple[str, str]
EQUAL = 1e-12
"""Log weights that differ by less differ by rounding."""
KEPT_SHARE = 0.25
"""Share of the memory limit that the tables of all draws may take to be kept."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of draws under some evidence.

    Attributes
    ----------
    log_weight
        Logarithm of each draw's weight, smoothed, (draw,); the weights are 1 on average.
    pareto_k
        Shape of the tail before smoothing; above 0.7, or 1 - 1 / log10(draws), averages cannot be
        trusted. Minus infinity where all draws weigh the same.
    """

    log_weight: Array
    pareto_k: float

    @property
    def weight(self) -> Array:
        """Weight of each draw, 1 on average, (draw,)."""
        return np.asarray(np.exp(self.log_weight))

    @property
    def limit(self) -> float:
        """Largest Pareto k at which so many draws can be trusted."""
        return float(min(1 - 1 / np.log10(max(self.log_weight.size, 2)), 0.7))

    def thinned(self, n_chains: int, every: int) -> Weights:
        """Weights of every so many draws of each chain, from the first one on."""
        log_weight = self.log_weight.reshape(n_chains, -1)[:, ::every].ravel()
        return Weights(log_weight, self.pareto_k)


def smooth(log_ratio: Array) -> Weights:
    """Weights from logarithms of ratios of densities, their largest smoothed.

    Parameters
    ----------
    log_ratio
        Logarithm of each draw's weight up to a constant, (draw,); minus infinity for a draw that
        cannot be.

    Examples
    --------
    >>> smooth(np.zeros(100)).pareto_k
    -inf
    """
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]

    log_ratio = log_ratio - log_ratio.max()
    if log_ratio.min() >= -EQUAL:
        return Weights(np.zeros(log_ratio.size), -np.inf)
    n_tail = int(min(log_ratio.size / 5, 3 * np.sqrt(log_ratio.size)))
    tail = np.sort(log_ratio)[-n_tail:]
    # Nothing can be fitted to equal weights, which are harmless, or to one that is everything.
    smoothed, k = log_ratio, -np.inf if tail[0] >= -EQUAL else np.inf
    with suppress(ValueError, IndexError):  # too few draws have no tail
        # It takes log-likelihoods to be left out, so it negates what it is given.
        smoothed, k = array_stats.psislw(-log_ratio)  # type: ignore[no-untyped-call]
    k = k if np.isfinite(k) or k < 0 else np.inf
    smoothed = np.where(np.isneginf(log_ratio), -np.inf, smoothed)
    top = smoothed.max()
    return Weights(smoothed - top - np.log(np.exp(smoothed - top).mean()), float(k))


@dataclass(frozen=True, eq=False)
class Fit:
    """Draws of a scenario's judgements, with everything that follows from them alone.

    Attributes
    ----------
    scenario
        The scenario.
    evidence
        What the draws were made under; None if they come from the prior.
    parameters
        Judgements by family, draws last, chains one after another.
    shape
        Number of chains, and of draws in each.
    divergences
        Whether the sampler's step to each draw diverged, (chain, draw); None for the prior.
    method
        How the draws were made: "prior", "nuts" or "move".
    ancestry
        How the draws that were moved to these were made, the first first, and under what.
    first
        Evidence of the first forecast from draws of the prior; that of other draws is their own.
    """

    scenario: Scenario
    evidence: Evidence | None
    parameters: Mapping[str, Array]
    shape: tuple[int, int]
    divergences: Any = None
    method: str = "nuts"
    ancestry: tuple[tuple[str, Evidence | None], ...] = ()
    first: Evidence | None = None
    _values: dict[Any, tuple[Scope, Array]] = field(default_factory=dict, repr=False)
    _latest: list[tuple[Evidence, ReportTable]] = field(default_factory=list, repr=False)
    _asked: list[tuple[ReportTable, int, bool, list[Array]]] = field(
        default_factory=list, repr=False
    )
    _memory: Memory = field(default_factory=Memory, repr=False)
    _lock: Any = field(default_factory=RLock, repr=False)

    @classmethod
    def of_prior(cls, scenario: Scenario, sampling: Sampling, first: Evidence | None = None) -> Fit:
        """Draws from the prior, as many as a sampler would keep, and what they answer first."""
        n = sampling.chains * sampling.draws
        drawn = draw_priors(compile_tables(scenario).priors, n, sampling.random_seed)
        shape = sampling.chains, sampling.draws
        return cls(scenario, None, sealed(drawn), shape, method="prior", first=first)

    @classmethod
    def of_posterior(
        cls,
        scenario: Scenario,
        evidence: Evidence | None,
        tree: DataTree,
        table: ReportTable | None = None,
    ) -> Fit:
        """Draws that a tree holds, made under some evidence, which may have been tabulated."""
        posterior, diverging = tree["posterior"].to_dataset(), None
        if "sample_stats" in tree.children:
            diverging = tree["sample_stats"]["diverging"].to_numpy()
        drawn = stack_draws(posterior, parameter_names(scenario))
        shape = posterior.sizes["chain"], posterior.sizes["draw"]
        latest = [] if evidence is None or table is None else [(evidence, table)]
        made = "prior" if evidence is None else tree.attrs.get("method", "nuts")
        return cls(scenario, evidence, sealed(drawn), shape, diverging, str(made), _latest=latest)

    @property
    def n_draws(self) -> int:
        """Draws of all chains."""
        return self.shape[0] * self.shape[1]

    @property
    def lineage(self) -> tuple[tuple[str, Evidence | None], ...]:
        """Methods and evidence that made these draws and those before them, in order."""
        return (*self.ancestry, (self.method, self.evidence))

    def __getstate__(self) -> dict[str, Any]:
        made = [each.name for each in fields(self) if not each.name.startswith("_")]
        return {name: self.__dict__[name] for name in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        made = {"_values": {}, "_latest": [], "_asked": [], "_memory": Memory(), "_lock": RLock()}
        self.__dict__.update(state | made)

    @cached_property
    def dataset(self) -> Dataset:
        """The draws as PyMC names them, dimensions chain and draw first."""
        import xarray as xr

        priors = compile_tables(self.scenario).priors
        dims = variable_dims(priors)
        values = {
            name: (
                ("chain", "draw", *dims[name]),
                np.moveaxis(self.parameters[name], -1, 0).reshape(
                    *self.shape, *self.parameters[name].shape[:-1]
                ),
            )
            for name in dims
        }
        return xr.Dataset(values, coords=model_coordinates(priors))

    def beliefs(
        self,
        evidence: Evidence,
        n_steps: int | None = None,
        *,
        weights: Weights | None = None,
        silence: bool = True,
    ) -> Beliefs:
        """Beliefs under some evidence; all draws weigh the same unless weights are given."""
        return beliefs_under(
            self.scenario,
            evidence,
            self.parameters,
            self.shape,
            n_steps,
            tables=self.tables if self._has_room else None,
            fitted=None if weights is None else weights.log_weight,
            table=self._tabulate(evidence),
            silence=silence,
        )

    def _tabulate(self, evidence: Evidence) -> ReportTable:
        """Evidence to the horizon, tabulated once: weights, answers and questions ask for it."""
        for known, table in self._latest:
            if known is evidence:
                return table
        table = tabulate_to_horizon(self.scenario, evidence)
        self._latest[:] = [(evidence, table)]
        return table

    @property
    def _has_room(self) -> bool:
        """Whether the tables of all draws may be kept."""
        n_cells = compile_tables(self.scenario).network.n_cells
        return 8.0 * n_cells * self.n_draws <= KEPT_SHARE * MEMORY_LIMIT

    def select(self, draws: Index) -> Fit:
        """Some of the draws, by number, as one chain; one may be there several times."""
        parameters = {name: values[..., draws] for name, values in self.parameters.items()}
        kept = {key: (axes, values[:, draws]) for key, (axes, values) in self._values.items()}
        shape = 1, len(draws)
        found = replace(
            self,
            parameters=sealed(parameters),
            shape=shape,
            divergences=None,
            _values=kept,
            _latest=list(self._latest),
            _asked=[],
            _memory=Memory(),  # likelihoods and messages are of all draws
        )
        if "cells" in self.__dict__:
            found.__dict__["cells"] = self.cells[:, draws]
        return found

    def of_scenario(self, scenario: Scenario) -> Fit:
        """The same draws for a scenario of the same judgements, with all that follows from them."""
        found = replace(self, scenario=scenario, _values=self._values, _latest=[], _asked=[])
        for name in ("cells", "tables", "_own_log_evidence", "_likelihoods"):
            if name in self.__dict__:
                found.__dict__[name] = self.__dict__[name]
        return found

    def thinned(self, every: int) -> Fit:
        """Every so many draws of each chain, from the first one on."""
        kept = np.arange(self.n_draws).reshape(self.shape)[:, ::every]
        return replace(self.select(kept.ravel()), shape=kept.shape)

    def weights(self, evidence: Evidence) -> Weights:
        """Weights of the draws under some evidence."""
        own = self._own_log_evidence  # first, so that what is kept of the new evidence stays
        return smooth(self._log_evidence(evidence, self._courses_beyond) - own)

    @cached_property
    def tables(self) -> Array:
        """Table cells of all draws, (cell, draw); nobody can write to them."""
        found = self.cells.view()
        found.flags.writeable = False
        return found

    @cached_property
    def cells(self) -> Array:
        """The same for compiled loops, which would copy what cannot be written to."""
        program = compile_tables(self.scenario)
        cells: Array = writable(ParameterDraws(program, self.parameters, {}).theta(slice(None)))
        return cells

    @cached_property
    def _own_log_evidence(self) -> Array | float:
        return 0.0 if self.evidence is None else self.log_evidence_of(self.evidence)

    def log_evidence_of(self, evidence: Evidence) -> Array:
        """Log-probability of evidence, which says nothing of the steps ahead, (draw,)."""
        return self._log_evidence(evidence)

    def _log_evidence(
        self,
        evidence: Evidence,
        spared: Callable[[Network], tuple[list[States], list[States]]] | None = None,
    ) -> Array:
        timeline, n_steps = self.scenario.timeline, None
        if timeline is not None:
            n_steps = timeline.step_of(evidence.as_of) + 1
            ahead = self._look_ahead(evidence, spared) if self._has_room else None
            if ahead is not None:
                return np.asarray(ahead[1][0].log_norm.sum(axis=0))
        found = self.beliefs(evidence, n_steps)
        return np.asarray(found.log_evidence().to_numpy().ravel())

    def _courses_beyond(self, part: Network) -> tuple[list[States], list[States]]:
        """Courses that the interface does not tell of: who weighs draws asks for them next."""
        return [], beyond_interface(part, [[course] for course in self.scenario.courses])

    def _look_ahead(
        self,
        evidence: Evidence,
        spared: Callable[[Network], tuple[list[States], list[States]]] | None = None,
    ) -> tuple[Future, list[Present]] | None:
        """What the steps ahead know of the evidence.

        And, with some states ruled out in the present step: with messages, and log norms alone.
        """
        timeline = self.scenario.timeline
        assert timeline is not None
        if not are_steady(self.scenario, evidence):
            return None
        now = timeline.step_of(evidence.as_of)
        network, rows = self.likelihoods(evidence, now + 2)
        messages, norms = ([], []) if spared is None else spared(network)
        with self._lock:  # a refinement in the background may use the same draws
            return look_ahead(
                network,
                self.cells,
                rows,
                range(now + 1, now + 2),
                spared=[*messages, *norms],
                memory=self._memory,
                norms=len(norms),
            )

    def likelihoods(
        self, evidence: Evidence, n_steps: int, *, silence: bool = True
    ) -> tuple[Network, list[Array]]:
        """The network under some evidence, and log-likelihoods of each step, (column, draw)."""
        whole, network = self._tabulate(evidence), compile_tables(self.scenario).network
        network = replace(network, auxiliaries=whole.auxiliaries, factors=whole.factors)
        with self._lock:  # weights and answers ask one after the other
            if self._asked and self._asked[0][:3] == (whole, n_steps, silence):
                return network, self._asked[0][3]
            table = whole.up_to(n_steps)
            rows = self._likelihoods.rows(table if silence else table.without_silence())
            self._asked[:] = [(whole, n_steps, silence, rows)]
            return network, rows

    @cached_property
    def _likelihoods(self) -> KeptLikelihoods:
        return KeptLikelihoods(compile_tables(self.scenario), self.parameters)

    # ── answers ahead ─────────────────────────────────────────────────────────────────────────

    def prospects(
        self,
        evidence: Evidence,
        asked: Sequence[Pair],
        groups: Sequence[Sequence[Pair]],
        days: Array,
        lasting: Sequence[Sequence[Pair]] = (),
    ) -> Prospects | None:
        """Probabilities of courses, from values that are kept; None where these do not apply.

        Parameters
        ----------
        evidence
            What was reported.
        asked
            States of which the probability now, and the share of the days ahead, is wanted.
        groups
            States of each course that may happen at least once; several make their union.
        days
            How many days ahead lie in the present step and in each one after it, (1 + ahead,).
        lasting
            Those states of each such course that may go on from the present step, if days of it are
            left.
        """
        timeline = self.scenario.timeline
        if timeline is None or not self._has_room:
            return None
        n, single = len(days) - 1, [[pair] for pair in asked]
        ahead = self._look_ahead(
            evidence, lambda part: (beyond_interface(part, lasting), beyond_interface(part, single))
        )
        if ahead is None:
            return None
        future, [present, *spared] = ahead
        network = future.network
        n_lasting = len(beyond_interface(network, lasting))
        going_on, left = iter(spared[:n_lasting]), iter(spared[n_lasting:])
        current = [
            1.0 - next(left).share_of(present)
            if beyond_interface(network, [states])
            else present.of(network, *states[0])
            for states in single
        ]
        self._make_values(future, present, groups, n)
        never = [self.expect(future, present, "never", states, n) for states in groups]
        later = self._shares(evidence, future, present, single, tuple(days[1:]))
        average = [
            days[0] * at_present + share for at_present, share in zip(current, later, strict=True)
        ]
        first, turn = list[Array](), list[list[Array]]()
        for states, going in zip(groups if lasting else (), lasting, strict=True):
            is_kept = not beyond_interface(network, [going])
            parts = self._expect_parts(
                future, present, "never", states, 1, going if is_kept else ()
            )
            first.append(parts.sum(axis=0))
            if is_kept:
                turn.append([present.without(network, going), parts[0]])
                continue
            end = next(going_on)
            gone = end.share_of(present)
            turn.append([gone, gone * self.expect(future, end, "never", states, 1)])
        return Prospects(
            now=np.clip(current, 0.0, 1.0).reshape(-1, *self.shape),
            within=_reached(np.array(never)).reshape(-1, *self.shape),
            average=np.clip(np.array(average) / days.sum(), 0.0, 1.0).reshape(-1, *self.shape),
            first=_reached(np.stack(first)).reshape(-1, *self.shape) if first else None,
            turn=_reached(np.moveaxis(np.array(turn), 1, -1)).reshape(-1, *self.shape, 2)
            if turn
            else None,
        )

    def _shares(
        self,
        evidence: Evidence,
        future: Future,
        present: Present,
        groups: Sequence[Sequence[Pair]],
        days: tuple[float, ...],
    ) -> list[Array]:
        """Expected sum of the days, by step, in which each of some states occurs, (draw,).

        For the first evidence they are read off the distributions ahead, one way for all states;
        for any other off values, a way back for each, which then serve whatever comes.
        """
        if not groups:
            return []
        if evidence != (self.evidence if self.first is None else self.first):
            return [self.expect(future, present, "share", states, days) for states in groups]
        states = [pair for each in groups for pair in each]
        before = future.occupancy(states, np.array(days), present)
        return list(sum(days) - future.never_each(groups, 1, before)[:, 0])

    def expect(
        self, future: Future, present: Present, kind: str, states: Sequence[Pair], about: Any
    ) -> Array:
        """Expectation over the present of what is kept of the future, (draw,).

        Parameters
        ----------
        future, present
            As `look_ahead` gives them.
        kind, about
            "never", that none of the states occurs in so many next steps; or "share", the expected
            sum of the weights of the steps in which the one state occurs.
        states
            Pairs of variable and state.
        """
        return np.asarray(self._expect_parts(future, present, kind, states, about).sum(axis=0))

    def _expect_parts(
        self,
        future: Future,
        present: Present,
        kind: str,
        states: Sequence[Pair],
        about: Any,
        barred: Sequence[Pair] = (),
    ) -> Array:
        """Expectation from where the present step is without some states, and with, (2, draw)."""
        axes, values = self._value(future, present, kind, states, about)
        found: Array = present.overlap(future.network, axes, values, barred)
        return found

    def _value(
        self, future: Future, present: Present, kind: str, states: Sequence[Pair], about: Any
    ) -> tuple[Scope, Array]:
        """What is kept of the future, by joint states of the present; the arguments as above."""
        wanted = self._key(future, kind, states, about)
        if wanted not in self._values:
            if kind == "share":
                once = self._value(future, present, "never", states, 1)
                self._values[wanted] = once[0], future.shares(states[0], np.array(about), once)
            else:
                self._make_values(future, present, [states], about)
        return self._values[wanted]

    def _make_values(
        self, future: Future, present: Present, groups: Sequence[Sequence[Pair]], n: int
    ) -> None:
        """Keep, for groups of states, the probability that none of them occurs in n next steps.

        And in the next one: the way back through n steps begins with one.
        """
        each = dict.fromkeys(map(tuple, groups))  # a union may have one member
        missing = [s for s in each if self._key(future, "never", s, n) not in self._values]
        found = future.values(missing, n, present.axes) if missing else []
        for states, (axes, values) in zip(missing, found, strict=True):
            self._values[self._key(future, "never", states, 1)] = axes, values[0]
            self._values[self._key(future, "never", states, n)] = axes, values[-1]

    @staticmethod
    def _key(future: Future, kind: str, states: Sequence[Pair], about: Any) -> Any:
        return kind, tuple(states), about, future.inputs


@dataclass(frozen=True, eq=False)
class Prospects:
    """Draws of what is printed of each course, (course, chain, draw).

    Attributes
    ----------
    now
        That it is under way in the present step; of the states asked about alone.
    within
        That it is under way in a step after the present one, up to the horizon.
    average
        Expected share of the days ahead on which it is under way; of these states alone.
    first, turn
        That it is under way in the next step; and, (course, chain, draw, 2), that it may go on from
        the present one, and that or in the next. None unless days of the present step are left.
    """

    now: Array
    within: Array
    average: Array
    first: Array | None = None
    turn: Array | None = None


def _reached(never: Array) -> Array:
    return np.asarray(np.clip(1.0 - never, 0.0, 1.0))


def sealed(drawn: Mapping[str, Array]) -> dict[str, Array]:
    """Draws that nobody can write to, so that nobody has to copy them; views are copied here."""
    found = {name: v if v.base is None else np.array(v) for name, v in drawn.items()}
    for values in found.values():
        values.flags.writeable = False
    return found
