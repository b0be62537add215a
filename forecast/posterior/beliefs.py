"""A network with draws of its tables and the evidence so far: the value that questions go to.

Every answer carries the dimensions ``chain`` and ``draw``, one probability for each draw of the
tables, so its mean and its spread are both there. Evidence that comes after the draws were made
also says which of them to believe: draws weigh by how probable they make it, and answers carry the
weights (`forecast.posterior.answer`). Verbs return a new value: hypothetical evidence,
interventions and erased evidence leave the original as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.network import queries
from forecast.network.automaton import Event, final_states, spell_duration, variables_of
from forecast.network.elimination import Elimination, elimination
from forecast.network.explanation import most_probable_states
from forecast.network.maximum import most_probable_history
from forecast.network.simulate import simulate_history
from forecast.posterior.belief_state import (
    BeliefState,
    Stage,
    View,
    as_pairs,
    normal_weights,
    require_some,
    require_view,
)
from forecast.posterior.labels import state_labels, time_labels
from forecast.posterior.summary import beliefs_summary
from forecast.sampling import require_whole

if TYPE_CHECKING:
    from xarray import DataArray

StateOf = Mapping[str, str]


@checked
@dataclass(frozen=True, eq=False, repr=False)
class Beliefs(BeliefState):
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
        Log-likelihood of hypothetical evidence, beyond that of the draws, (step, column).
    kept
        Where the evidence counts, (step, column): not where it has been erased.
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
    sample
        What the draws are a sample of; see `of`.
    earlier
        What `added` and `kept` were at each intervention.
    calendar
        Days of the steps, if they have any.
    fitted
        Logarithm of what each draw weighs before evidence is added, (draw,); None if all weigh
        the same.
    memory
        What questions that are asked one after another share of the past; None if they do not.

    Examples
    --------
    >>> from forecast.network.structure import Block, Network, Node
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> beliefs = Beliefs.of(network, np.array([[0.8, 0.2, 0.9, 0.1, 0.3, 0.7]]).T)
    >>> beliefs
    Beliefs(variables=2, steps=1, chains=1, draws=1)
    >>> wet = beliefs.set_evidence({"grass": "wet"})
    >>> round(wet.posterior("rain").sel(state="yes").mean().item(), 6)
    0.636364
    """

    def __repr__(self) -> str:
        chains, draws = self.shape
        return (
            f"Beliefs(variables={len(self.network.names)}, steps={self.n_steps}, "
            f"chains={chains}, draws={draws})"
        )

    def _repr_html_(self) -> str:
        return beliefs_summary(self).html

    # ── evidence ──────────────────────────────────────────────────────────────────────────────

    def set_evidence(self, states: StateOf, time: Any = None) -> Beliefs:
        """Set hypothetical hard evidence at one step (the present one if none is named).

        It says something about the tables as well: from now on draws weigh by how probable they
        make all evidence, as `log_weights` says. So the mean of an answer is the probability given
        the evidence, with the tables averaged out.

        Raises
        ------
        InputError
            For an unknown variable, state or time.
        """
        step = self._step(time)
        at = slice(step, step + 1)
        added = queries.require_states(self.network, self.added, list(states.items()), at)
        return replace(self, added=added)

    def virtual_evidence(
        self, name: str, likelihood: Mapping[str, float], time: Any = None
    ) -> Beliefs:
        """Add virtual (likelihood) evidence: how probable what was seen is under each state.

        States that are not mentioned have likelihood 0. Only ratios matter to probabilities. Draws
        weigh as in `set_evidence`.
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

    def erase_evidence(self, name: str, time: Any = None) -> Beliefs:
        """Erase all evidence on a variable at a step.

        It leaves no trace, whenever it was added: evidence that was set and is erased gives back
        the weights from before.
        """
        step = self._step(time)
        where = step, self.network.columns_at(name, step)

        def without(stage: Stage) -> Stage:
            added, kept = stage[0].copy(), stage[1].copy()
            added[where], kept[where] = 0.0, False
            return added, kept

        added, kept = without((self.added, self.kept))
        earlier = tuple(map(without, self.earlier))
        return replace(self, added=added, kept=kept, earlier=earlier)

    def intervene(self, states: StateOf, start: Any = None) -> Beliefs:
        """Set variables by force from one step on, cutting them from their causes (Pearl's do).

        Unlike evidence, an intervention says nothing about what would have caused the state. Two
        interventions are compared draw by draw: the difference of their answers has the spread
        that the tables leave it.

        Nor does it say anything about the tables: draws keep their weights. Evidence set
        afterwards is seen under the intervention, and weighs by how probable that makes it;
        evidence set before was seen without it. Given the tables there is no such order: all
        evidence is read as if seen under all interventions, which differs only for evidence on
        what an intervention would have changed.
        """
        for name, state in states.items():
            self.network.state(name, state)
        made = (self._step(start), tuple(states.items()))
        return replace(
            self,
            interventions=(*self.interventions, made),
            earlier=(*self.earlier, (self.added, self.kept)),
        )

    def clamp(self, auxiliary: str, state: int) -> Beliefs:
        """Set an auxiliary evidence variable that does not move: control, a shared error.

        Draws weigh as in `set_evidence`.
        """
        added = self.added.copy()
        for k, cell in enumerate(self._cells_of(auxiliary)):
            if k != state:
                added[cell] = -np.inf
        return replace(self, added=added)

    # ── answers ───────────────────────────────────────────────────────────────────────────────

    def log_evidence(self) -> DataArray:
        """Log-probability of all the evidence, (chain, draw); a plain array, without weights."""
        import xarray as xr

        return xr.DataArray(self._spread(self._log_norm.sum(axis=0)), dims=("chain", "draw"))

    def posterior(self, name: str, time: Any = None, *, view: View = "filtered") -> DataArray:
        """Probability of the states of a variable, (chain, draw, time, state) or less ``time``.

        Parameters
        ----------
        name
            The variable.
        time
            One step; all steps if none is named and there are several.
        view
            "filtered": each step knows the evidence up to itself, no later, and draws weigh by
            what has changed up to then; "smoothed": each step knows all of it.
        """
        self._require_possible()
        states = {"state": list(self.network.node(name).states)}
        steps = slice(None) if time is None else self._step(time)
        found = self._marginals(view, steps, [name])
        if time is None and self.n_steps > 1:
            weights = self._log_weights_at(view, steps)
            return self._label(found, ("time", "state"), weights, time=list(self.times), **states)
        weights = self._log_weights_at(view, 0 if time is None else steps)
        return self._label(found.reshape(*found.shape[-2:]), ("state",), weights, **states)

    def posteriors(self, *, view: View = "filtered") -> DataArray:
        """Probabilities of all states of all variables, (chain, draw, time, variable_state).

        Each state is labelled "variable=state", and by the coordinates ``variable`` and ``state``.
        """
        self._require_possible()
        found = self._marginals(view, slice(None), self.network.names)
        return self._label(
            found,
            ("time", "variable_state"),
            self._log_weights_at(view, slice(None)),
            time=list(self.times),
            **state_labels(self.network),
        )

    def auxiliary(self, name: str) -> DataArray:
        """Posterior of an auxiliary evidence variable, given all evidence.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, state); or, if it is a date, (chain, draw, time): that it lies
            in each step that it may lie in.
        """
        return self.auxiliaries([name])[name]

    def auxiliaries(self, names: Iterable[str]) -> dict[str, DataArray]:
        """Answer `auxiliary` for several names at once."""
        cells = {name: self._cells_of(name) for name in names}
        found = self.smoothed_cells([cell for each in cells.values() for cell in each])
        answers, at = {}, 0
        for name, own in cells.items():
            answers[name] = self._label_auxiliary(name, found[at : at + len(own)])
            at += len(own)
        return answers

    def joint(
        self, names: Sequence[str], time: Any = None, *, view: View = "smoothed"
    ) -> DataArray:
        """Joint probability of several variables at a step, one dimension for each of them."""
        self._require_possible()
        require_view(view)
        probe, step = self._distinct(names), self._step(time)
        part = self._part_about(probe)
        found = self._each(part, lambda run: run(view, probes=(probe,)).probes[step])
        probes = np.zeros((*(self.network.sizes[name] for name in probe), self.draws.n))
        cut = {name for name in probe if part.network.sizes[name] < self.network.sizes[name]}
        at = tuple(self._known[name] if name in cut else slice(None) for name in probe)
        probes[at] = found.reshape(probes[at].shape)
        states = {name: list(self.network.node(name).states) for name in probe}
        weights = self._log_weights_at(view, step)
        return self._label(probes, probe, weights, **states)

    def union(self, states: Iterable[tuple[str, str]], time: Any = None) -> DataArray:
        """Probability that at least one of several states holds at a step, (chain, draw)."""
        step = self._step(time)
        return self._at_least_once([as_pairs(states)], range(step, step + 1))[..., 0, 0]

    def at_least_once(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Probability that any of some states occurs in at least one step of a window.

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
        return self._at_least_once([as_pairs(states)], self._window(start, stop)).isel(course=0)

    def at_least_once_each(
        self,
        courses: Iterable[Iterable[tuple[str, str]]],
        start: Any = None,
        stop: Any = None,
    ) -> DataArray:
        """Answer `at_least_once` for several unions of states, (chain, draw, course, time)."""
        return self._at_least_once(list(map(as_pairs, courses)), self._window(start, stop))

    def held_now_or_next(
        self, courses: Iterable[tuple[Iterable[tuple[str, str]], Iterable[tuple[str, str]]]]
    ) -> DataArray:
        """Probability that some states occur now; that, or that others are in the next step.

        Parameters
        ----------
        courses
            For each answer, pairs of variable and state now, and in the next step.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, course, turn), the last of size 2.
        """
        both = list(courses)
        if not all(isinstance(course, tuple | list) and len(course) == 2 for course in both):
            raise InputError([Problem("courses", "each needs states now and states next")])
        return self._held_now_or_next([(as_pairs(now), as_pairs(then)) for now, then in both])

    def at_least_once_given(
        self,
        names: Sequence[str],
        states: Iterable[tuple[str, str]],
        time: Any = None,
        start: Any = None,
        stop: Any = None,
    ) -> DataArray:
        """Probability that any of some states occurs in a window, given states at one step.

        Parameters
        ----------
        names, time
            The variables whose states are given in turn, and the step at which they hold (the
            present one if none is named).
        states, start, stop
            As in `at_least_once`.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, variable_state): by the window's end, given each state,
            labelled as in `posteriors`. Not a number where the state has probability zero. Draws
            weigh, for each state apart, by how probable they make it: the mean is the probability
            given it.
        """
        self._require_possible()
        pairs, window, at = as_pairs(states), self._window(start, stop), self._step(time)
        asked = [name for name, _ in pairs]
        part = self.network.relevant_to([*self.evidence_variables, *names, *asked])
        columns = self.network.columns(part.names)
        kept = part.state_columns(names)
        found, condition = self._ask(
            lambda theta, like, regimes: queries.held_given(
                part, theta, like[:, columns], pairs, window, at, regimes
            )[:, kept]
        )
        with np.errstate(divide="ignore"):
            weights = self._log_gain.sum(axis=0) + np.log(condition)
        dims = ("variable_state",)
        return self._label(found, dims, (weights, dims), **state_labels(part, names))

    def first_passage(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Probability that a window's first step in any of some states is each of its steps.

        Dimensions (chain, draw, time). The sum over time is the probability of ever being there.
        """
        by_then = self.at_least_once(states, start, stop)
        return by_then.copy(data=np.diff(by_then.to_numpy(), axis=-1, prepend=0.0))

    def final_states(self, event: Event) -> DataArray:
        """Probability of each state of an event's automaton after the last step.

        Dimensions (chain, draw, state). It reads the history as `forecast.network.automaton` says.
        """
        self._require_possible()
        part = self.network.relevant_to([*self.evidence_variables, *variables_of(event)])
        columns = self.network.columns(part.names)
        found = self._ask(
            lambda theta, like, regimes: final_states(part, theta, like[:, columns], event, regimes)
        )
        return self._label(found, ("state",))

    def expected_steps(
        self, name: str, state: str, start: Any = None, stop: Any = None
    ) -> DataArray:
        """Expected number of a window's steps that are spent in a state, (chain, draw)."""
        self._require_possible()
        window = self._window(start, stop)
        steps = slice(window.start, window.stop)
        at = self.network.state(name, state) - self.network.states(name).start
        found = self._marginals("smoothed", steps, [name])[:, at]
        return self._label(found.sum(axis=0), ())

    def expected_duration(
        self, name: str, state: str, start: Any = None, stop: Any = None
    ) -> DataArray:
        """Expected number of steps that a state lasts once it is entered in a window.

        It is entered in a step that has it when the step before did not; what is held from before
        the window, or from the first step of all, counts only after it was left. Of several
        entries the first counts, and of its steps those up to the window's end.

        Parameters
        ----------
        name, state
            The variable and its state.
        start, stop
            As in `at_least_once`.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw). Not a number where the state cannot be entered. Draws weigh
            by how probable they make it that it is: the mean is the expectation given that.

        Raises
        ------
        InputError
            For an unknown variable, state or time, or a window in which nothing can be entered.
        """
        self.network.state(name, state)
        window = self._window(start, stop)
        if window.stop < 2:
            message = f"{self.times[0]} alone; needs a step that has another before it"
            raise InputError([Problem("window", message)])
        self._require_possible()
        part = self.network.relevant_to([*self.evidence_variables, name])
        columns = self.network.columns(part.names)
        duration, begun = self._ask(
            lambda theta, like, regimes: spell_duration(
                part, theta, like[:, columns], (name, state), window, regimes
            )
        )
        with np.errstate(divide="ignore"):
            weights = self._log_gain.sum(axis=0) + np.log(begun)
        return self._label(duration, (), (weights, ()))

    def most_probable_history(
        self, names: Sequence[str] | None = None, start: Any = None, stop: Any = None
    ) -> DataArray:
        """Most probable joint history given all evidence, and its probability, for each draw.

        It is the best whole story, which need not go through the most probable state of each step.
        All other variables and steps are summed out, so that a choice of variables is not pulled
        by what nobody asked about (marginal MAP).

        Parameters
        ----------
        names
            The variables of the history. All unless they are named, and then, if at all steps,
            with the auxiliary variables of the evidence, such as dates: the most probable
            explanation.
        start, stop
            First and last step of the history, both included; all steps unless they are given.

        Returns
        -------
        xarray.DataArray
            State labels, dimensions (chain, draw, time, variable). The coordinate ``probability``,
            (chain, draw), is that of the whole history given the evidence.

        Raises
        ------
        TooLarge
            If a choice of variables takes too long a search.
        """
        self._require_possible()
        window = range(
            0 if start is None else self._step(start),
            (self.n_steps - 1 if stop is None else self._step(stop)) + 1,
        )
        if not window:
            message = f"ends at {self.times[window.stop - 1]}, before {self.times[window.start]}"
            raise InputError([Problem("stop", message)])
        asked = self._distinct(self.network.names if names is None else names)
        whole = names is None and len(window) == self.n_steps
        part = (
            self.network if whole else self.network.relevant_to([*self.evidence_variables, *asked])
        )
        columns = self.network.columns(part.names)
        possible = ~np.isneginf(self._log_gain[-1])
        codes = np.full((len(window), len(asked), self.draws.n), -1)
        logs = np.full(self.draws.n, np.nan)
        for draws in self.parts():
            at = np.arange(self.draws.n)[draws][possible[draws]]
            theta, like = self._arrays(draws)
            tables, regimes = self._intervened(theta[:, possible[draws]])
            like = like if like.shape[2] == 1 else like[..., possible[draws]]
            if at.size:
                codes[..., at], logs[at] = (
                    most_probable_history(part, tables, like, regimes)
                    if whole
                    else most_probable_states(
                        part, tables, like[:, columns], asked, window, regimes
                    )
                )
        probability = np.exp(logs - self._log_norm.sum(axis=0))
        return self._label(
            self._named(codes, asked, axis=1),
            ("time", "variable"),
            time=[self.times[step] for step in window],
            variable=list(asked),
            probability=(("chain", "draw"), self._spread(np.minimum(probability, 1.0))),
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
        require_some("k", k)
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
            Dimensions (chain, draw, target, variable_state), given the evidence; labelled as in
            `posteriors`.
        """
        self._require_possible()
        at = self._step(time)
        where = (self.network.node(target).name, at, at if seen is None else self._step(seen))
        found = self._ask(
            lambda theta, like, regimes: queries.joint_with(
                self.network, theta, like, *where, regimes
            )
        )
        return self._label(
            found,
            ("target", "variable_state"),
            target=list(self.network.node(target).states),
            **state_labels(self.network),
        )

    def two_step_joint(self, name: str) -> DataArray:
        """Joint probability of a variable's state at each step and at the next.

        Its sum over the steps of a window says how often each transition is expected; divided by
        its sum over ``next_state``, how probable each is from where it starts.

        Parameters
        ----------
        name
            The variable.

        Returns
        -------
        xarray.DataArray
            Dimensions (chain, draw, time, state, next_state), given all evidence; the time is that
            of the earlier step.
        """
        self._require_possible()
        states = list(self.network.node(name).states)
        found = self._ask(
            lambda theta, like, regimes: queries.two_step_joint(
                self.network, theta, like, name, regimes
            )
        )
        return self._label(
            found,
            ("time", "state", "next_state"),
            time=list(self.times[:-1]),
            state=states,
            next_state=states,
        )

    def cell_sensitivity(self, states: StateOf, time: Any = None) -> DataArray:
        """Derivative of the probability of some states with respect to every table cell.

        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row.
        Labels of cells are their ``variable``, ``table`` ("first", "later" or "every"), ``parents``
        and ``state``, so ``.sel(variable="rain", state="yes")`` selects, and ``.to_series()`` of
        the mean is a readable table.
        """
        self._require_possible()
        self._require_no_intervention("cell_sensitivity")
        pairs, at = list(states.items()), self._step(time)
        found = self._ask(
            lambda theta, like, _: queries.cell_sensitivity(self.network, theta, like, pairs, at)
        )
        return self._label_cells(found)

    def passage_sensitivity(
        self, states: Iterable[tuple[str, str]], start: Any = None, stop: Any = None
    ) -> DataArray:
        """Derivative of the probability of `at_least_once`, by the window's end, by every cell.

        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row,
        and are labelled as in `cell_sensitivity`.
        """
        self._require_possible()
        self._require_no_intervention("passage_sensitivity")
        pairs, window = as_pairs(states), self._window(start, stop)
        found = self._ask(
            lambda theta, like, _: queries.passage_sensitivity(
                self.network, theta, like, pairs, window
            )
        )
        return self._label_cells(found)

    def elimination(self, *, first: bool = False) -> Elimination:
        """Describe how each step is eliminated: order, cost and largest table.

        Parameters
        ----------
        first
            The first step, instead of each later one.

        Returns
        -------
        Elimination
            It prints itself. Nothing is computed for it but the plan.
        """
        return elimination(self.network, first=first)

    def simulate(self, n: int, random_seed: int) -> DataArray:
        """Draw histories, ignoring the evidence, each under one randomly chosen draw of the tables.

        Draws are chosen by their weights: evidence counts for the tables alone. Not available after
        an intervention.

        Returns
        -------
        xarray.DataArray
            State labels, dimensions (history, time, variable).
        """
        import xarray as xr

        self._require_no_intervention("simulate")
        require_whole({"n": n, "random_seed": random_seed}, {"n": 1, "random_seed": 0})
        rng = np.random.default_rng(random_seed)
        weight, n_draws = normal_weights(self._log_gain.sum(axis=0)), self.draws.n
        p = None if weight is None else weight / n_draws
        histories = []
        for _ in range(n):
            draw = int(rng.integers(n_draws) if p is None else rng.choice(n_draws, p=p))
            theta, like = self._arrays(slice(draw, draw + 1))
            histories.append(simulate_history(self.network, theta[:, 0], like[..., 0], rng))
        return xr.DataArray(
            self._named(np.array(histories), self.network.names, axis=2),
            dims=("history", "time", "variable"),
            coords={"time": time_labels(self.times), "variable": list(self.network.names)},
        )
