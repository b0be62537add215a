"""A network with draws of its tables and the evidence so far: the value that questions go to.

Every answer carries the dimensions ``chain`` and ``draw``, one probability for each draw of the
tables, so its mean and its spread are both there. Verbs return a new value: hypothetical
evidence, interventions and withdrawals leave the original as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from forecast.errors import ImpossibleEvidence, InputError, Problem, nearest, raise_if_any
from forecast.evidence.unknowns import Factor
from forecast.inference import queries
from forecast.inference.circuit import MEMORY_LIMIT
from forecast.inference.draws import Draws, StoredDraws, split_draws
from forecast.inference.maximum import most_probable_history
from forecast.inference.network import Array, Network, Sweep
from forecast.inference.simulate import simulate_history

if TYPE_CHECKING:
    from xarray import DataArray

Flags = npt.NDArray[np.bool_]
Pairs = Mapping[str, str]
View = Literal["filtered", "smoothed"]


@dataclass(frozen=True, eq=False, repr=False)
class Beliefs:
    """Tables and evidence of every draw, ready for questions.

    Draws are processed in parts, as many at once as the memory limit allows; `of` makes beliefs
    from arrays.

    Attributes
    ----------
    network
        The network.
    draws
        Tables and evidence of every draw, chains one after another.
    added
        Log-likelihood of what is supposed beyond the evidence, (step, column).
    kept
        Where the evidence counts, (step, column): not where it has been withdrawn.
    now
        Last step that evidence may speak of; later ones are the future.
    shape
        Number of chains, and of draws in each.
    times
        Label of each step.
    interventions
        Steps from which variables are set by force, and to what.
    reports
        Names of the reports behind the evidence on a variable at a step.
    memory_limit
        Bytes that the arrays of one part may take; a part has at least 64 draws.

    Examples
    --------
    >>> from forecast.inference.network import Block, Node
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> beliefs = Beliefs.of(network, np.array([[0.8, 0.2, 0.9, 0.1, 0.3, 0.7]]).T)
    >>> beliefs
    Beliefs(variables=2, steps=1, chains=1, draws=1)
    >>> wet = beliefs.suppose({"grass": "wet"})
    >>> round(wet.posterior("rain").sel(state="yes").mean().item(), 6)
    0.636364
    """

    network: Network
    draws: Draws
    added: Array
    kept: Flags
    now: int
    shape: tuple[int, int]
    times: tuple[Any, ...]
    interventions: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    reports: Mapping[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)
    memory_limit: float = MEMORY_LIMIT

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
    ) -> Beliefs:
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
            Label of each step; their numbers unless they are given.
        reports
            Names of the reports behind the evidence on a variable at a step.
        memory_limit
            Bytes that the arrays of one part of the draws may take; a part has at least 64 draws.

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
        )

    def __repr__(self) -> str:
        chains, draws = self.shape
        return (
            f"Beliefs(variables={len(self.network.names)}, steps={self.n_steps}, "
            f"chains={chains}, draws={draws})"
        )

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        return len(self.times)

    @property
    def theta(self) -> Array:
        """Table cells of all draws, (cell, draw), before any intervention."""
        return self.draws.theta(slice(None))

    @property
    def log_like(self) -> Array:
        """Log-likelihoods by all evidence, (step, column, draw), or 1 for draw."""
        return self._evidence(slice(None))

    # ── evidence ──────────────────────────────────────────────────────────────────────────────

    def suppose(self, states: Pairs, time: Any = None) -> Beliefs:
        """Add hypothetical hard evidence at one step (the present one if none is named).

        Raises
        ------
        InputError
            For an unknown variable, state or time.
        """
        step = self._step(time)
        at = slice(step, step + 1)
        added = queries.require(self.network, self.added, list(states.items()), at)
        return replace(self, added=added)

    def weigh(self, name: str, likelihood: Mapping[str, float], time: Any = None) -> Beliefs:
        """Add likelihood evidence: how probable what was seen is under each state.

        States that are not mentioned have likelihood 0. Only ratios matter to probabilities.
        """
        for state in likelihood:
            self.network.state(name, state)
        stated = [likelihood.get(state, 0.0) for state in self.network.node(name).states]
        values = np.array([v if isinstance(v, int | float | np.number) else np.nan for v in stated])
        if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
            message = "likelihoods are finite, not negative and not all zero"
            raise InputError([Problem(name, message)])
        added = self.added.copy()
        with np.errstate(divide="ignore"):
            added[self._step(time), self.network.states(name)] += np.log(values)
        return replace(self, added=added)

    def withdraw(self, name: str, time: Any = None) -> Beliefs:
        """Forget everything said about a variable at a step."""
        step = self._step(time)
        where = step, self.network.columns_at(name, step)
        added, kept = self.added.copy(), self.kept.copy()
        added[where], kept[where] = 0.0, False
        return replace(self, added=added, kept=kept)

    def intervene(self, states: Pairs, start: Any = None) -> Beliefs:
        """Set variables by force from one step on, cutting them from their causes (Pearl's do).

        Unlike evidence, an intervention says nothing about what would have caused the state. Two
        interventions are compared draw by draw: the difference of their answers has the spread
        that the tables leave it.
        """
        for name, state in states.items():
            self.network.state(name, state)
        added = (self._step(start), tuple(states.items()))
        return replace(self, interventions=(*self.interventions, added))

    def settle(self, unknown: str, state: int) -> Beliefs:
        """Suppose that something unknown about the evidence, which does not change, is known."""
        factor = self._prior_of(unknown)
        [size] = [each.size for each in self.network.unknowns if each.name == unknown]
        added = self.added.copy()
        others = [factor.start + k for k in range(size) if k != state]
        added[factor.step, others] = -np.inf
        return replace(self, added=added)

    # ── answers ───────────────────────────────────────────────────────────────────────────────

    def log_evidence(self) -> DataArray:
        """Log-probability of all the evidence, (chain, draw)."""
        return self._label(self._log_norm.sum(axis=0), ())

    def posterior(self, name: str, time: Any = None, *, view: View = "filtered") -> DataArray:
        """Probability of the states of a variable, (chain, draw, time, state) or less ``time``.

        Parameters
        ----------
        name
            The variable.
        time
            One step; all steps if none is named and there are several.
        view
            "filtered": each step knows the evidence up to itself, no later; "smoothed": each
            step knows all of it.
        """
        self._require_possible()
        states = {"state": list(self.network.node(name).states)}
        steps = slice(None) if time is None else self._step(time)
        found = self._marginals(view, steps, self.network.states(name))
        if time is None and self.n_steps > 1:
            return self._label(found, ("time", "state"), time=list(self.times), **states)
        return self._label(found.reshape(*found.shape[-2:]), ("state",), **states)

    def posteriors(self, *, view: View = "filtered") -> DataArray:
        """Probabilities of all states of all variables, (chain, draw, time, state).

        States are labelled "variable=state".
        """
        self._require_possible()
        found = self._marginals(view, slice(None), slice(self.network.n_states))
        return self._label(
            found, ("time", "state"), time=list(self.times), state=self.network.state_labels
        )

    def unknown(self, name: str) -> DataArray:
        """Probability of what something unknown about the evidence is, given all evidence.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, state); or, if it is a date, (chain, draw, time): that it lies
            in each step that it may lie in.
        """
        self._require_possible()
        factor = self._prior_of(name)
        [told] = [each for each in self.network.unknowns if each.name == name]
        if not told.moves:
            cells = slice(factor.start, factor.start + told.size)
            return self._label(self._marginals("smoothed", factor.step, cells), ("state",))
        # In each step the second cell is the one in which it was not past before and is after.
        turns = {
            each.step: each.start + 1
            for each in self.network.factors
            if not each.variable and (name, 0) in each.unknowns
        }
        found = self._each(lambda run: run("smoothed").marginals[[*turns], [*turns.values()]])
        dates = np.concatenate([found, 1 - found.sum(axis=0, keepdims=True)])
        return self._label(dates, ("time",), time=list(self.times[told.first : told.last + 1]))

    def joint(
        self, names: Sequence[str], time: Any = None, *, view: View = "smoothed"
    ) -> DataArray:
        """Joint probability of several variables at a step, one dimension for each of them."""
        self._require_possible()
        _require_view(view)
        probe = tuple(self.network.node(name).name for name in names)
        step = self._step(time)
        if not probe or len(set(probe)) < len(probe):
            raise InputError([Problem("names", "needs at least one variable, none of them twice")])
        probes = self._each(lambda run: run(view, probes=(probe,)).probes[step])
        sizes = [self.network.sizes[name] for name in probe]
        states = {name: list(self.network.node(name).states) for name in probe}
        return self._label(probes.reshape(*sizes, -1), probe, **states)

    def union(self, states: Iterable[tuple[str, str]], time: Any = None) -> DataArray:
        """Probability that at least one of several states holds at a step, (chain, draw)."""
        step = self._step(time)
        return self._at_least_once(list(states), range(step, step + 1))[..., 0]

    def at_least_once(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Probability that any of some states is held in at least one step of a window.

        Parameters
        ----------
        states
            Pairs of variable and state; several make their union.
        start, stop
            First and last step of the window, both included; from the first step after the
            present one to the end unless said otherwise.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, time): by the end of each step of the window.
        """
        return self._at_least_once(list(states), self._window(start, stop))

    def at_least_once_given(
        self,
        names: Sequence[str],
        states: Iterable[tuple[str, str]],
        time: Any = None,
        start: Any = None,
        stop: Any = None,
    ) -> DataArray:
        """Probability that any of some states is held in a window, given states at one step.

        Parameters
        ----------
        names, time
            The variables whose states are supposed in turn, and the step at which they hold (the
            present one if none is named).
        states, start, stop
            As in `at_least_once`.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, state): by the window's end, given each state,
            "variable=state". Not a number where the state has probability zero.
        """
        self._require_possible()
        pairs, window, at = list(states), self._window(start, stop), self._step(time)
        asked = [name for name, _ in pairs]
        part = self.network.relevant_to([*self._spoken, *names, *asked])
        columns = self.network.columns(part.names)
        kept = part.state_columns(names)
        found = self._ask(
            lambda theta, like, regimes: queries.held_given(
                part, theta, like[:, columns], pairs, window, at, regimes
            )[kept]
        )
        labels = [f"{name}={state}" for name in names for state in part.node(name).states]
        return self._label(found, ("state",), state=labels)

    def first_passage(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Probability that a window's first step in any of some states is each of its steps.

        Dimensions (chain, draw, time). The sum over time is the probability of ever being there.
        """
        by_then = self.at_least_once(states, start, stop)
        return by_then.copy(data=np.diff(by_then.to_numpy(), axis=-1, prepend=0.0))

    def expected_steps(
        self, name: str, state: str, start: Any = None, stop: Any = None
    ) -> DataArray:
        """Expected number of a window's steps that are spent in a state, (chain, draw)."""
        self._require_possible()
        window = self._window(start, stop)
        steps = slice(window.start, window.stop)
        found = self._marginals("smoothed", steps, self.network.state(name, state))
        return self._label(found.sum(axis=0), ())

    def most_probable_history(self) -> DataArray:
        """Most probable joint history given all evidence, (chain, draw, time, variable).

        Values are state labels. It is the best whole story, which need not go through the most
        probable state of each step.
        """
        self._require_possible()
        self._require_no_intervention("most_probable_history")
        history = np.concatenate(
            [
                most_probable_history(self.network, theta, like)[0]
                for theta, like in map(self._arrays, self.parts())
            ],
            axis=-1,
        )
        return self._label(
            self._named(history, axis=1),
            ("time", "variable"),
            time=list(self.times),
            variable=list(self.network.names),
        )

    def most_probable_states(
        self, names: Sequence[str], time: Any = None, k: int = 5
    ) -> list[tuple[dict[str, str], float]]:
        """List the k most probable joint states of some variables at a step.

        Returns
        -------
        list of tuple
            The states, and their probability averaged over draws, the most probable first.
        """
        _require_some("k", k)
        table = self.joint(names, time).mean(("chain", "draw")).to_numpy()
        order = np.argsort(-table, axis=None, kind="stable")[:k]
        return [
            (
                {
                    name: self.network.node(name).states[i]
                    for name, i in zip(names, at, strict=True)
                },
                float(table[at]),
            )
            for at in zip(*np.unravel_index(order, table.shape), strict=True)
        ]

    def information(self, target: str, time: Any = None, seen: Any = None) -> DataArray:
        """Information that seeing each variable would give about a target, in bits.

        Parameters
        ----------
        target, time
            The variable in question and its step (the present one if none is named).
        seen
            Step at which the other variables would be seen; the target's if none is named.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, variable): mutual information given the evidence. At the
            target itself, seen at the same step, it is the entropy.
        """
        self._require_possible()
        at = self._step(time)
        where = (self.network.node(target).name, at, at if seen is None else self._step(seen))
        bits = self._ask(
            lambda theta, like, regimes: queries.mutual_information(
                self.network, theta, like, *where, regimes
            )
        )
        return self._label(bits, ("variable",), variable=list(self.network.names))

    def joint_with(self, target: str, time: Any = None, seen: Any = None) -> DataArray:
        """Joint probability of each state of a target with each state of every variable.

        Parameters
        ----------
        target, time
            The variable in question and its step (the present one if none is named).
        seen
            Step of the other variables; the target's if none is named.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, target, state), given the evidence. States are labelled
            "variable=state".
        """
        self._require_possible()
        at = self._step(time)
        where = (self.network.node(target).name, at, at if seen is None else self._step(seen))
        found = self._ask(
            lambda theta, like, regimes: queries.joint_with(
                self.network, theta, like, *where, regimes
            )
        )
        states = {"target": list(self.network.node(target).states)}
        return self._label(found, ("target", "state"), **states, state=self.network.state_labels)

    def cell_sensitivity(self, states: Pairs, time: Any = None) -> DataArray:
        """Derivative of the probability of some states with respect to every table cell.

        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row.
        """
        self._require_possible()
        self._require_no_intervention("cell_sensitivity")
        pairs, at = list(states.items()), self._step(time)
        found = self._ask(
            lambda theta, like, _: queries.cell_sensitivity(self.network, theta, like, pairs, at)
        )
        return self._label(found, ("cell",))

    def passage_sensitivity(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Derivative of the probability of `at_least_once`, by the window's end, by every cell.

        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row.
        """
        self._require_possible()
        self._require_no_intervention("passage_sensitivity")
        pairs, window = list(states), self._window(start, stop)
        found = self._ask(
            lambda theta, like, _: queries.passage_sensitivity(
                self.network, theta, like, pairs, window
            )
        )
        return self._label(found, ("cell",))

    def simulate(self, n: int, seed: int) -> DataArray:
        """Draw histories, ignoring the evidence, each under one randomly chosen draw of the tables.

        Not available after an intervention.

        Returns
        -------
        xarray.DataArray
            State labels, dimensions (history, time, variable).
        """
        import xarray as xr

        self._require_no_intervention("simulate")
        _require_some("n", n)
        rng = np.random.default_rng(seed)
        histories = []
        for _ in range(n):
            draw = int(rng.integers(self.draws.n))
            theta, like = self._arrays(slice(draw, draw + 1))
            histories.append(simulate_history(self.network, theta[:, 0], like[..., 0], rng))
        return xr.DataArray(
            self._named(np.array(histories), axis=2),
            dims=("history", "time", "variable"),
            coords={"time": list(self.times), "variable": list(self.network.names)},
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    def _prior_of(self, unknown: str) -> Factor:
        """The first factor over something unknown about the evidence."""
        for factor in self.network.factors:
            if not factor.variable and (unknown, 0) in factor.unknowns:
                return factor
        legal = [each.name for each in self.network.unknowns]
        message = f"{unknown!r} is not unknown about the evidence; {nearest(unknown, legal)}"
        raise InputError([Problem("unknown", message)])

    def parts(self) -> Iterator[slice]:
        """Parts of the draws whose arrays stay within the memory limit."""
        # Tables while they are made, joined and swept; expected counts before and after joining.
        cells = self.network.n_cells * (6 + 4 * len(self.interventions))
        columns = self.n_steps * self.network.n_columns * 4
        return split_draws(self.draws.n, 8.0 * (cells + columns), self.memory_limit)

    def _arrays(self, part: slice) -> tuple[Array, Array]:
        """Tables before any intervention, and all evidence, of some draws."""
        return self.draws.theta(part), self._evidence(part)

    def _evidence(self, part: slice) -> Array:
        """Log-likelihoods by all evidence, (step, column, draw), or 1 for draw."""
        like = self.draws.log_like(part)
        like = like if like.ndim == 3 else like[..., None]
        return np.asarray(np.where(self.kept[..., None], like, 0.0) + self.added[..., None])

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
            theta, like = self._arrays(part)
            tables, regimes = self._intervened(theta)
            # A copy, because a view would keep all that it was taken from.
            answers.append(np.array(question(tables, like, regimes)))
        return np.concatenate(answers, axis=-1)

    def _each(self, select: Callable[[Callable[..., Sweep]], Array]) -> Array:
        """Sweep all draws, part by part, and keep what is selected of each sweep."""
        return self._ask(
            lambda theta, like, regimes: select(
                partial(self.network.sweep, theta, like, regimes=regimes)
            )
        )

    @cached_property
    def _log_norm(self) -> Array:
        return self._each(lambda run: run("forward").log_norm)

    def _marginals(self, view: View, steps: Any, states: Any) -> Array:
        _require_view(view)
        return self._each(lambda run: run(view).marginals[steps, states])

    def _at_least_once(self, states: list[tuple[str, str]], window: range) -> DataArray:
        """Answer on the part of the network that the evidence and the states depend on."""
        self._require_possible()
        if not states:
            raise InputError([Problem("states", "none are named; at least one is needed")])
        part = self.network.relevant_to([*self._spoken, *(name for name, _ in states)])
        columns = self.network.columns(part.names)
        found = self._ask(
            lambda theta, like, regimes: queries.held_at_least_once(
                part, theta, like[:, columns], states, window, regimes
            )
        )
        return self._label(found, ("time",), time=[self.times[step] for step in window])

    @cached_property
    def _spoken(self) -> tuple[str, ...]:
        """Variables that the evidence of any draw speaks of."""
        told = np.zeros(self.kept.shape, dtype=bool)
        for part in self.parts():
            told |= self._evidence(part).any(axis=2)
        network, of_states = self.network, told.any(axis=0)
        loud = {name for (step, name), at in network.factor_columns.items() if told[step, at].any()}
        return tuple(
            name for name in network.names if name in loud or of_states[network.states(name)].any()
        )

    def _findings(self, part: slice, last: int) -> list[tuple[int, str]]:
        """Steps and variables that evidence speaks of, up to a step."""
        like = self._evidence(part)
        return [
            (step, name)
            for step in range(last + 1)
            for name in self.network.names
            if like[step, self.network.columns_at(name, step)].any()
        ]

    def _require_possible(self) -> None:
        impossible = np.isneginf(self._log_norm)
        if not impossible.any():
            return
        draw = int(np.argmax(impossible.any(axis=0)))
        last = int(np.argmax(impossible[:, draw]))
        part = slice(draw, draw + 1)
        findings = self._findings(part, last)
        theta, like = self._arrays(part)
        tables, regimes = self._intervened(theta)
        blamed = queries.smallest_conflict(self.network, tables, like, findings, regimes)
        named = ", ".join(self._say(step, name) for step, name in blamed)
        raise ImpossibleEvidence(
            f"the evidence has probability zero; in conflict are findings on {named}"
        )

    def _say(self, step: int, name: str) -> str:
        when = f" at {self.times[step]}" if self.n_steps > 1 else ""
        reports = self.reports.get((step, name), ())
        told = f" ({', '.join(reports)})" if reports else ""
        return f"{name}{when}{told}"

    def _require_no_intervention(self, question: str) -> None:
        if self.interventions:
            raise InputError([Problem(question, "is not available after an intervention")])

    def _named(self, codes: Any, axis: int) -> Any:
        """State labels for the numbers of states; `axis` is that of the variables."""
        labels = np.empty(codes.shape, dtype=object)
        for v, node in enumerate(self.network.nodes):
            at = (slice(None),) * axis + (v,)
            labels[at] = np.array(node.states, dtype=object)[codes[at]]
        return labels

    def _step(self, time: Any) -> int:
        if time is None:
            return self.now
        if time in self.times:
            return self.times.index(time)
        raise InputError([Problem("time", f"{time!r} is no step; {nearest(time, self.times)}")])

    def _window(self, start: Any, stop: Any) -> range:
        first = min(self.now + 1, self.n_steps - 1) if start is None else self._step(start)
        last = self.n_steps - 1 if stop is None else self._step(stop)
        if last < first:
            message = f"ends at {self.times[last]}, before it starts at {self.times[first]}"
            raise InputError([Problem("window", message)])
        return range(first, last + 1)

    def _label(self, values: Array, dims: Sequence[str], **coords: Any) -> DataArray:
        """Put the draws axis first, split into chains."""
        import xarray as xr

        spread = np.moveaxis(values, -1, 0).reshape(*self.shape, *values.shape[:-1])
        return xr.DataArray(spread, dims=("chain", "draw", *dims), coords=coords)


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


def _require_view(view: str) -> None:
    if view not in ("filtered", "smoothed"):
        raise InputError([Problem("view", f"{view!r}; legal: filtered, smoothed")])


def _require_some(name: str, value: int) -> None:
    if value < 1:
        raise InputError([Problem(name, f"{value}; needs at least 1")])
