"""What beliefs print of themselves."""

from __future__ import annotations

import numpy as np

from forecast.layout import Summary, listed
from forecast.network.structure import node_rows
from forecast.posterior.belief_state import BeliefState
from forecast.wording import counted


def beliefs_summary(beliefs: BeliefState) -> Summary:
    """What beliefs are about: variables, steps, draws, and what evidence was added.

    Nothing is computed for it: answers take a sweep over all draws.

    Parameters
    ----------
    beliefs
        The beliefs.
    """
    network = beliefs.network
    chains, draws = beliefs.shape
    title = (
        f"Beliefs about {counted(len(network.names), 'variable')}, {_times(beliefs)}, "
        f"{counted(chains, 'chain')} of {counted(draws, 'draw')}"
    )
    added = _added(beliefs)
    below = [
        *([f"Hypothetical evidence on {listed(added)}."] if added else []),
        *(
            f"Intervened: {listed(f'{name}={state}' for name, state in states)}."
            for _, states in beliefs.interventions
        ),
        "Ask .posterior(variable), .set_evidence({variable: state}), .joint([...]), ….",
    ]
    return Summary(title, ("Variable", "States", "Parents"), node_rows(network.nodes), below)


def _times(beliefs: BeliefState) -> str:
    if beliefs.n_steps == 1:
        return "one step"
    first, last = beliefs.times[0], beliefs.times[-1]
    return f"{beliefs.n_steps} steps from {first} to {last}, now {beliefs.times[beliefs.now]}"


def _added(beliefs: BeliefState) -> list[str]:
    """Variables with evidence beyond that of the draws."""
    touched = (np.asarray(beliefs.added) != 0).any(axis=0)
    names = beliefs.network.names
    return [name for name in names if touched[beliefs.network.states(name)].any()]
