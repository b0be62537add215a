"""What beliefs print of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.layout import Summary, listed
from forecast.network.summary import node_rows
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.posterior.beliefs import Beliefs


def beliefs_summary(beliefs: Beliefs) -> Summary:
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
    return Summary(title, ("Variable", "States", "Parents"), list(node_rows(network)), below)


def _times(beliefs: Beliefs) -> str:
    if beliefs.n_steps == 1:
        return "one step"
    first, last = beliefs.times[0], beliefs.times[-1]
    return f"{beliefs.n_steps} steps from {first} to {last}, now {beliefs.times[beliefs.now]}"


def _added(beliefs: Beliefs) -> list[str]:
    """Variables with evidence beyond that of the draws."""
    touched = (np.asarray(beliefs.added) != 0).any(axis=0)
    names = beliefs.network.names
    return [name for name in names if touched[beliefs.network.states(name)].any()]
