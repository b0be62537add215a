"""A network drawn with what is believed of it: boxes with bars, parents above their children.

Rows are the longest ways from a root; within them, boxes lie as near to their neighbours as their
widths allow (Sugiyama, Tagawa and Toda 1981).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.estimate import Estimate, percent
from forecast.interchange.tabled import TabledNetwork
from forecast.layout import shortened
from forecast.network.structure import Network, Node
from forecast.outlook import Forecast, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.reporting.plots import (
    BLUE,
    DANGER,
    INK,
    PALE,
    QUIET,
    RULE,
    house_style,
    require_axes,
    shown_figure,
)
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.text import GAP, flat, for_figure, visible

Pairs = frozenset[tuple[str, str]]
Edge = tuple[str, str, int]
"""Parent, child, and how many steps ago the parent is, at most."""

DRAWS, SEED = 64, 1
"""Draws of what is not known of the tables, where none were made yet."""
DRAWS_OF_FORECAST = 250
"""Draws of each chain that are enough for a bar."""
WIDTH, TITLE, LINE, MARGIN = 2.35, 0.25, 0.17, 0.05
"""Of a box, in inches: its width, the height of its name and of each state, and what is left free
below them."""
BAR, SCALE = 1.28, 0.6
"""Where bars start in a box, and the length of a whole one."""
BESIDE, ABOVE, AROUND = 0.3, 0.75, 0.35
"""Gaps in inches: between boxes of a row, between rows, around everything."""
MOST_ABREAST = 8
"""Boxes of one row; a longer generation takes several rows."""
MOST_STATES = 6
NAME_LETTERS, STATE_LETTERS = 30, 19
SWEEPS = 12
"""How often boxes move towards their neighbours."""
TEXT = 7.0
"""Size of letters, in points, where an inch is an inch."""


@dataclass(frozen=True, slots=True)
class _Box:
    """One variable, ready to be drawn."""

    name: str
    states: tuple[tuple[str, Estimate, bool], ...]
    left_out: int
    has_evidence: bool

    @property
    def height(self) -> float:
        return TITLE + LINE * (len(self.states) + bool(self.left_out)) + MARGIN


@dataclass(frozen=True, slots=True)
class _Stage:
    """Axes, what scales letters and lines, and where the middle of each box's top lies."""

    axis: Any
    scale: float
    boxes: Mapping[str, _Box]
    tops: Mapping[str, tuple[float, float]]


@checked
def plot_network(
    given: Scenario | Beliefs | TabledNetwork | Forecast,
    *,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw a network: every variable as a box, with a bar for the probability of each state.

    Arrows come from parents; those of parents some steps before are dashed. Beside each bar stands
    the mean, and across its end the 90 % interval where draws of the tables differ. Dangerous
    courses are warm in colour; a dark name says that the variable has evidence of its own, or is
    set.

    Parameters
    ----------
    given
        A scenario, which is drawn with its prior; a network from a file; beliefs about either; or
        a forecast. All are drawn at their present step.
    names
        The variables to draw; all of them if none is given. Each is drawn with the arrows between
        those that are.
    ax
        Matplotlib axes to draw into; a figure that fits is made if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        The drawing, in inches.

    Raises
    ------
    InputError
        If a name is unknown, none is given, or `ax` are no axes.

    Examples
    --------
    >>> grass = TabledNetwork(
    ...     "grass",
    ...     variables={"rain": ("no", "yes"), "grass": ("dry", "wet")},
    ...     parents={"grass": ("rain",)},
    ...     tables={"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
    ... )
    >>> axes = plot_network(grass.beliefs(draws=1).set_evidence({"grass": "wet"}))  # doctest: +SKIP
    """
    require_axes(ax)
    found, dangerous = _believed(given)
    nodes = _chosen(found.network, names)
    boxes = _boxes(found, nodes, dangerous)
    edges = list(_edges(nodes))
    tops, size = _places(_rows(nodes, edges), edges, boxes)
    axis = ax
    if ax is None:
        axis = shown_figure(size, layout="none").add_axes((0, 0, 1, 1))
    with house_style():
        stage = _Stage(axis, _set_stage(axis, size), boxes, tops)
        for edge in edges:
            _draw_arrow(stage, *edge)
        for name in boxes:
            _draw_box(stage, name)
        _draw_key(stage, edges)
    return axis


def _believed(given: Scenario | Beliefs | TabledNetwork | Forecast) -> tuple[Beliefs, Pairs]:
    """Beliefs, and the dangerous courses among their states."""
    from forecast.model.builder import compile_tables
    from forecast.posterior.prior import beliefs_at_start, draw_priors

    if isinstance(given, Beliefs):
        return given, frozenset()
    if isinstance(given, TabledNetwork):
        draws = DRAWS if given.concentration else 1
        return given.beliefs(draws=draws, random_seed=SEED), frozenset()
    if isinstance(given, Forecast):
        scenario, found = given.scenario, beliefs(given, draws=DRAWS_OF_FORECAST)
    else:
        scenario = with_default_effects(given)
        parameters = draw_priors(compile_tables(scenario).priors, DRAWS, SEED)
        found = beliefs_at_start(scenario, parameters, n_steps=1)
    return found, frozenset(pair for pair, course in scenario.courses.items() if course.dangerous)


def _chosen(network: Network, names: Sequence[str] | None) -> list[Node]:
    known = network.names
    wanted = known if names is None else [names] if isinstance(names, str) else list(names)
    raise_if_any(
        [
            Problem("names", f"{name!r} is not a variable; {nearest(str(name), known)}")
            for name in wanted
            if name not in known
        ]
    )
    if not wanted:
        raise InputError([Problem("names", "names no variable; leave it out to draw them all")])
    return [node for node in network.nodes if node.name in set(wanted)]


def _boxes(found: Beliefs, nodes: Sequence[Node], dangerous: Pairs) -> dict[str, _Box]:
    now = found.posteriors().isel(time=found.now)
    forced = {name for _, states in found.interventions for name, _ in states}
    marked = forced.union(found.evidence_variables)
    boxes = {}
    for node in nodes:
        most = len(node.states) if len(node.states) <= MOST_STATES else MOST_STATES - 1
        states = tuple(
            (
                state,
                Estimate.of(now.sel(variable_state=f"{node.name}={state}")),
                (node.name, state) in dangerous,
            )
            for state in node.states[:most]
        )
        left_out = len(node.states) - most
        boxes[node.name] = _Box(node.name, states, left_out, node.name in marked)
    return boxes


def _edges(nodes: Sequence[Node]) -> Iterator[Edge]:
    """One arrow from each parent; of several steps, that in the same step or from longest ago."""
    drawn = {node.name for node in nodes}
    for node in nodes:
        blocks = [block for block in (node.first, node.later) if block is not None]
        lags: dict[str, list[int]] = {}
        for name, lag in (parent for block in blocks for parent in block.parents):
            lags.setdefault(name, []).append(lag)
        for name, found in lags.items():
            if name in drawn:
                yield name, node.name, 0 if 0 in found else max(found)


def _rows(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[str]]:
    """Variables row by row: parents above children, roots just above the first of theirs.

    Of parents some steps before, those count that stand earlier in the order of the network.
    """
    order = {node.name: k for k, node in enumerate(nodes)}
    down = [(one, other) for one, other, _ in edges if order[one] < order[other]]
    depth = dict.fromkeys(order, 0)
    for one, other in sorted(down, key=lambda pair: order[pair[1]]):
        depth[other] = max(depth[other], depth[one] + 1)
    for root in order.keys() - {other for _, other in down}:
        depth[root] = min((depth[other] - 1 for one, other in down if one == root), default=0)
    rows: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for name in order:
        rows[depth[name]].append(name)
    return [row for row in rows if row]


def _places(
    rows: list[list[str]], edges: Sequence[Edge], boxes: Mapping[str, _Box]
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """Middle of the top of each box, y downwards from the top of the page, and the page's size."""
    across = _across(rows, edges)
    rows = [part for row in rows for part in _parted(sorted(row, key=across.__getitem__))]
    across = _across(rows, edges, across)
    left = min(across.values()) - WIDTH / 2 - AROUND
    tops: dict[str, tuple[float, float]] = {}
    y = AROUND
    for row in rows:
        tops |= {name: (across[name] - left, y) for name in row}
        y += max(boxes[name].height for name in row) + ABOVE
    width = max(across.values()) + WIDTH / 2 + AROUND - left
    return tops, (max(width, 2 * WIDTH), y - ABOVE + 2 * AROUND)


def _parted(row: list[str]) -> list[list[str]]:
    """Rows that are not too long; neighbours of a long one go to different rows."""
    number = -(-len(row) // MOST_ABREAST)
    return [row[k::number] for k in range(number)]


def _across(
    rows: Sequence[Sequence[str]],
    edges: Sequence[Edge],
    start: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Middle of each box from left to right, near to the middles of its neighbours.

    Row by row, down and up again, boxes are put in the order of their neighbours' mean, and as
    near to it in least squares as boxes that do not touch can be: an isotonic regression.
    """
    from scipy.optimize import isotonic_regression

    near: dict[str, list[str]] = {name: [] for row in rows for name in row}
    for one, other, _ in edges:
        if one != other:
            near[one].append(other)
            near[other].append(one)
    pitch = WIDTH + BESIDE
    found = dict(start or {})
    for row in rows:
        for k, name in enumerate(row):
            found.setdefault(name, pitch * (k - (len(row) - 1) / 2))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wish = {n: float(np.mean([found[m] for m in near[n]] or [found[n]])) for n in row}
            order = sorted(row, key=wish.__getitem__)
            steps = pitch * np.arange(len(order))
            middles = isotonic_regression([wish[name] for name in order] - steps).x + steps
            found |= dict(zip(order, map(float, middles), strict=True))
    return found


def _set_stage(axis: Any, size: tuple[float, float]) -> float:
    """Let the axes measure inches from the top left; how long one of them is when drawn."""
    axis.set_xlim(0, size[0])
    axis.set_ylim(size[1], 0)
    axis.set_aspect("equal")
    axis.axis("off")
    room = axis.get_position().size * axis.figure.get_size_inches()
    return float(min(room / np.array(size)))


def _draw_arrow(stage: _Stage, parent: str, child: str, lag: int) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    points = _bend(stage, parent, child)
    patch = FancyArrowPatch(
        path=Path(points, [Path.MOVETO, *[Path.CURVE4] * 3]),
        arrowstyle="-|>",
        mutation_scale=8 * stage.scale,
        lw=0.9 * stage.scale,
        ls=(0, (4, 2)) if lag else "-",
        color=QUIET,
        alpha=0.75 if abs(points[3, 1] - points[0, 1]) < 2 * ABOVE else 0.45,
        zorder=1,
    )
    stage.axis.add_patch(patch)


def _bend(stage: _Stage, parent: str, child: str) -> npt.NDArray[np.float64]:
    """Four points of a curve that leaves one box and enters the other upright, or a loop."""
    (x, top), (to_x, to_top) = stage.tops[parent], stage.tops[child]
    bottom, to_bottom = top + stage.boxes[parent].height, to_top + stage.boxes[child].height
    if parent == child:
        side, out = x + WIDTH / 2, 0.2
        ends = (side, bottom - 0.08), (side, top + TITLE / 2)
        return np.array([ends[0], (side + out, ends[0][1]), (side + out, ends[1][1]), ends[1]])
    if to_top > bottom:
        y, to_y = bottom, to_top
    elif to_bottom < top:
        y, to_y = top, to_bottom
    else:
        lift = (0, 0.8 * ABOVE)
        return np.array([(x, top), (x, top - lift[1]), (to_x, to_top - lift[1]), (to_x, to_top)])
    turn = 0.5 * (to_y - y)
    return np.array([(x, y), (x, y + turn), (to_x, to_y - turn), (to_x, to_y)])


def _draw_box(stage: _Stage, name: str) -> None:
    from matplotlib.patches import Rectangle

    box, (middle, top) = stage.boxes[name], stage.tops[name]
    left, thick = middle - WIDTH / 2, stage.scale
    edge = INK if box.has_evidence else RULE
    for height, fill in ((box.height, "white"), (TITLE, INK if box.has_evidence else PALE)):
        stage.axis.add_patch(
            Rectangle((left, top), WIDTH, height, fc=fill, ec=edge, lw=thick, zorder=2)
        )
    shade = "white" if box.has_evidence else INK
    title = _cut(box.name, NAME_LETTERS)
    _write(stage, left + 0.07, top + TITLE / 2, title, color=shade, fontweight="bold")
    y = top + TITLE + MARGIN / 2 + LINE / 2
    for line in box.states:
        _draw_state(stage, left, y, *line)
        y += LINE
    if box.left_out:
        _write(stage, left + 0.07, y, f"and {box.left_out} more states", color=QUIET)


def _draw_state(
    stage: _Stage, left: float, y: float, state: str, value: Estimate, dangerous: bool
) -> None:
    """One line of a box: name, bar with its interval, number."""
    color = DANGER[0] if dangerous else BLUE
    start = left + BAR
    _write(stage, left + 0.07, y, _cut(state, STATE_LETTERS), color=color if dangerous else INK)
    for length, fill in ((1.0, PALE), (value.mean, color)):
        stage.axis.barh(y, SCALE * length, left=start, height=0.09, color=fill, lw=0, zorder=3)
    if value.upper - value.lower > 1e-9:
        ends = start + SCALE * np.array([value.lower, value.upper])
        stage.axis.plot(ends, [y, y], color=INK, lw=stage.scale, solid_capstyle="butt", zorder=4)
    number = _number(value.mean)
    _write(stage, left + WIDTH - 0.07, y, number, ha="right", color=color if dangerous else INK)


def _number(probability: float) -> str:
    """Percent; what is certain but for rounding was observed or set, and is no estimate."""
    certain = round(probability, 12) in {0, 1}
    return f"{100 * probability:.0f}{GAP}%" if certain else percent(probability)


def _draw_key(stage: _Stage, edges: Sequence[Edge]) -> None:
    """Say below what differs in looks, if something does."""
    boxes = stage.boxes.values()
    lines = [line for box in boxes for line in box.states]
    key = [
        *(["dark name: has evidence, or is set"] if any(b.has_evidence for b in boxes) else []),
        *([f"dashed: from {_ago(lag)}"] if (lag := max((e[2] for e in edges), default=0)) else []),
        *(["orange: dangerous"] if any(danger for *_, danger in lines) else []),
        *(["line: 90 % interval"] if any(v.upper - v.lower > 1e-9 for _, v, _ in lines) else []),
    ]
    bottom = stage.axis.get_ylim()[0] - 0.8 * AROUND
    _write(stage, AROUND, bottom, "; ".join(key), color=QUIET)


def _ago(lag: int) -> str:
    return "the step before" if lag == 1 else f"the step before, or up to {lag} steps ago"


def _write(stage: _Stage, x: float, y: float, text: str, **looks: Any) -> None:
    looks = {"va": "center_baseline", "fontsize": TEXT * stage.scale, "zorder": 5, **looks}
    stage.axis.text(x, y, text, **looks)


def _cut(name: str, most: int) -> str:
    """Somebody's name, as it is asked for, safe for a figure."""
    return for_figure(shortened(visible(flat(name)), most))
