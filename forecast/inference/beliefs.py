"""A network with draws of its tables and the evidence so far: the value that questions go to.

Every answer carries the dimensions ``chain`` and ``draw``, one probability for each draw of the
tables, so its mean and its spread are both there. Verbs return a new value: hypothetical
evidence, interventions and withdrawals leave the original as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forecast.errors import ImpossibleEvidence, InputError, Problem, nearest
from forecast.inference import queries
from forecast.inference.maximum import most_probable_history
from forecast.inference.network import Array, Network
from forecast.inference.simulate import simulate_history

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

Pairs = Mapping[str, str]
View = Literal["filtered", "smoothed"]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Tables and evidence of every draw, ready for questions.

    Attributes
    ----------
    network
        The network.
    theta
        Table cells, (cell, draw), chains one after another.
    log_like
        Log-likelihood of every state, (step, state) or (step, state, draw).
    now
        Last step that evidence may speak of; later ones are the future.
    shape
        Number of chains, and of draws in each.
    times
        Label of each step.
    interventions
        Steps from which variables are set by force, and to what.

    Examples
    --------
    >>> from forecast.inference.network import Block, Node
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> beliefs = Beliefs.of(network, np.array([[0.8, 0.2, 0.9, 0.1, 0.3, 0.7]]).T)
    >>> wet = beliefs.suppose({"grass": "wet"})
    >>> round(wet.posterior("rain").sel(state="yes").mean().item(), 6)
    0.636364
    """

    network: Network
    theta: Array
    log_like: Array
    now: int
    shape: tuple[int, int]
    times: tuple[Any, ...]
    interventions: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()

    @classmethod
    def of(cls, network: Network, theta: Array, n_steps: int = 1) -> Beliefs:
        """Beliefs without evidence, from a network and draws of its tables, (cell, draw)."""
        return cls(
            network=network,
            theta=theta,
            log_like=network.no_evidence(n_steps),
            now=n_steps - 1,
            shape=(1, theta.shape[1]),
            times=tuple(range(n_steps)),
        )

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        return len(self.times)

    # ── evidence ──────────────────────────────────────────────────────────────────────────────

    def suppose(self, states: Pairs, time: Any = None) -> Beliefs:
        """Add hypothetical hard evidence at one step (the present one if none is named).

        Raises
        ------
        InputError
            For an unknown variable, state or time.
        """
        step = self._step(time)
        pairs = list(states.items())
        return replace(
            self,
            log_like=queries.require(self.network, self.log_like, pairs, slice(step, step + 1)),
        )

    def weigh(self, name: str, likelihood: Mapping[str, float], time: Any = None) -> Beliefs:
        """Add likelihood evidence: how probable what was seen is under each state.

        States that are not mentioned have likelihood 0. Only ratios matter to probabilities.
        """
        values = np.array([likelihood.get(state, 0.0) for state in self.network.node(name).states])
        unknown = [state for state in likelihood if state not in self.network.node(name).states]
        if unknown:
            self.network.state(name, unknown[0])
        if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
            message = "likelihoods are finite, not negative and not all zero"
            raise InputError([Problem(name, message)])
        changed = self.log_like.copy()
        with np.errstate(divide="ignore"):
            added = np.log(values)
        cells = (self._step(time), self.network.states(name))
        changed[cells] += added if changed.ndim == 2 else added[:, None]
        return replace(self, log_like=changed)

    def withdraw(self, name: str, time: Any = None) -> Beliefs:
        """Forget everything said about a variable at a step."""
        changed = self.log_like.copy()
        changed[self._step(time), self.network.states(name)] = 0.0
        return replace(self, log_like=changed)

    def intervene(self, states: Pairs, start: Any = None) -> Beliefs:
        """Set variables by force from one step on, cutting them from their causes (Pearl's do).

        Unlike evidence, an intervention says nothing about what would have caused the state.
        """
        for name, state in states.items():
            self.network.state(name, state)
        added = (self._step(start), tuple(states.items()))
        return replace(self, interventions=(*self.interventions, added))

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
        found = self._marginals(view)[:, self.network.states(name)]
        states = {"state": list(self.network.node(name).states)}
        if time is None and self.n_steps > 1:
            return self._label(found, ("time", "state"), time=list(self.times), **states)
        return self._label(found[self._step(time)], ("state",), **states)

    def posteriors(self, *, view: View = "filtered") -> Dataset:
        """Probabilities of all variables, each with its own ``state`` dimension."""
        import xarray as xr

        return xr.Dataset(
            {
                name: self.posterior(name, view=view).rename(state=f"{name}_state")
                for name in self.network.names
            }
        )

    def joint(
        self, names: Sequence[str], time: Any = None, *, view: View = "smoothed"
    ) -> DataArray:
        """Joint probability of several variables at a step, one dimension for each of them."""
        self._require_possible()
        probe = tuple(self.network.node(name).name for name in names)
        probes = self._sweep(view, probes=(probe,)).probes[self._step(time)]
        sizes = [self.network.sizes[name] for name in probe]
        states = {name: list(self.network.node(name).states) for name in probe}
        return self._label(probes.reshape(*sizes, -1), probe, **states)

    def union(self, states: Iterable[tuple[str, str]], time: Any = None) -> DataArray:
        """Probability that at least one of several states holds at a step, (chain, draw)."""
        step = self._step(time)
        pairs = list(states)
        return self._at_least_once(pairs, range(step, step + 1))[..., 0]

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
        window = self._window(start, stop)
        return self._at_least_once(list(states), window)

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
        found = self._marginals("smoothed")[window.start : window.stop]
        return self._label(found[:, self.network.state(name, state)].sum(axis=0), ())

    def most_probable_history(self) -> DataArray:
        """Most probable joint history given all evidence, (chain, draw, time, variable).

        Values are state labels. It is the best whole story, which need not go through the most
        probable state of each step.
        """
        self._require_possible()
        if self.interventions:
            message = "is not available after an intervention"
            raise InputError([Problem("most_probable_history", message)])
        history, _ = most_probable_history(self.network, self.theta, self.log_like)
        labels = np.empty(history.shape, dtype=object)
        for v, node in enumerate(self.network.nodes):
            labels[:, v] = np.array(node.states, dtype=object)[history[:, v]]
        return self._label(
            labels, ("time", "variable"), time=list(self.times), variable=list(self.network.names)
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
        table = self.joint(names, time).mean(("chain", "draw"))
        order = np.argsort(-table.to_numpy(), axis=None, kind="stable")[:k]
        places = np.unravel_index(order, table.shape)
        return [
            (
                {
                    name: self.network.node(name).states[i]
                    for name, i in zip(names, at, strict=True)
                },
                float(table.to_numpy()[at]),
            )
            for at in zip(*places, strict=True)
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
        theta, regimes = self._tables
        bits = queries.mutual_information(
            self.network,
            theta,
            self.log_like,
            self.network.node(target).name,
            at,
            at if seen is None else self._step(seen),
            regimes,
        )
        return self._label(bits, ("variable",), variable=list(self.network.names))

    def cell_sensitivity(self, states: Pairs, time: Any = None) -> DataArray:
        """Derivative of the probability of some states with respect to every table cell.

        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row.
        """
        self._require_possible()
        found = queries.cell_sensitivity(
            self.network, self.theta, self.log_like, list(states.items()), self._step(time)
        )
        return self._label(found, ("cell",))

    def simulate(self, n: int, seed: int) -> DataArray:
        """Draw histories, ignoring the evidence, each under one randomly chosen draw of the tables.

        Returns
        -------
        xarray.DataArray
            State labels, dimensions (history, time, variable).
        """
        import xarray as xr

        rng = np.random.default_rng(seed)
        settings = self.log_like if self.log_like.ndim == 2 else self.log_like[..., 0]
        labels = np.empty((n, self.n_steps, len(self.network.nodes)), dtype=object)
        for k in range(n):
            theta = self.theta[:, rng.integers(self.theta.shape[1])]
            history = simulate_history(self.network, theta, settings, rng)
            for v, node in enumerate(self.network.nodes):
                labels[k, :, v] = np.array(node.states, dtype=object)[history[:, v]]
        return xr.DataArray(
            labels,
            dims=("history", "time", "variable"),
            coords={"time": list(self.times), "variable": list(self.network.names)},
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _tables(self) -> tuple[Array, Any]:
        if not self.interventions:
            return self.theta, None
        sets, regimes = [self.theta], np.zeros(self.n_steps, np.int64)
        for start, states in sorted(self.interventions, key=lambda each: each[0]):
            after, from_start = queries.intervened_tables(
                self.network, sets[-1], states, start, self.n_steps
            )
            sets.append(after[1])
            regimes = np.where(from_start, len(sets) - 1, regimes)
        return np.stack(sets), regimes.astype(np.int64)

    @cached_property
    def _log_norm(self) -> Array:
        return np.asarray(self._sweep("forward").log_norm)

    def _sweep(self, mode: Any, probes: Any = ()) -> Any:
        theta, regimes = self._tables
        return self.network.sweep(theta, self.log_like, mode, probes=probes, regimes=regimes)

    def _marginals(self, view: View) -> Array:
        return np.asarray(self._sweep(view).marginals)

    def _at_least_once(self, states: list[tuple[str, str]], window: range) -> DataArray:
        """Answer on the part of the network that the evidence and the states depend on."""
        self._require_possible()
        spoken = [n for n in self.network.names if self.log_like[:, self.network.states(n)].any()]
        part = self.network.relevant_to([*spoken, *(name for name, _ in states)])
        columns = np.concatenate(
            [np.arange(self.network.n_states)[self.network.states(name)] for name in part.names]
        )
        theta, regimes = self._tables
        found = queries.held_at_least_once(
            part, theta, self.log_like[:, columns], states, window, regimes
        )
        return self._label(found, ("time",), time=[self.times[step] for step in window])

    def _require_possible(self) -> None:
        if np.isneginf(self._log_norm).any():
            step = int(np.argmax(np.isneginf(self._log_norm).any(axis=1)))
            blamed = [
                name
                for name in self.network.names
                if self.log_like[: step + 1, self.network.states(name)].any()
            ]
            raise ImpossibleEvidence(
                f"the evidence has probability zero from {self.times[step]} on; "
                f"in conflict are findings on {', '.join(blamed)}"
            )

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
