"""What is done to rows of cells in vector registers.

A row is a cell of so many draws side by side. Where it does not know that rows lie apart, the
compiler keeps nothing in registers from one turn of a loop to the next; so the two operations that
take nearly all of the time are written for it directly, in its own language. Vectors that are
longer than the registers of a processor it splits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import types
from numba.extending import intrinsic

WIDTH: Final = 32
"""Draws abreast, the length of a row. With fewer the bookkeeping of loops shows (16 took up to 1.4
times as long on small networks), and with more the cells lie further from the processor."""
VECTOR: Final = 32 if get_host_cpu_features().get("avx512f") else 16
"""Numbers of a row that are in registers at a time. There is room for so many of four rows: three
sums, and the row that they have in common."""
_VECTOR = ir.VectorType(ir.DoubleType(), VECTOR)
_ROWS = ir.ArrayType(_VECTOR, WIDTH // VECTOR).as_pointer()
_PLACE = ir.IntType(64)
_NONE = _PLACE(0)


def _repeat(
    builder: Any,
    n: Any,
    first: Sequence[Any],
    turn: Callable[[Any, Sequence[Any]], Sequence[Any]],
) -> Sequence[Any]:
    """Write a loop of n > 0 turns.

    Each turn is given its number and some values, and makes those of the next; the last are
    returned.
    """
    before = builder.basic_block
    loop, end = builder.append_basic_block("turn"), builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    start = [_NONE, *first]
    number, *values = (builder.phi(value.type) for value in start)
    made = turn(number, values)
    after = builder.add(number, _PLACE(1))
    for value, old, new in zip((number, *values), start, (after, *made), strict=True):
        value.add_incoming(old, before)
        value.add_incoming(new, builder.basic_block)
    builder.cbranch(builder.icmp_unsigned("<", after, n), loop, end)
    builder.position_at_end(end)
    return made


class _Rows:
    """Rows of an array of cells, or one row, of which a part is read and written."""

    def __init__(self, builder: Any, data: Any, part: Any) -> None:
        self._builder, self._part = builder, part
        self._first = builder.bitcast(data, _ROWS)

    def at(self, cell: Any) -> Any:
        """Where a cell lies."""
        return self._builder.gep(self._first, [cell, self._part])

    def load(self, cell: Any = _NONE) -> Any:
        """Read a cell."""
        return self._builder.load(self.at(cell), align=8)

    def store(self, value: Any, cell: Any = _NONE) -> None:
        """Write a cell."""
        self._builder.store(value, self.at(cell), align=8)


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Where the numbers of an array lie."""
    return context.make_array(kind)(context, builder, value).data


def _summing(n_rows: int) -> Any:
    """The operation that makes so many cells, or adds to them, each of a sum of products.

    The left operands are the same for all of them. Its arguments are the cells and the offsets;
    the first cell to be made, and how far the next ones lie apart; the place of the left operand
    and where its offsets begin; the place of the right one, how far it advances from one cell to
    the next, and where its offsets begin; the number of products of each sum, and whether these
    are added to what there is.
    """

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data, offsets = (_data(context, builder, signature.args[k], values[k]) for k in (0, 1))
        _, _, target, step, left, lefts, right, stride, rights, n, adds = values

        def moved(place: Any, begin: Any, k: Any) -> Any:
            offset = builder.load(builder.gep(offsets, [builder.add(begin, k)]))
            return builder.add(place, builder.zext(offset, _PLACE))

        def sum_part(part: Any, _: Any) -> Sequence[Any]:
            rows = _Rows(builder, data, part)
            cells = [builder.add(target, builder.mul(step, _PLACE(k))) for k in range(n_rows)]

            def add_products(k: Any, sums: Sequence[Any]) -> Sequence[Any]:
                shared, own = rows.load(moved(left, lefts, k)), moved(right, rights, k)
                made = []
                for total in sums:
                    product = builder.fmul(shared, rows.load(own), flags=["contract"])
                    made.append(builder.fadd(total, product, flags=["contract"]))
                    own = builder.add(own, stride)
                return made

            first = _found_or_zero(builder, adds, rows, cells)
            for cell, total in zip(cells, _repeat(builder, n, first, add_products), strict=True):
                rows.store(total, cell)
            return ()

        _repeat(builder, _PLACE(WIDTH // VECTOR), (), sum_part)
        return context.get_dummy_value()

    @intrinsic  # type: ignore[untyped-decorator]
    def sum_products(
        _context: Any,
        cells: Any,
        offsets: Any,
        target: Any,
        step: Any,
        left: Any,
        lefts: Any,
        right: Any,
        stride: Any,
        rights: Any,
        n: Any,
        adds: Any,
    ) -> Any:
        places = target, step, left, lefts, right, stride, rights, n
        return types.void(cells, offsets, *places, adds), write

    return sum_products


def _found_or_zero(builder: Any, wanted: Any, rows: _Rows, cells: Sequence[Any]) -> Sequence[Any]:
    """What some cells hold if it is wanted, or else zeros."""
    before = builder.basic_block
    with builder.if_then(wanted):
        found, after = [rows.load(cell) for cell in cells], builder.basic_block
    values = [builder.phi(_VECTOR) for _ in cells]
    for value, held in zip(values, found, strict=True):
        value.add_incoming(ir.Constant(_VECTOR, [0.0] * VECTOR), before)
        value.add_incoming(held, after)
    return values


sum_one, sum_two, sum_three = (_summing(n_rows) for n_rows in (1, 2, 3))


@intrinsic  # type: ignore[untyped-decorator]
def note_rows(_context: Any, cells: Any, n: Any, lowest: Any, total: Any) -> Any:
    """Keep of n > 0 rows the smallest positive number of each draw, and add all of them up."""

    def write(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = [_data(context, builder, signature.args[k], values[k]) for k in (0, 2, 3)]
        zero, infinite = (ir.Constant(_VECTOR, [x] * VECTOR) for x in (0.0, float("inf")))

        def note_part(part: Any, _: Any) -> Sequence[Any]:
            rows, least, added = (_Rows(builder, each, part) for each in data)

            def note(k: Any, noted: Sequence[Any]) -> Sequence[Any]:
                low, high = noted
                value = rows.load(k)
                positive = builder.fcmp_ordered(">", value, zero)
                some = builder.select(positive, value, infinite)
                lower = builder.select(builder.fcmp_ordered("<", some, low), some, low)
                return lower, builder.fadd(high, value)

            low, high = _repeat(builder, values[1], (least.load(), added.load()), note)
            least.store(low)
            added.store(high)
            return ()

        _repeat(builder, _PLACE(WIDTH // VECTOR), (), note_part)
        return context.get_dummy_value()

    return types.void(cells, n, lowest, total), write
