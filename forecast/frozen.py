"""Values that cannot be changed in place: mappings and arrays that refuse, and fields that copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from math import nan
from typing import Any, NoReturn, cast

import numpy as np


class FrozenDict[Key, Item](dict[Key, Item]):
    """A dictionary that cannot be changed; ``copy`` and ``|`` make an ordinary one.

    Examples
    --------
    >>> states = FrozenDict(rain=2)
    >>> states["rain"] = 3
    Traceback (most recent call last):
    TypeError: this mapping is frozen; change a copy of it, dict(mapping)
    """

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping is frozen; change a copy of it, dict(mapping)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[FrozenDict[Key, Item]], tuple[dict[Key, Item]]]:
        return FrozenDict, (dict(self),)


def frozen[Given](value: Given) -> Given:
    """The same value with its containers frozen: dictionaries, lists, sets, tuples and arrays.

    Lists become tuples, and arrays that somebody could still write to are copied. A date that is
    missing becomes a number that is. Anything else stays as it is.

    Examples
    --------
    >>> frozen({"rain": [0.8, 0.2]})
    {'rain': (0.8, 0.2)}
    """
    found: Any = value
    if isinstance(value, np.ndarray):
        found = _sealed(value)
    elif isinstance(value, dict):
        found = FrozenDict({key: frozen(item) for key, item in value.items()})
    elif isinstance(value, tuple) and hasattr(value, "_make"):
        found = value._make(map(frozen, value))
    elif isinstance(value, list | tuple):
        found = tuple(map(frozen, value))
    elif isinstance(value, set):
        found = frozenset(value)
    elif isinstance(value, date) and value != value:
        found = nan  # pandas' NaT passes for a date until somebody asks for its year
    return cast("Given", found)


def _sealed(array: Any) -> Any:
    """A read-only array; itself, if neither it nor what it is a view of can be written to."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and not owner.flags.writeable:
        owner = owner.base
    if owner is None:
        return array
    found = array.copy(order="K")
    found.flags.writeable = False
    return found


def writable(array: Any) -> Any:
    """The array in C order, copied if it is read-only.

    Compiled loops are compiled anew for arrays that they may not write to, which takes longer than
    many copies.
    """
    return np.require(array, requirements=["C", "W"])


class Frozen:
    """Base of frozen dataclasses: their containers cannot be changed either.

    Arrays lose on a pickle's way that they are read-only, and get it back.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            object.__setattr__(self, each.name, frozen(getattr(self, each.name)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: frozen(value) for name, value in state.items()})


class _Copied:
    """A field whose value is kept and of which copies are handed out."""

    def __init__(self, name: str, complete: str | None) -> None:
        self.name, self.complete = name, complete

    def __get__(self, instance: Any, _: type) -> Any:
        if instance is None:
            return self
        if self.complete:
            getattr(instance, self.complete)()
        return instance.__dict__[self.name].copy()

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value.copy()


def copying[Target](
    *names: str, complete: str | None = None
) -> Callable[[type[Target]], type[Target]]:
    """Let a dataclass hand out copies of some fields: values that libraries cannot freeze.

    The method `complete` of the instance is called before each.
    """

    def change(target: type[Target]) -> type[Target]:
        for name in names:
            setattr(target, name, _Copied(name, complete))
        return target

    return change
