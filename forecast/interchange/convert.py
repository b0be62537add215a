"""Networks from and to pgmpy and pyAgrum, which are imported only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.arguments import checked, shown
from forecast.errors import InputError, Problem, raise_if_any
from forecast.interchange.checks import repeated
from forecast.interchange.draft import Draft
from forecast.interchange.rows import numbers_text
from forecast.interchange.source import Numbers, Source
from forecast.interchange.tabled import TabledNetwork

Array = npt.NDArray[np.float64]

PGMPY = ("DiscreteBayesianNetwork", "BayesianNetwork", "BayesianModel")
"""Classes of pgmpy that are read; the later ones are names of older versions."""
CONTINUOUS = ("LinearGaussianBayesianNetwork", "FunctionalBayesianNetwork")
PYAGRUM = ("BayesNet",)


@checked
def from_pgmpy(model: Any) -> TabledNetwork:
    """Take over a network of pgmpy.

    Parameters
    ----------
    model
        A `DiscreteBayesianNetwork` with a table for each variable. Names and states that are not
        text become text.

    Returns
    -------
    TabledNetwork
        The network, with states in the order of each variable's own table.

    Raises
    ------
    InputError
        If pgmpy is missing, the model is of another class (a Markov, dynamic or linear Gaussian
        network, a path), a variable has no table, or a table breaks a rule.

    Examples
    --------
    >>> from_pgmpy(model)  # doctest: +SKIP
    """
    _library("pgmpy")
    _require_class(model, PGMPY, CONTINUOUS)
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
        If pyAgrum is missing, the model is of another class (an influence diagram, a Markov or
        credal network, a path), or a table breaks a rule.

    Examples
    --------
    >>> from_pyagrum(model)  # doctest: +SKIP
    """
    _library("pyagrum")
    _require_class(model, PYAGRUM)
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


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        message = f"is not installed ({error}); install it with: pip install {name}"
        raise InputError([Problem(name, message)]) from None


def _require_class(model: Any, legal: tuple[str, ...], others: tuple[str, ...] = ()) -> None:
    """Raise unless a model is of a class that is read, by the names of its classes.

    What shares no more than a base class, as a model of continuous variables, is refused too.
    """
    names = {kind.__name__ for kind in type(model).__mro__}
    if names.isdisjoint(legal) or not names.isdisjoint(others):
        rule = f"needs a {legal[0]}, which is static and of discrete variables"
        how = "; read_network reads a file" if isinstance(model, str | PathLike) else ""
        raise InputError([Problem("model", f"{shown(model)}; {rule}{how}")])


def _name_of(model: Any) -> str:
    """A network's name in pyAgrum; nothing if it was never given one."""
    try:
        return str(model.property("name"))
    except Exception:  # noqa: BLE001 - pyAgrum's own error for a property that is not set
        return ""


def _draft(library: str, states: Mapping[Any, Iterable[Any]]) -> Draft:
    """A draft with all variables declared; names and labels as text."""
    source = Source("", library)
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
    words = numbers_text(values)
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])]).astype(np.int64)
    numbers = Numbers(values.ravel(), starts, " ".join(words), lambda _: 0, 0)
    draft.fill(name, numbers, shape)
