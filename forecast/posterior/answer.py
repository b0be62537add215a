"""An answer: one number for each draw of the tables, and how much each draw weighs.

Evidence that came after the draws were made does not move them; it makes those that predicted it
count for more. So an answer carries the weights of its draws, and whatever averages over draws
uses them. An answer is an `xarray.DataArray`: selecting and arithmetic keep the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from forecast.errors import InputError, Problem
from forecast.estimate import Estimate, weighted_quantiles

if TYPE_CHECKING:
    from pandas import DataFrame

SAMPLE = ("chain", "draw")
WEIGHT = "weight"


class Answer(xr.DataArray):  # type: ignore[no-untyped-call]
    """One number for each draw, with the coordinate ``weight`` where draws weigh differently.

    A weight says for how many plain draws one counts: on average they are 1. `mean`, `std`, `var`,
    `quantile` and `median` over ``chain`` and ``draw`` are weighted, as are `Estimate.of` and
    `summarize`. Reductions that have no weighted form, and arithmetic between answers whose draws
    weigh differently, are refused. Functions of xarray that build a new object (``concat``,
    ``Dataset``, ``apply_ufunc``), and NumPy, know nothing of weights: they give plain arrays.

    Examples
    --------
    >>> answer = Answer([[0.2, 0.6]], dims=SAMPLE, coords={WEIGHT: (SAMPLE, [[0.5, 1.5]])})
    >>> answer.mean(("chain", "draw")).item(), answer.unweighted().mean().item()
    (0.5, 0.4)
    >>> (1 - answer > 0.5).mean().item()
    0.25
    """

    __slots__ = ()

    def unweighted(self) -> xr.DataArray:
        """The same numbers as a plain array, all draws alike: for comparing draw by draw."""
        return xr.DataArray(self).drop_vars(WEIGHT, errors="ignore")

    def mean(self, dim: Any = None, *, skipna: bool | None = None, **kwargs: Any) -> Answer:
        """Mean; over draws, by their weights."""
        if self._weight_along(dim) is None:
            return super().mean(dim, skipna=skipna, **kwargs)
        return self._average(dim, lambda weighted: weighted.mean(dim, skipna=skipna))

    def var(
        self, dim: Any = None, *, skipna: bool | None = None, ddof: int = 0, **kwargs: Any
    ) -> Answer:
        """Variance; over draws, by their weights and with `ddof` 0 alone."""
        if self._weight_along(dim) is None:
            return super().var(dim, skipna=skipna, ddof=ddof, **kwargs)
        if ddof:
            raise InputError([Problem("ddof", f"{ddof}; weighted draws have no count, so only 0")])
        return self._average(dim, lambda weighted: weighted.var(dim, skipna=skipna))

    def std(
        self, dim: Any = None, *, skipna: bool | None = None, ddof: int = 0, **kwargs: Any
    ) -> Answer:
        """Standard deviation; over draws, by their weights and with `ddof` 0 alone."""
        if self._weight_along(dim) is None:
            return super().std(dim, skipna=skipna, ddof=ddof, **kwargs)
        variance = self.var(dim, skipna=skipna, ddof=ddof)
        return variance.copy(data=np.sqrt(variance.to_numpy()))

    def quantile(self, q: Any, dim: Any = None, **kwargs: Any) -> Answer:
        """Quantiles; over draws, by their weights (see `weighted_quantiles`)."""
        if self._weight_along(dim) is None:
            return super().quantile(q, dim, **kwargs)
        if kwargs.get("method", "linear") != "linear":
            message = f"{kwargs['method']!r}; quantiles of weighted draws are linear"
            raise InputError([Problem("method", message)])
        levels = np.asarray(q, np.float64)

        def found(weighted: Any) -> Any:
            return xr.apply_ufunc(
                lambda values, weight: weighted_quantiles(values, weight, levels),
                weighted.obj.stack(_all=dims),
                weighted.weights.broadcast_like(weighted.obj).stack(_all=dims),
                input_core_dims=[["_all"], ["_all"]],
                output_core_dims=[["quantile"] if levels.ndim else []],
                vectorize=True,
            ).assign_coords(quantile=levels)

        dims = self._named(dim)
        result = self._average(dim, found)
        return result.transpose("quantile", ...) if levels.ndim else result

    def median(self, dim: Any = None, **kwargs: Any) -> Answer:
        """Median; over draws, by their weights."""
        if self._weight_along(dim) is None:
            return super().median(dim, **kwargs)
        return self.quantile(0.5, dim).drop_vars("quantile")

    def reduce(self, func: Callable[..., Any], dim: Any = None, **kwargs: Any) -> Answer:
        """Reduce along dimensions; refused where draws would lose their weights."""
        name = getattr(func, "__name__", "")
        if name not in _WEIGHTLESS and self._weight_along(dim) is not None:
            message = (
                f"{name or func!r} has no form for draws of different weights; use mean, std, var, "
                "median, quantile or Estimate.of, or unweighted() to leave the weights aside"
            )
            raise InputError([Problem("reduce", message)])
        return super().reduce(func, dim, **kwargs)

    def _getitem_coord(self, key: Any) -> xr.DataArray:  # type: ignore[override]
        found = super()._getitem_coord(key)
        if key != WEIGHT:
            return found
        # The weights themselves are no answer: their sum and their mean are plain.
        labels = {dim: self.coords[dim].variable for dim in found.dims if dim in self.coords}
        return xr.DataArray(found.variable, coords=labels, name=WEIGHT)

    def _named(self, dim: Any) -> list[Any]:
        if dim is None or dim is ...:
            return list(self.dims)
        return [dim] if isinstance(dim, str) else list(dim)

    def _weight_along(self, dim: Any) -> xr.DataArray | None:
        """The weights, if they vary along some dimensions; nothing otherwise."""
        weight = _weight_of(self)
        return weight if weight is not None and set(weight.dims) & set(self._named(dim)) else None

    def _average(self, dim: Any, how: Callable[[Any], Any]) -> Answer:
        """Summarise by weights; what is left of the draws weighs as much as what went into it."""
        weight, dims = _weight_of(self), self._named(dim)
        assert weight is not None
        sampled = [each for each in SAMPLE if each in weight.dims]
        gone = [each for each in weight.dims if each in dims]
        if not set(gone) & set(sampled):
            message = f"draws weigh differently along {', '.join(map(str, gone))}; average over "
            raise InputError([Problem("dim", message + "chain and draw first")])
        found = Answer(how(self.unweighted().weighted(weight)))
        left = weight.sum(gone)
        rest = any(each in left.dims for each in SAMPLE)
        return found.assign_coords({WEIGHT: left.variable}) if rest else found

    def _binary_op(
        self, other: Any, f: Callable[..., Any], reflexive: bool = False
    ) -> Answer:  # every operator of xarray comes through here
        weight = common_weight([self, other])
        found: Answer = _weighing(super()._binary_op(other, f, reflexive), weight)
        return found

    def _inplace_binary_op(self, other: Any, f: Callable[..., Any]) -> Answer:
        common_weight([self, other])
        return super()._inplace_binary_op(other, f)

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        weight = common_weight(inputs)
        found = super().__array_ufunc__(ufunc, method, *inputs, **kwargs)  # type: ignore[no-untyped-call]
        return _weighing(found, weight)


_WEIGHTLESS = ("min", "max", "array_all", "array_any", "count", "first", "last")
"""Reductions that say the same whatever the weights are."""
_LOSING = ("astype", "clip", "fillna", "isin", "isnull", "notnull", "round", "where")
"""Methods of xarray that make a plain array of any subclass."""
_REFLECTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
"""Operators that Python asks a subclass for first only if it has them itself."""


def _keeping(name: str) -> Callable[..., Any]:
    inherited = getattr(xr.DataArray, name)

    @wraps(inherited)
    def method(self: Answer, *args: Any, **kwargs: Any) -> Any:
        weight = common_weight([self, *args, *kwargs.values()])
        return _weighing(inherited(self, *args, **kwargs), weight)

    return method


for _name in (*_LOSING, *(f"__r{each}__" for each in _REFLECTED)):
    setattr(Answer, _name, _keeping(_name))


def _weight_of(value: xr.DataArray) -> xr.DataArray | None:
    return xr.DataArray(value.coords[WEIGHT].variable) if WEIGHT in value.coords else None


def _weighing(found: Any, weight: xr.DataArray | None) -> Any:
    """An answer with these weights, if it has their dimensions."""
    if not isinstance(found, xr.DataArray):
        return found
    answer = found if isinstance(found, Answer) else Answer(found)
    if weight is None or not set(weight.dims) <= set(answer.dims):
        return answer
    return answer.assign_coords({WEIGHT: weight.variable})


def common_weight(operands: Iterable[Any]) -> xr.DataArray | None:
    """Weights of draws that several values share.

    Raises
    ------
    InputError
        If their draws weigh differently, because they rest on different evidence.
    """
    arrays = [each for each in operands if isinstance(each, xr.DataArray)]
    sampled = [each for each in arrays if set(SAMPLE) & set(each.dims)]
    weights = [_weight_of(each) for each in sampled]
    known = [weight for weight in weights if weight is not None]
    if not known:
        return None
    widest = max(known, key=lambda weight: weight.ndim)
    if len(known) < len(weights) or not all(_agree(weight, widest) for weight in known):
        message = (
            "draws weigh differently, because the answers rest on different evidence; compare "
            "their means, or compare unweighted() answers draw by draw"
        )
        raise InputError([Problem("weight", message)])
    return widest


def _agree(one: xr.DataArray, other: xr.DataArray) -> bool:
    sizes = other.sizes
    # Where sizes differ xarray itself says so.
    if any(sizes.get(dim, size) != size for dim, size in one.sizes.items()):
        return True
    return bool((one == other).all())


def summarize(answer: xr.DataArray) -> DataFrame:
    """Summarise an answer over draws by their weights.

    Parameters
    ----------
    answer
        Dimensions chain and draw, and any others; an answer of `Beliefs`.

    Returns
    -------
    pandas.DataFrame
        One row for each combination of the other coordinates: ``mean``, ``sd``, ``lower`` and
        ``upper``, the ends of the 90 % interval.

    Raises
    ------
    InputError
        If there are no dimensions chain and draw.

    Examples
    --------
    >>> answer = Answer(
    ...     [[[0.2, 0.8], [0.6, 0.4]]],
    ...     dims=("chain", "draw", "state"),
    ...     coords={"state": ["no", "yes"], "weight": (("chain", "draw"), [[0.5, 1.5]])},
    ... )
    >>> summarize(answer)["mean"].round(6).to_dict()
    {'no': 0.5, 'yes': 0.5}
    """
    import pandas as pd

    if not isinstance(answer, xr.DataArray) or not set(SAMPLE) <= set(answer.dims):
        given = getattr(answer, "dims", type(answer).__name__)
        message = f"needs an answer with the dimensions chain and draw; got {given}"
        raise InputError([Problem("answer", message)])
    others = [dim for dim in answer.dims if dim not in SAMPLE]
    found = Answer(answer)
    # One dimension is a row's label as it is, and may have several levels of its own.
    row = others[0] if len(others) == 1 else "row"
    table = (
        found if len(others) == 1 else found.stack(row=others) if others else found.expand_dims(row)
    )
    rows = []
    for k in range(table.sizes[row]):
        cell = table.isel({row: k})
        estimate, sd = Estimate.of(cell), float(cell.std(SAMPLE))
        rows.append((estimate.mean, sd, estimate.lower, estimate.upper))
    index = table.get_index(row) if others else None
    return pd.DataFrame(rows, columns=["mean", "sd", "lower", "upper"], index=index)
