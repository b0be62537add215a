"""From the numbers of a file to rows that sum to one, and the text of concentrations.

A row is kept to the last bit if it sums to 1 within 1e-12. It is divided by its sum, with a note,
if it misses 1 by no more than rounding explains: half a unit in the last printed digit of each of
its numbers (none for 0 and 1, which nobody rounds to), at most 0.01 in all; or 1e-5 whatever its
digits, as in networks that were converted by tools that keep tables in 32 bits. A number below 0
by 1e-6 at most is what a tool's own normalising left over: it is read as 0, with a note. Any other
row is refused.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array
from forecast.interchange.network_checks import LEAST_CONCENTRATION, SUM_TOLERANCE, shape_text
from forecast.interchange.source import LONGEST_NUMBER, NUMBER, SHOWN_TEXT, NetworkText, Numbers

Indices = npt.NDArray[np.int64]

SINGLE_PRECISION = 1e-6
CONVERTED = 1e-5
"""By how much rows of converted networks miss 1, which went through single precision twice."""
MOST_ROUNDING = 0.01
EXACT = "exact"


def half_unit(digits: str) -> float:
    """Half a unit in the last digit of a printed number; nothing for 0 and 1.

    Examples
    --------
    >>> half_unit("0.25"), half_unit("2.5e-3"), half_unit("1.0")
    (0.005, 5e-05, 0.0)
    """
    if float(digits) in (0.0, 1.0):
        return 0.0
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    power = min(max(int(exponent or 0), -400), 400) - decimals
    return float(f"5e{power - 1}")


def complete(source: NetworkText, name: str, numbers: Numbers, shape: tuple[int, ...]) -> bool:
    """Whether a table has as many numbers as its variables need."""
    if numbers.values.size == prod(shape):
        return True
    message = f"the table of {name} has {numbers.values.size} numbers; its variables need "
    source.wrong(numbers.at, message + shape_text(shape))
    return False


def table_of(source: NetworkText, name: str, numbers: Numbers, cells: Indices) -> Array | None:
    """Make a table of numbers; nothing, and problems, if they are no probabilities.

    Parameters
    ----------
    source
        Takes problems and notes.
    name
        The variable.
    numbers
        The numbers as the file has them.
    cells
        Which number each cell of the table is, shape (parent sizes..., own size).
    """
    values = numbers.values[cells]
    if not np.isfinite(values).all():
        return None
    if (values < -SINGLE_PRECISION).any():
        which = int(cells[values < -SINGLE_PRECISION][0])
        given = _shown(numbers, which)
        source.wrong(numbers.where(which), f"{given}; a probability is a number from 0 to 1")
        return None
    values = _without_noise(source, name, numbers, cells, values)
    rows = values.reshape(-1, values.shape[-1])
    with np.errstate(over="ignore"):
        sums = rows.sum(axis=1)
    gaps = np.abs(sums - 1)
    off = np.flatnonzero(gaps > SUM_TOLERANCE)
    if not off.size:
        return values
    where = cells.reshape(rows.shape)
    explained = [_may_be_rounded(source, name, numbers, where[row], sums[row]) for row in off]
    if not all(explained):
        return None
    for row in off:
        rows[row] /= rows[row].sum()
    most = f"{gaps[off].max():.2g}"
    message = f"{off.size} of {len(rows)} rows of {name} missed 1 by up to {most}; divided by sums"
    source.changed(numbers.where(int(where[off[0], 0])), message)
    return rows.reshape(values.shape)


def _without_noise(
    source: NetworkText, name: str, numbers: Numbers, cells: Indices, values: Array
) -> Array:
    """The values, with 0 in place of numbers that are hardly below it."""
    below = values < 0
    if not below.any():
        return values
    least = f"{values.min():.2g}"
    message = f"{below.sum()} numbers of {name} were below 0 by rounding, the least {least}; read"
    source.changed(numbers.where(int(cells[below][0])), f"{message} as 0")
    return np.where(below, 0.0, values)


def _shown(numbers: Numbers, which: int) -> str:
    return numbers.digits(which)[:SHOWN_TEXT]


def _may_be_rounded(
    source: NetworkText, name: str, numbers: Numbers, cells: Indices, total: float
) -> bool:
    gap = abs(total - 1)
    if gap <= CONVERTED:
        return True
    units = sum(half_unit(numbers.digits(int(cell))) for cell in cells)
    allowed = max(min(units, MOST_ROUNDING), CONVERTED)
    if gap <= allowed * (1 + 1e-9):
        return True
    given = " ".join(_shown(numbers, int(cell)) for cell in cells[:8]) + " …" * (len(cells) > 8)
    message = (
        f"a row of {name} sums to {total:.12g}: {given}; a row sums to 1, or misses it by what "
        f"rounding its digits explains, here {allowed:.2g}"
    )
    source.wrong(numbers.where(int(cells[0])), message)
    return False


def concentration_of(
    source: NetworkText, text: str, shape: tuple[int, ...], at: int
) -> Array | None:
    """Concentrations as files have them: one number for all rows, or one for each in order.

    Examples
    --------
    >>> concentration_of(NetworkText("", "file"), "20 exact", (2,), 0)
    array([20., inf])
    """
    tokens = text.replace(",", " ").split()
    if len(tokens) not in (1, prod(shape)):
        message = f"{len(tokens)} concentrations; there is one for all rows or one for each of the "
        source.wrong(at, f"{message}{shape_text(shape or (1,))}")
        return None
    values = [_concentration(token) for token in tokens]
    for token, value in zip(tokens, values, strict=True):
        if value is None:
            rule = f"a number of at least {LEAST_CONCENTRATION:g}, or {EXACT!r}"
            source.wrong(at, f"the concentration {token[:40]!r} is not {rule}")
            return None
    array = np.array(values, dtype=np.float64)
    return array.reshape(shape) if len(tokens) == prod(shape) else np.full(shape, array[0])


def _concentration(token: str) -> float | None:
    if token == EXACT:
        return float("inf")
    value = float(token) if len(token) <= LONGEST_NUMBER and NUMBER.fullmatch(token) else 0.0
    return value if LEAST_CONCENTRATION <= value < float("inf") else None


def concentration_text(values: Array) -> str:
    """Text that `concentration_of` reads back to the last bit."""
    tokens = [EXACT if np.isinf(value) else repr(float(value)) for value in values.ravel()]
    return tokens[0] if len(set(tokens)) == 1 else " ".join(tokens)


def numbers_text(values: Array) -> list[str]:
    """Numbers that are read back to the last bit."""
    return [repr(float(value)) for value in values.ravel()]
