"""Networks from and to pgmpy and pyAgrum, which are imported only when they are asked for.

A model is known by the names of its classes, so that neither library is needed to say what else
it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, raise_if_any
from forecast.interchange.draft import Draft
from forecast.interchange.network_checks import repeated
from forecast.interchange.rows import numbers_text
from forecast.interchange.source import NetworkText, Numbers
from forecast.interchange.tabled import TabledNetwork

READ = ("BayesNet", "DiscreteBayesianNetwork", "BayesianNetwork", "BayesianModel")
"""Classes of networks of tables."""

OTHER_KINDS = {
    "Dynamic": "a dynamic network; only static ones are read: unroll it into a static one first, "
    "one variable for each variable and time step, with its tables",
    "LinearGaussian": "a linear Gaussian network; only tables of discrete variables are read: "
    "cut its variables into states first",
    "Functional": "a network of functions; only tables of discrete variables are read: cut its "
    "variables into states first",
    "CLG": "a linear Gaussian network; only tables of discrete variables are read: cut its "
    "variables into states first",
    "NoisyOr": "a noisy-OR model; write its tables out in a Bayesian network first",
    "InfluenceDiagram": "an influence diagram; take its decisions and utilities away, and hand "
    "over a Bayesian network of its chance nodes",
    "LIMID": "an influence diagram; take its decisions and utilities away, and hand over a "
    "Bayesian network of its chance nodes",
    "Credal": "a credal network, whose tables are sets; hand over one Bayesian network of it, and "
    "say with `with_concentration` how unsure its tables are",
    "Markov": "an undirected model (Markov network, or random field), or a Markov chain; only "
    "Bayesian networks are read, with a table for each variable",
    "FactorGraph": "a factor graph; hand over the Bayesian network that it came from",
    "JunctionTree": "a junction tree; hand over the Bayesian network that it came from",
    "ClusterGraph": "a cluster graph; hand over the Bayesian network that it came from",
    "SEM": "a structural equation model; only tables of discrete variables are read",
    "CausalModel": "a causal model; hand over its Bayesian network: model.observationalBN()",
    "Inference": "an inference engine; hand over its Bayesian network: engine.BN()",
    "Propagation": "an inference engine; hand over its Bayesian network: engine.BN()",
    "Elimination": "an inference engine; hand over its Bayesian network",
    "Graph": "a graph without tables; make a network of it with fc.TabledNetwork(name, variables, "
    "parents, tables)",
    "DAG": "a graph without tables; learn or give its tables first",
}
"""What else a model may be, by a part of the name of its class."""


@checked
def from_pgmpy(model: Any) -> TabledNetwork:
    """Take over a network of pgmpy.

    Parameters
    ----------
    model
        A `DiscreteBayesianNetwork` (`BayesianNetwork` in older versions) with a table for each
        variable. Names and states that are not text become text.

    Returns
    -------
    TabledNetwork
        The network, with states in the order of each variable's own table.

    Raises
    ------
    InputError
        If the model is something else, a variable has no table, or a table breaks a rule.

    Examples
    --------
    >>> from_pgmpy(model)  # doctest: +SKIP
    """
    _refuse_others("from_pgmpy", "pgmpy DiscreteBayesianNetwork", model, ("nodes", "get_cpds"))
    tables = {node: model.get_cpds(node) for node in model.nodes()}
    missing = [str(node) for node, table in tables.items() if table is None]
    raise_if_any([Problem(name, "has no table in the pgmpy model") for name in missing])
    states = {node: tuple(table.state_names[node]) for node, table in tables.items()}
    draft = _draft("pgmpy", states)
    for node, table in tables.items():
        parents = [name for name in table.variables if name != node]
        values = np.moveaxis(np.asarray(table.values, dtype=np.float64), 0, -1)
        for axis, parent in enumerate(parents):
            own = [str(state) for state in table.state_names[parent]]
            if sorted(own) != sorted(map(str, states[parent])):
                message = f"its table knows other states of {parent} than the table of {parent}"
                raise InputError([Problem(str(node), message)])
            values = np.take(values, [own.index(str(state)) for state in states[parent]], axis)
        _fill(draft, str(node), map(str, parents), values)
    if getattr(model, "name", ""):
        draft.call(str(model.name), 0)
    return draft.finish()


@checked
def from_pyagrum(model: Any) -> TabledNetwork:
    """Take over a network of pyAgrum.

    Parameters
    ----------
    model
        A `pyagrum.BayesNet`; variables come in the order of their nodes.

    Raises
    ------
    InputError
        If the model is something else, or a table breaks a rule.

    Examples
    --------
    >>> from_pyagrum(model)  # doctest: +SKIP
    """
    parts = ("nodes", "variable", "cpt")
    _refuse_others("from_pyagrum", "pyagrum.BayesNet", model, parts)
    nodes = sorted(model.nodes())
    states = {model.variable(node).name(): model.variable(node).labels() for node in nodes}
    draft = _draft("pyAgrum", states)
    for node in nodes:
        table = model.cpt(node)
        # Axes of the list run against the names; the first name is the variable itself.
        own, *parents = table.names
        values = np.array(table.tolist(), dtype=np.float64)
        _fill(draft, own, parents, values.transpose(*range(len(parents) - 1, -1, -1), -1))
    if name := _name_of(model):
        draft.call(name, 0)
    return draft.finish()


@checked
def to_pyagrum(network: TabledNetwork) -> Any:
    """Hand a network to pyAgrum.

    Concentrations have no place there; draw tables with `TabledNetwork.draw_tables` instead.

    Parameters
    ----------
    network
        The network.

    Returns
    -------
    pyagrum.BayesNet
        The same variables in the same order, with labelled states and the same tables.

    Raises
    ------
    InputError
        If pyAgrum is missing.

    Examples
    --------
    >>> to_pyagrum(network)  # doctest: +SKIP
    """
    library = _library("pyagrum")
    model = library.BayesNet(network.name)
    for name, states in network.variables.items():
        model.add(library.LabelizedVariable(name, name, list(states)))
    for name, parents in network.parents.items():
        for parent in parents:
            model.addArc(parent, name)
    for name, table in network.tables.items():
        parents = network.parents[name]
        axes = [*range(len(parents) - 1, -1, -1), len(parents)]
        model.cpt(name).fillWith(table.transpose(axes).ravel().tolist())
    return model


def _refuse_others(where: str, expected: str, model: Any, parts: tuple[str, ...]) -> None:
    """Refuse what is no such model, and say what it is instead."""
    names = [kind.__name__ for kind in type(model).__mro__[:-1]]
    kinds = (READ if name in READ else _kind_of(name) for name in names)
    found = next((kind for kind in kinds if kind), None)
    whole = all(callable(getattr(model, part, None)) for part in parts)
    if whole and found in (None, READ):
        return
    if isinstance(model, str | Path):
        what = "a path, it seems; read a file with fc.read_network"
    elif isinstance(model, TabledNetwork):
        what = "a TabledNetwork, which is there already"
    elif isinstance(model, Mapping) and "model" in model:
        what = "a dictionary that holds a model; hand over that: model['model']"
    elif isinstance(found, str):
        what = found
    elif found is READ:
        what = "a network of another library: there are from_pgmpy and from_pyagrum"
    else:
        what = "something else"
    shown = f"{type(model).__module__.partition('.')[0]} {type(model).__qualname__}"
    shown = shown.removeprefix("builtins ")
    raise InputError([Problem(where, f"a {expected} is expected; this {shown} is {what}")])


def _kind_of(name: str) -> str | None:
    """What a model is whose class has this name."""
    return next((kind for part, kind in OTHER_KINDS.items() if part in name), None)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        message = f"is not installed ({error}); install it with: pip install {name}"
        raise InputError([Problem(name, message)]) from None


def _name_of(model: Any) -> str:
    """A network's name in pyAgrum; nothing if it was never given one."""
    try:
        return str(model.property("name"))
    except Exception:  # noqa: BLE001 - pyAgrum's own error for a property that is not set
        return ""


def _draft(library: str, states: Mapping[Any, Iterable[Any]]) -> Draft:
    """A draft with all variables declared; names and labels as text."""
    source = NetworkText("", library)
    problems = [Problem(n, "two variables have this name") for n in repeated(map(str, states))]
    raise_if_any(problems)
    draft = Draft(source)
    for name, labels in states.items():
        draft.declare(str(name), map(str, labels), 0)
    return draft


def _fill(draft: Draft, name: str, parents: Iterable[str], values: Array) -> None:
    """Give a draft one table, shape (parent sizes..., own size)."""
    shape = draft.define(name, parents, 0)
    if shape is None:
        return
    if values.shape != shape:
        message = f"{name}: its table has shape {values.shape}; its variables need {shape}"
        draft.source.wrong(0, message)
        return
    if not np.isfinite(values).all():
        draft.source.wrong(0, f"{name}: its table holds numbers that are not finite")
        return
    texts = numbers_text(values)
    starts = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])]).astype(np.int64)
    numbers = Numbers(values.ravel(), starts, " ".join(texts), lambda _: 0, 0)
    draft.fill(name, numbers, shape)
