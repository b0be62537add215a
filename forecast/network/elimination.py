"""The elimination of a network, to be looked at: order, cost and largest table."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from forecast.layout import WIDEST, PrintsItself, Row, Summary, shortened
from forecast.network.slices import planned_slice
from forecast.network.structure import Network
from forecast.wording import counted

MOST_STEPS = 40
"""Steps of a longer elimination are counted, those of the smallest tables left out."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the elimination.

    Attributes
    ----------
    scope
        Variables of the product.
    summed_out
        Those that are summed out of it at once.
    operations
        Multiply-adds: the cells of the product.
    """

    scope: tuple[str, ...]
    summed_out: tuple[str, ...]
    operations: int


@dataclass(frozen=True, repr=False)
class Elimination(PrintsItself):
    """How the states of one step are summed out: the products in their order.

    A variable of the step before is "previous x", of two steps before "previous 2 x". Multiply-adds
    are those of one draw of the tables, forwards; a smoothed sweep takes about three times as many
    (Darwiche 2003).

    Attributes
    ----------
    products
        All products that sum something out or multiply two factors.
    treewidth
        Variables of the largest product, less one: the width of this order of elimination, an
        upper bound on the treewidth of the network.
    """

    products: tuple[Product, ...]

    @property
    def operations(self) -> int:
        """Multiply-adds of one draw of the tables."""
        return sum(product.operations for product in self.products)

    @property
    def largest(self) -> Product:
        """The product with the most cells."""
        return max(self.products, key=lambda product: product.operations)

    @property
    def treewidth(self) -> int:
        """Variables of the largest clique of this order, less one."""
        return max(len(product.scope) for product in self.products) - 1

    @property
    def order(self) -> tuple[str, ...]:
        """Variables in the order in which they are summed out."""
        return tuple(axis for product in self.products for axis in product.summed_out)

    @property
    def _summary(self) -> Summary:
        title = (
            f"Elimination: {counted(len(self.products), 'product')}, "
            f"{self.operations:,} multiply-adds for each draw, width {self.treewidth}, "
            f"largest table {self.largest.operations:,} cells"
        )
        steps = list(enumerate(self.products, 1))
        kept = sorted(steps, key=lambda step: -step[1].operations)[:MOST_STEPS]
        rows = [_row(*step) for step in sorted(kept, key=lambda step: step[0])]
        left_out = len(steps) - len(kept)
        below = (f"{counted(left_out, 'smaller product')} left out.",) if left_out else ()
        return Summary(title, ("Step", "Product over", "Summed out", "Cells"), rows, below)


def _row(number: int, product: Product) -> Row:
    return (
        f"{number}",
        shortened(", ".join(product.scope), WIDEST),
        shortened(", ".join(product.summed_out), WIDEST),
        f"{product.operations:,}",
    )


def elimination(network: Network, *, first: bool = False) -> Elimination:
    """Describe how a network is eliminated, before anything is computed.

    Parameters
    ----------
    network
        The network. Auxiliary variables of the evidence are left out.
    first
        Of a dynamic network the first step, instead of each later one.

    Raises
    ------
    TooLarge
        If the elimination would pass the network's memory limit.

    Examples
    --------
    >>> from forecast.network.structure import Block, Network, Node
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "damp", "wet"), Block((("rain", 0),), 2), None)
    >>> elimination(Network((rain, grass), n_cells=8, dynamic=False))
    Elimination: 3 products, 10 multiply-adds for each draw, width 1, largest table 6 cells
    <BLANKLINE>
    Step  Product over  Summed out  Cells
    ----  ------------  ----------  -----
    1     grass, rain   grass       6
    2     rain                      2
    3     rain          rain        2
    """
    slice_ = planned_slice(network, first=first)
    products = []
    for step in slice_.plan.steps:
        scope = tuple(axis for axis in slice_.order if axis in step.joint)
        summed = tuple(axis for axis in scope if axis not in step.kept)
        cells = prod(slice_.sizes[axis] for axis in scope)
        products.append(Product(scope, summed, cells))
    return Elimination(tuple(products))
