"""Arguments of the public functions, checked against their annotations where they come in.

``@checked`` above a function, or above a class for its constructor and its public methods, makes
whatever does not fit its annotation an `InputError` that names the argument, says what was given
and what is needed, and how to come by it. The annotations are read when the first call comes.
"""

from __future__ import annotations

import builtins
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cached_property, update_wrapper
from itertools import chain, repeat
from numbers import Integral, Real
from types import FunctionType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeAliasType,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from forecast.errors import Problem, nearest, raise_if_any

LONGEST_REPR = 60

SOURCES = {
    "AchMatrix": "read_ach reads one from a file",
    "Beliefs": "beliefs(forecast) makes them, as does .beliefs() of a network",
    "Check": "check(scenario) makes one",
    "DataFrame": "pandas.DataFrame(rows) makes one of a list of dictionaries",
    "Evidence": 'a ledger gives it for a day: ledger.known_at("2020-01-31")',
    "Forecast": "forecast(scenario, evidence) makes one",
    "Ledger": "read_evidence reads one from a file or a data frame",
    "Report": "read_evidence reads them from a file or a data frame",
    "Scenario": "load_scenario reads one from a folder, or by the name of a shipped one",
    "TabledNetwork": "read_network reads one from a file",
    "date": "write it as 2020-01-31",
}
"""How to come by what an argument needs, by the name of its class."""

_LIKES: dict[type, Any] = {tuple: (tuple, list), list: (tuple, list), dict: Mapping}
"""What may stand for a container."""

_ENDLESS = ((), (...,))
"""How the parameters of a container of equal parts end."""

_NEEDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    date: "a date",
    NoneType: "None",
}


def checked[Target: Callable[..., Any]](target: Target) -> Target:
    """Check the arguments of a function, or of a class's constructor and public methods.

    Raises
    ------
    InputError
        When called, with every argument that does not fit its annotation. Arguments that are
        missing or unknown are Python's own `TypeError`.

    Examples
    --------
    >>> @checked
    ... def half(number: float) -> float:
    ...     return number / 2
    >>> half("one")
    Traceback (most recent call last):
    forecast.errors.InputError: number: 'one'; needs a number
    """
    if not isinstance(target, type):
        return _guarded(target)
    for name, member in list(vars(target).items()):
        if name == "__init__" or not name.startswith("_"):
            if isinstance(member, FunctionType):
                setattr(target, name, _guarded(member))
            elif isinstance(member, classmethod | staticmethod):
                setattr(target, name, type(member)(_guarded(member.__func__)))
    return target


def short_repr(given: object) -> str:
    """What was given, as short as it can be recognised.

    Examples
    --------
    >>> short_repr("strom"), short_repr(None), short_repr([1, 2]), short_repr(10**5000)
    ("'strom'", 'None', 'a list', 'a whole number of more than 60 digits')
    """
    if isinstance(given, int) and abs(given) >= 10**LONGEST_REPR:
        return f"a whole number of more than {LONGEST_REPR} digits"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    if given is None or isinstance(given, str | bytes | int | float | complex | date):
        text = repr(given[: LONGEST_REPR + 1] if isinstance(given, str | bytes) else given)
        return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"
    return _with_article(type(given).__name__)


def _guarded[Function: Callable[..., Any]](function: Function) -> Function:
    rules = _Rules(function)

    def guard(*args: Any, **kwargs: Any) -> Any:
        rules.require(args, kwargs)
        return function(*args, **kwargs)

    # In the globals of its own module, where doctest and others look for what it defines.
    home: dict[str, Any] = inspect.unwrap(function).__globals__
    guarded: Any = FunctionType(guard.__code__, home, closure=guard.__closure__)
    update_wrapper(guarded, function)
    found: Function = guarded
    return found


class _Rules:
    """The annotations of a function's parameters, read when they are first needed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def require(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        by_place, beyond, by_name, others = self._parameters
        given = chain(
            zip(chain(by_place, repeat(beyond)), args, strict=False),
            ((by_name.get(name, others), value) for name, value in kwargs.items()),
        )
        wrong = [(p, value) for p, value in given if p and not _fits(value, p[1])]
        raise_if_any([Problem(name, _message(value, wanted)) for (name, wanted), value in wrong])

    @cached_property
    def _parameters(self) -> tuple[list[Any], Any, dict[str, Any], Any]:
        """Names and types: by place, of what more comes by place, by name, of what else is named.

        A parameter without an annotation has nothing to keep.
        """
        by_place: list[Any] = []
        by_name: dict[str, Any] = {}
        rest: dict[Any, Any] = {}
        for parameter in inspect.signature(self.function).parameters.values():
            rule = None
            if parameter.annotation is not parameter.empty:
                rule = parameter.name, _evaluated(parameter.annotation, self.function)
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                rest[parameter.kind] = rule
                continue
            if parameter.kind is not parameter.KEYWORD_ONLY:
                by_place.append(rule)
            by_name[parameter.name] = rule
        kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
        return by_place, rest.get(kinds[0]), by_name, rest.get(kinds[1])


class _Names(dict[str, Any]):
    """Names in annotations; what is imported for the type checker alone may be anything."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        import forecast

        if name in self.known:
            return self.known[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return getattr(forecast, name) if name in dir(forecast) else Any


def _evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    known = getattr(inspect.unwrap(function), "__globals__", {})
    return eval(annotation, {"__builtins__": {}}, _Names(known))  # our own source, not input


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is what an annotation says, as far as looking does not use it up."""
    if isinstance(wanted, type) and get_origin(wanted) is None:
        return _is_a(value, wanted)
    if isinstance(wanted, TypeAliasType):
        return _fits(value, wanted.__value__)
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _fits(value, inner[0])
    if origin in (Union, UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is Literal:
        return isinstance(value, str | int) and value in inner
    if wanted is None or not isinstance(origin, type):
        return value is None if wanted is None else True
    likes = _LIKES.get(origin, origin)
    return isinstance(value, likes) and all(_parts_fit(value, origin, inner))


def _is_a(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    if kind is bool:
        return type(value).__name__ in ("bool", "bool_")
    if kind is date:
        return isinstance(value, date) and value == value  # a missing date of pandas is not
    if issubclass(kind, os.PathLike):
        return isinstance(value, os.PathLike) and isinstance(os.fspath(value), str)
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that says nothing about instances
        return True


def _parts_fit(value: Any, origin: type, inner: tuple[Any, ...]) -> Iterator[bool]:
    if issubclass(origin, Mapping):
        key, item = inner or (Any, Any)
        yield from (_fits(k, key) and _fits(v, item) for k, v in value.items())
    elif issubclass(origin, Iterable):
        yield not isinstance(value, str | bytes) and getattr(value, "shape", None) != ()
        if hasattr(value, "__len__"):  # what can be counted is not used up
            fixed = origin is tuple and inner[-1:] != (...,)
            yield not fixed or len(value) == len(inner)
            each = inner if fixed else repeat((inner or (Any,))[0])
            yield from (_fits(part, own) for part, own in zip(value, each, strict=False))


def _message(value: Any, wanted: Any) -> str:
    options = [option for option in _options(wanted) if option not in (None, NoneType)]
    texts = [legal for option in options for legal in get_args(option) if _is_literal(option)]
    if texts:
        return f"{short_repr(value)}; {nearest(value, texts)}"
    needs = " or ".join(dict.fromkeys(map(_spelled, options)))
    names = dict.fromkeys(name for option in options for name in _classes(option))
    how = [SOURCES[name] for name in names if name in SOURCES]
    return "; ".join([f"{_given(value, options)}; needs {needs}", *how])


def _given(value: Any, options: list[Any]) -> str:
    """What was given; of a list that was wanted, the first part that does not fit too."""
    for option in options:
        origin, inner = get_origin(option), get_args(option)
        if isinstance(value, list | tuple) and isinstance(origin, type) and inner[1:] in _ENDLESS:
            for part in value:
                if not _fits(part, inner[0]):
                    return f"{short_repr(value)} with {short_repr(part)}"
    return short_repr(value)


def _options(wanted: Any) -> list[Any]:
    if isinstance(wanted, TypeAliasType):
        return _options(wanted.__value__)
    if get_origin(wanted) is Annotated:
        return _options(get_args(wanted)[0])
    if get_origin(wanted) in (Union, UnionType):
        return [option for part in get_args(wanted) for option in _options(part)]
    return [wanted]


def _is_literal(option: Any) -> bool:
    return get_origin(option) is Literal


def _spelled(wanted: Any) -> str:
    """What an annotation asks for, as a person says it."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any or isinstance(wanted, TypeVar):
        return "anything"
    if origin in (Union, UnionType) or isinstance(wanted, TypeAliasType):
        return " or ".join(map(_spelled, _options(wanted)))
    if origin is None:
        return _NEEDS.get(wanted) or _with_article(getattr(wanted, "__name__", str(wanted)))
    if not isinstance(origin, type):
        return str(wanted)
    if issubclass(origin, Mapping):
        return f"a mapping of {' to '.join(map(_without_article, inner))}"
    if origin is tuple and inner[-1:] != (...,):
        parts = ", ".join(map(_without_article, inner))
        return f"{'a pair' if len(inner) == 2 else 'a tuple'} ({parts})"
    if issubclass(origin, Iterable) and inner:
        return f"a list of {_without_article(inner[0])}"
    return "a function" if issubclass(origin, Callable) else _with_article(origin.__name__)  # type: ignore[arg-type]


def _without_article(wanted: Any) -> str:
    return _spelled(wanted).removeprefix("an ").removeprefix("a ")


def _classes(wanted: Any) -> Iterator[str]:
    """Names of the classes that an annotation speaks of, parts of containers too."""
    if isinstance(wanted, type) and get_origin(wanted) is None:
        yield wanted.__name__
    for part in get_args(wanted):
        yield from _classes(part)


def _with_article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
