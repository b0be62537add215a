"""Questions to a network, answered for every draw of its tables at once; arrays, draws last.

Each answer is a derivative or a ratio of network polynomials (Darwiche 2003), so each is exact
given the tables. `forecast.posterior.beliefs` gives the same answers with names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Mask
from forecast.errors import InputError, Problem
from forecast.network.draws import SMALLEST_PART
from forecast.network.filtering import Memory, Present, States, messages_after
from forecast.network.horizon import Future, beyond_interface, forbid, look_ahead
from forecast.network.structure import Network
from forecast.network.sweep import sweep

Observations = list[tuple[int, str]]
"""Steps and variables that evidence speaks of."""

Regimes = npt.NDArray[np.int64]


def require_states(
    network: Network, log_like: Array, states: Iterable[tuple[str, str]], steps: slice
) -> Array:
    """Set variables to states during some steps."""
    asked = log_like.copy()
    for name, state in states:
        others = np.arange(network.n_states)[network.states(name)]
        others = others[others != network.state(name, state)]
        asked[steps, others] = -np.inf
    return asked


def _relative(network: Network, log_like: Array) -> Array:
    """Log-likelihoods, the largest of each variable, or factor, and step taken out.

    What was taken out cancels in a ratio of polynomials. Left in, likelihoods of very small or
    large logarithms would round away all that the ratio depends on.
    """
    found = log_like.copy()
    for name in network.names:
        states = found[:, network.states(name)]
        states -= _finite(states.max(axis=1, keepdims=True))
    for (step, _), columns in network.factor_columns.items():
        found[step, columns] -= _finite(found[step, columns].max(axis=0))
    return found


def _finite(log_like: Array) -> Array:
    return np.where(np.isneginf(log_like), 0.0, log_like)


def _log_ratio(part: Array, whole: Array) -> Array:
    """Logarithm of a ratio of polynomials; not a number where the evidence itself is impossible."""
    with np.errstate(invalid="ignore"):
        return np.asarray(part - whole)


def log_norms(
    network: Network,
    theta: Array,
    log_like: Array,
    regimes: Regimes | None = None,
    memory: Memory | None = None,
) -> Array:
    """Log-probability of each step's evidence given that of the steps before it, (step, draw)."""
    if memory is not None and network.dynamic and network.interface:
        *before, now = log_like if log_like.ndim == 3 else log_like[..., None]
        ends = messages_after(network, theta, before, [now], regimes, memory)
        if ends is not None and np.isfinite(ends[0].log_norm).all():
            return ends[0].log_norm
    return sweep(network, theta, log_like, "forward", regimes=regimes).log_norm


def marginals(
    network: Network,
    theta: Array,
    log_like: Array,
    mode: Literal["filtered", "smoothed"],
    n_observed: int,
    regimes: Regimes | None = None,
    memory: Memory | None = None,
) -> Array:
    """Probabilities of all states at each step.

    Beyond all evidence a step knows what the last one with any leaves to it. So where messages are
    kept from one question to the next, the distribution of the interface alone is taken forward
    from there.

    Parameters
    ----------
    mode
        Whether a step knows the evidence up to itself, or all of it.
    n_observed
        Number of the first steps beyond which there is no evidence.
    memory
        As for `look_ahead`.

    Returns
    -------
    numpy.ndarray
        Shape (step, column, draw).
    """
    window = range(max(n_observed, network.order), len(log_like))
    ahead = None
    if memory is not None:
        ahead = look_ahead(network, theta, log_like, window, regimes, memory=memory)
    if ahead is None:
        return sweep(network, theta, log_like, mode, regimes=regimes).marginals
    future, [present] = ahead
    which = None if regimes is None else regimes[: window.start]
    known = sweep(network, theta, log_like[: window.start], mode, regimes=which).marginals
    return np.concatenate([known, future.marginals(present, len(window))])


def held_at_least_once(
    network: Network,
    theta: Array,
    log_like: Array,
    groups: Sequence[Sequence[tuple[str, str]]],
    window: range,
    regimes: Regimes | None = None,
    memory: Memory | None = None,
) -> Array:
    """Probability that any of some states occurs in at least one step of a growing window.

    One minus the ratio of two polynomials, the numerator's with the states forbidden in the
    window. While no evidence lies beyond the window's end, one sweep serves every end; while none
    lies beyond its start, values ahead of it do (`forecast.network.horizon`).

    Parameters
    ----------
    groups
        For each answer, pairs of variable and state; several make the probability of their union.
    window
        Steps of the window, consecutive.
    memory
        As for `look_ahead`.

    Returns
    -------
    numpy.ndarray
        Shape (group, window, draw): probability by the end of each step.
    """
    ahead = look_ahead(network, theta, log_like, window, regimes, memory=memory)
    if ahead is not None:
        future, [present] = ahead
        return np.clip(1.0 - future.never_each(groups, len(window), present), 0.0, 1.0)
    spoken = steps_with_evidence(network, log_like)
    free = [step for step in window if not spoken[step + 1 :].any()]
    bound = [step for step in window if step not in free]
    like = _relative(network, log_like)
    whole = sweep(network, theta, like, "forward", regimes=regimes).log_norm
    result = []
    for states in groups:
        for step in bound:
            barred = forbid(network, like, states, slice(window.start, step + 1))
            spared = sweep(network, theta, barred, "forward", regimes=regimes).log_norm
            result.append(_log_ratio(spared, whole).sum(axis=0))
        if free:
            barred = forbid(network, like, states, slice(window.start, window.stop))
            spared = sweep(network, theta, barred, "forward", regimes=regimes).log_norm
            gap = np.cumsum(_log_ratio(spared, whole), axis=0)
            result += [gap[step] for step in free]
    # Not a minus sign, which would print what cannot happen as "-0 %".
    reached = np.asarray(0.0 - np.expm1(np.minimum(result, 0.0)))
    return reached.reshape(len(groups), len(window), -1)


def held_now_or_next(
    network: Network,
    theta: Array,
    log_like: Array,
    groups: Sequence[tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]]]],
    now: int,
    regimes: Regimes | None = None,
    memory: Memory | None = None,
) -> Array:
    """Probability that some states occur at a step; that, or that others are at the next.

    Parameters
    ----------
    groups
        For each answer, pairs of variable and state at the step, and at the next.
    now
        The step.
    memory
        As for `look_ahead`.

    Returns
    -------
    numpy.ndarray
        Shape (group, 2, draw).
    """
    window, states_now = range(now + 1, len(log_like)), [present for present, _ in groups]
    beyond = beyond_interface(network, states_now)
    ahead = look_ahead(network, theta, log_like, window, regimes, beyond, memory)
    if ahead is not None:
        future, [whole, *spared] = ahead
        without = {tuple(states): each for states, each in zip(beyond, spared, strict=True)}
        neither = [
            _neither(network, future, whole, without.get(tuple(states)), states, following)
            for states, following in groups
        ]
        return np.clip(1.0 - np.array(neither), 0.0, 1.0)
    last = max([now + 1, *np.flatnonzero(steps_with_evidence(network, log_like))])
    like, which = log_like[: last + 1], None if regimes is None else regimes[: last + 1]
    total = sweep(network, theta, like, "forward", regimes=which).log_evidence
    result = []
    for present, following in groups:
        barred = forbid(network, like, present, slice(now, now + 1))
        result.append(sweep(network, theta, barred, "forward", regimes=which).log_evidence)
        barred = forbid(network, barred, following, slice(now + 1, now + 2))
        result.append(sweep(network, theta, barred, "forward", regimes=which).log_evidence)
    found = np.asarray(0.0 - np.expm1(np.minimum(_log_ratio(np.array(result), total), 0.0)))
    return found.reshape(len(groups), 2, -1)


def _neither(
    network: Network,
    future: Future,
    present: Present,
    spared: Present | None,
    states: States,
    following: States,
) -> tuple[Array, Array]:
    """Probability of none of some states now; and of none of others in the next step, either.

    The interface tells of the states, unless the present was run without them, `spared`.
    """
    if spared is not None:
        left = spared.share_of(present)
        return left, left * future.never(following, 1, spared)[0]
    rest = present.barring(network, states)
    return rest.message.sum(axis=0), future.never(following, 1, rest)[0]


def steps_with_evidence(network: Network, log_like: Array | Mask) -> Mask:
    """Steps with evidence; inputs, which are set at every step, do not count.

    Of log-likelihoods it matters alone where they are not zero.
    """
    columns_of = [network.states(node.name) for node in network.nodes if node.first is not None]
    columns_of.append(slice(network.n_states, network.n_columns))
    return np.array([any(step[columns].any() for columns in columns_of) for step in log_like])


def joint_with(
    network: Network,
    theta: Array,
    log_like: Array,
    target: str,
    at: int,
    seen_at: int,
    regimes: Regimes | None = None,
) -> Array:
    """Joint probability of each state of a target with each state of every variable.

    The target is set to each of its states in turn; what every variable then looks like gives
    all joint distributions at once.

    Parameters
    ----------
    target, at
        The variable in question and its step.
    seen_at
        Step of the other variables.

    Returns
    -------
    numpy.ndarray
        Shape (target's state, state, draw).
    """
    base = sweep(network, theta, log_like, "smoothed", regimes=regimes).marginals
    prior = base[at, network.states(target)]
    found = np.zeros((len(prior), network.n_states, base.shape[2]))
    for k, state in enumerate(network.node(target).states):
        asked = require_states(network, log_like, [(target, state)], slice(at, at + 1))
        swept = sweep(network, theta, asked, "smoothed", regimes=regimes)
        given = swept.marginals[seen_at, : network.n_states]
        found[k] = np.where(prior[k] > 0, prior[k] * given, 0.0)
    return found


def two_step_joint(
    network: Network,
    theta: Array,
    log_like: Array,
    name: str,
    regimes: Regimes | None = None,
) -> Array:
    """Joint probability of a variable's state at each step and at the next.

    The uses of a cell of its later table at one step are a joint probability, of its own state with
    those of its parents. So one sweep with tables of their own for each step gives all of them, if
    it depends on its own state before.

    Returns
    -------
    numpy.ndarray
        Shape (step but the last, state, state at the next step, draw).
    """
    node, n_steps = network.node(name), len(log_like)
    if node.later is None or (name, 1) not in node.later.parents:
        states = network.states(name)
        joints = [
            joint_with(network, theta, log_like, name, t, t + 1, regimes)[:, states]
            for t in range(n_steps - 1)
        ]
        size, n_draws = len(node.states), theta.shape[-1]
        return np.array(joints).reshape(n_steps - 1, size, size, n_draws)
    own, cells = node.later.parents.index((name, 1)), network.cells(node.later, name)
    shape = network.table_shape(node.later, name)
    others = tuple(1 + k for k in range(len(shape) - 1) if k != own)
    tables = theta if theta.ndim == 3 else theta[None]
    which = np.zeros(n_steps, np.int64) if regimes is None else regimes
    found = []
    for start in range(0, tables.shape[-1], SMALLEST_PART):
        draws = slice(start, start + SMALLEST_PART)
        like = log_like if log_like.shape[2:] in ((), (1,)) else log_like[..., draws]
        apart = tables[..., draws][which]
        swept = sweep(network, apart, like, "smoothed", regimes=np.arange(n_steps), counts=True)
        uses = swept.counts[1:, cells].reshape(n_steps - 1, *shape, -1)
        found.append(uses.sum(axis=others))
    return np.concatenate(found, axis=-1)


def mutual_information(
    network: Network,
    theta: Array,
    log_like: Array,
    target: str,
    at: int,
    seen_at: int,
    regimes: Regimes | None = None,
) -> Array:
    """Information that each variable at one step gives about a target, in bits.

    The arguments are those of `joint_with`.

    Returns
    -------
    numpy.ndarray
        Shape (variable, draw), in the network's order; for the target itself, at the same step,
        its entropy.
    """
    joint = joint_with(network, theta, log_like, target, at, seen_at, regimes)
    return np.stack([shared_bits(joint[:, network.states(name)]) for name in network.names])


def shared_bits(joint: Array) -> Array:
    """Mutual information of two variables, in bits, (…,).

    Parameters
    ----------
    joint
        Joint probabilities, (state, state, …).

    Examples
    --------
    >>> float(shared_bits(np.array([[0.5, 0.0], [0.0, 0.5]])))
    1.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log2(joint) - np.log2(joint.sum(axis=1, keepdims=True))
        logs -= np.log2(joint.sum(axis=0, keepdims=True))
        bits = np.where(joint > 0, joint * logs, 0.0).sum(axis=(0, 1))
    return np.asarray(np.maximum(bits, 0.0))


def held_given(
    network: Network,
    theta: Array,
    log_like: Array,
    states: Sequence[tuple[str, str]],
    window: range,
    at: int,
    regimes: Regimes | None = None,
) -> Array:
    """Probability that any of some states occurs in a window, given each state at one step.

    By Bayes' theorem from two sweeps, whatever the number of conditions: how probable each
    state is, and how probable it still is where the states are forbidden in the window.

    Parameters
    ----------
    states
        Pairs of variable and state; several make the probability of their union.
    window
        Steps of the window, consecutive.
    at
        Step of the conditions.

    Returns
    -------
    numpy.ndarray
        Shape (2, column, draw): that probability, not a number where the condition has probability
        zero; and the probability of the condition.
    """
    like = _relative(network, log_like)
    whole = sweep(network, theta, like, "smoothed", regimes=regimes)
    barred = forbid(network, like, states, slice(window.start, window.stop))
    spared = sweep(network, theta, barred, "smoothed", regimes=regimes)
    never = np.exp(_log_ratio(spared.log_norm, whole.log_norm).sum(axis=0))
    left = np.where(never > 0, never * spared.marginals[at], 0.0)
    condition = whole.marginals[at]
    unknown = np.full_like(condition, np.nan)
    kept = np.divide(left, condition, out=unknown, where=condition > 0)
    return np.stack([np.clip(1 - kept, 0.0, 1.0), condition])


def cell_sensitivity(
    network: Network, theta: Array, log_like: Array, states: Sequence[tuple[str, str]], at: int
) -> Array:
    """Derivative of a probability with respect to every table cell.

    The logarithm of P(states | evidence) is a difference of two log polynomials, and their
    derivatives are expected counts over cells.

    Returns
    -------
    numpy.ndarray
        Shape (cell, draw); zero for cells that are exactly zero.
    """
    like = _relative(network, log_like)
    asked = require_states(network, like, states, slice(at, at + 1))
    return _ratio_gradients(network, theta, asked, like)


def passage_sensitivity(
    network: Network,
    theta: Array,
    log_like: Array,
    states: Sequence[tuple[str, str]],
    window: range,
) -> Array:
    """Derivative of the probability that any of some states occurs in a window, by every cell.

    Returns
    -------
    numpy.ndarray
        Shape (cell, draw); zero for cells that are exactly zero.
    """
    like = _relative(network, log_like)
    barred = forbid(network, like, states, slice(window.start, window.stop))
    return -_ratio_gradients(network, theta, barred, like)


def _ratio_gradients(network: Network, theta: Array, part: Array, whole: Array) -> Array:
    """Derivative of Z(part) / Z(whole) with respect to every table cell, (cell, draw)."""
    above = sweep(network, theta, part, "smoothed", counts=True)
    below = sweep(network, theta, whole, "smoothed", counts=True)
    share = np.exp(_log_ratio(above.log_norm, below.log_norm).sum(axis=0))
    gap = (above.counts - below.counts).sum(axis=0)
    return np.asarray(share * np.divide(gap, theta, out=np.zeros_like(gap), where=theta > 0))


def smallest_conflict(
    network: Network,
    theta: Array,
    log_like: Array,
    observations: Observations,
    regimes: Regimes | None = None,
) -> Observations:
    """Fewest observations that cannot all be true: without any one of them, the others could.

    QuickXplain (Junker: QuickXPlain: preferred explanations and relaxations for over-constrained
    problems, AAAI 2004): few sweeps even where one observation in a thousand is to blame.

    Parameters
    ----------
    theta, log_like
        Tables and evidence of one draw under which the evidence is impossible.
    observations
        Steps and variables that the evidence speaks of; earlier ones are blamed first.
    """
    inputs = [node.name for node in network.nodes if node.is_input]

    def impossible(kept: Observations) -> bool:
        like = np.zeros_like(log_like)
        for name in inputs:
            like[:, network.states(name)] = log_like[:, network.states(name)]
        for (step, name), columns in network.factor_columns.items():
            if not name:
                like[step, columns] = log_like[step, columns]
        for step, name in kept:
            columns = network.columns_at(name, step)
            like[step, columns] = log_like[step, columns]
        found = sweep(network, theta, like, "forward", regimes=regimes)
        return bool(np.isneginf(found.log_evidence).any())

    def explain(given: Observations, added: bool, rest: Observations) -> Observations:
        if added and impossible(given):
            return []
        if len(rest) == 1:
            return rest
        half = len(rest) // 2
        first, second = rest[:half], rest[half:]
        late = explain([*given, *first], bool(first), second)
        early = explain([*given, *late], bool(late), first)
        return [*early, *late]

    if impossible([]):
        return [
            (step, name)
            for step, name in observations
            if name in inputs and np.isneginf(log_like[step, network.states(name)]).all()
        ]
    return explain([], False, list(observations))


def intervened_tables(
    network: Network, theta: Array, states: Iterable[tuple[str, str]], start: int, n_steps: int
) -> tuple[Array, Regimes]:
    """Cut variables from their causes and set them, from one step on (Pearl's do).

    Returns
    -------
    theta
        Tables before and after, (2, cell, draw).
    regimes
        Which of them each step uses, (step,).
    """
    changed = theta.copy()
    for name, state in states:
        node = network.node(name)
        blocks = {block for block in (node.first, node.later) if block is not None}
        if not blocks:
            message = "is set already and has no causes to be cut from; set it as evidence"
            raise InputError([Problem(name, message)])
        chosen = node.states.index(state) if state in node.states else network.state(name, state)
        for block in blocks:
            cells = network.cells(block, name)
            table = changed[cells].reshape(-1, len(node.states), theta.shape[-1])
            table[:] = 0.0
            table[:, chosen] = 1.0
    return np.stack([theta, changed]), (np.arange(n_steps) >= start).astype(np.int64)


def rank_probabilities(draws: Array, weights: Array | None = None) -> Array:
    """Probability, over draws, that each alternative has each rank.

    Parameters
    ----------
    draws
        Probabilities of the alternatives, (alternative, draw).
    weights
        What each draw weighs, (draw,); all the same unless they are given.

    Returns
    -------
    numpy.ndarray
        Shape (alternative, rank); rank 0 is the most probable alternative. Rows and columns sum
        to one; exact ties are split by order.

    Examples
    --------
    >>> rank_probabilities(np.array([[0.6, 0.2], [0.4, 0.8]])).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    n = len(draws)
    ranks = np.argsort(np.argsort(-draws, axis=0, kind="stable"), axis=0)
    return np.stack([np.average(ranks == rank, axis=1, weights=weights) for rank in range(n)], 1)
