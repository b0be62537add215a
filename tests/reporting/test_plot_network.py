"""Drawings of networks: what is in them, and what nobody's label can do to them."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch

import forecast as fc
from forecast.errors import InputError
from forecast.network.structure import Block, Network, Node
from forecast.reporting.plots import DANGER, INK
from tests.reporting.made_forecasts import made
from tests.small import weather


@pytest.fixture(autouse=True)
def closed():
    """Close every figure after its test."""
    yield
    plt.close("all")


def collider(one="one", other="other"):
    """Two causes of one effect."""
    return fc.TabledNetwork(
        "collider",
        variables={one: ("no", "yes"), other: ("no", "yes"), "effect": ("no", "yes")},
        parents={"effect": (one, other)},
        tables={
            one: [0.8, 0.2],
            other: [0.7, 0.3],
            "effect": [[[0.9, 0.1], [0.5, 0.5]], [[0.4, 0.6], [0.1, 0.9]]],
        },
    )


def texts(axis):
    return [text.get_text() for text in axis.texts]


def arrows(axis):
    return [patch for patch in axis.patches if isinstance(patch, FancyArrowPatch)]


def test_a_network_shows_names_states_numbers_and_arrows():
    before = dict(mpl.rcParams)
    axis = fc.plot_network(collider())
    axis.figure.canvas.draw()
    assert isinstance(axis, mpl.axes.Axes)
    assert dict(mpl.rcParams) == before
    assert {"one", "other", "effect", "no", "yes"} <= set(texts(axis))
    # By hand: 0.56 * 0.1 + 0.24 * 0.5 + 0.14 * 0.6 + 0.06 * 0.9 = 0.314.
    assert {"20\xa0%", "30\xa0%", "31\xa0%"} <= set(texts(axis))
    assert len(arrows(axis)) == 2
    assert not axis.lines  # tables that are known exactly have no intervals
    tops = {text.get_text(): text.get_position()[1] for text in axis.texts}
    assert tops["one"] == tops["other"] < tops["effect"]


def test_evidence_is_marked_and_draws_that_vary_have_intervals():
    found = collider().with_concentration(20).beliefs(draws=50).set_evidence({"effect": "yes"})
    axis = fc.plot_network(found)
    dark = [patch for patch in axis.patches if to_rgba(INK) == patch.get_facecolor()]
    assert len(dark) == 1
    assert len(axis.lines) == 4  # the two states of each cause
    assert "100\xa0%" in texts(axis)
    assert "dark name: has evidence, or is set; line: 90 % interval" in texts(axis)


def test_a_forecast_is_drawn_with_its_reported_indicators_marked():
    outlook = made()
    axis = fc.plot_network(outlook)
    light = {text.get_text() for text in axis.texts if text.get_color() == "white"}
    assert light == {report.indicator for report in outlook.evidence.observations}
    assert set(outlook.scenario.variables) <= set(texts(axis))


def test_a_parent_of_the_step_before_is_dashed_and_a_dangerous_course_warm():
    axis = fc.plot_network(weather())
    dashed = {patch.get_linestyle() not in ("-", "solid") for patch in arrows(axis)}
    assert dashed == {True, False}  # the storm's own past, and the barometer's cause
    warm = {text.get_text() for text in axis.texts if text.get_color() == DANGER[0]}
    assert "storm" in warm
    assert "calm" not in warm
    assert not any("dashed" in text for text in texts(fc.plot_network(weather(dynamic=False))))


def test_labels_are_drawn_as_they_are_and_do_nothing():
    names = ("from $5 to $9", "\x1b[2J" + "x" * 80)
    nodes = (Node(name, ("no", "$yes$"), Block((), 2 * k), None) for k, name in enumerate(names))
    network = Network(tuple(nodes), n_cells=4, dynamic=False)
    axis = fc.plot_network(fc.Beliefs.of(network, np.full((4, 1), 0.5)))
    axis.figure.canvas.draw()
    assert {r"from \$5 to \$9", r"\$yes\$"} <= set(texts(axis))
    assert not any("\x1b" in text or len(text) > 40 for text in texts(axis))


def test_a_part_is_drawn_into_axes_that_are_given():
    _, own = plt.subplots(figsize=(3, 3))
    axis = fc.plot_network(collider(), names=["one", "effect"], ax=own)
    assert axis is own
    assert len(plt.get_fignums()) == 1
    assert "other" not in texts(axis)
    assert len(arrows(axis)) == 1
    with pytest.raises(InputError, match="'efect' is not a variable; did you mean 'effect'"):
        fc.plot_network(collider(), names=["efect"])
    with pytest.raises(InputError, match="names no variable"):
        fc.plot_network(collider(), names=[])
    with pytest.raises(InputError):
        fc.plot_network("asia")


@pytest.mark.parametrize(
    ("lags", "dashes", "key"),
    [
        ((0,), 0, ""),
        ((1,), 1, "dashed: from the step before"),
        ((1, 3), 1, "dashed: from the step before, or up to 3 steps ago"),
        ((0, 2), 0, ""),
    ],
)
def test_one_arrow_comes_from_a_parent_of_several_steps(lags, dashes, key):
    cause = Node("cause", ("no", "yes"), Block((), 0), Block((), 0))
    parents = tuple(("cause", lag) for lag in lags)
    effect = Node("effect", ("no", "yes"), Block((("cause", 0),), 2), Block(parents, 6))
    if 0 not in lags:
        effect = Node("effect", ("no", "yes"), Block((), 2), Block(parents, 6))
    network = Network((cause, effect), 6 + 2 ** (len(lags) + 1), dynamic=True)
    beliefs = fc.Beliefs.of(network, np.full((network.n_cells, 1), 0.5), network.no_evidence(4))
    axis = fc.plot_network(beliefs)
    axis.figure.canvas.draw()
    assert len(arrows(axis)) == 1
    assert sum(arrow.get_linestyle() != "-" for arrow in arrows(axis)) == dashes
    assert texts(axis)[-1] == key
