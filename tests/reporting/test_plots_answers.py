"""Plots of answers: what they draw is what the API says, into the axes they are given."""

from inspect import signature

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.analysis.frames import ANSWER, MEAN, Sensitivity
from forecast.analysis.what_if import Branch, WhatIf
from forecast.errors import InputError
from forecast.estimate import Estimate, quantity
from forecast.reporting import plots_answers
from tests.reporting.made_forecasts import made
from tests.verification.test_questions import day

mpl.use("Agg")


def table():
    found = Sensitivity(
        {
            "share": [0.1, 0.6, 0.3],
            "low": [0.1, 0.2, 0.3],
            "high": [0.3, 0.4, 0.5],
            "at_low": [0.29, 0.10, 0.31],
            "at_high": [0.31, 0.50, np.nan],
        },
        index=pd.Index(["small $x$", "large", "impossible"], name="judgement"),
    )
    found.attrs |= {ANSWER: "storm=storm", MEAN: 0.3}
    return found


def test_a_tornado_has_the_widest_bar_on_top_and_leaves_out_what_is_no_number(axis):
    before = dict(mpl.rcParams)
    assert fc.plot_tornado(table(), ax=axis) is axis
    assert dict(mpl.rcParams) == before
    assert [label.get_text() for label in axis.get_yticklabels()] == ["large", r"small \$x\$"]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axis.patches[:2]]
    assert sorted(end for pair in ends for end in pair) == pytest.approx([0.1, 0.3, 0.3, 0.5])
    assert len(fc.plot_tornado(table(), most=1).patches) == 2
    with pytest.raises(InputError, match="needs what `sensitivity` returns"):
        fc.plot_tornado(pd.DataFrame({"a": [1]}))


def test_a_calibration_diagram_is_the_curve_of_the_scores(axis):
    found = fc.reliability([0.1, 0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1, 1])
    assert fc.plot_calibration(found, ax=axis) is axis
    diagonal, curve = axis.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert list(curve.get_xdata()) == list(found.probability)
    assert list(curve.get_ydata()) == list(found.frequency)
    assert f"{found.decomposition.score:.3f}" in axis.get_title(loc="left")
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert any("90" in text for text in legend)


def fan():
    def values(top):
        return tuple(Estimate(top * k, top * k / 2, top * k * 1.2) for k in (0.1, 0.3, 0.5))

    return WhatIf(
        course="storm=storm",
        variable="barometer",
        course_label="A storm",
        variable_label="Barometer",
        days=(day(1), day(2), day(3)),
        past_days=(day(0),),
        past=(Estimate(0.02, 0.01, 0.03),),
        ahead=values(0.5),
        branches=(
            Branch("low", Estimate(0.3, 0.2, 0.4), values(1.0)),
            Branch("high", Estimate(0.7, 0.6, 0.8), values(0.2)),
        ),
    )


def test_a_fan_has_a_line_for_each_state_and_one_with_nothing_supposed(axis):
    assert fc.plot_what_if(fan(), ax=axis) is axis
    named = {line.get_label(): line for line in axis.lines if line.get_label()[0] != "_"}
    assert {name.split(" (")[0] for name in named} == {"nothing supposed", "if low", "if high"}
    for branch in fan():
        [line] = [each for name, each in named.items() if name.startswith(f"if {branch.state}")]
        assert list(line.get_ydata()) == [each.mean for each in branch.ahead]
    dashes = {str(line.get_linestyle()) + str(line.get_color()) for line in named.values()}
    assert len(dashes) == 3
    assert "90" in axis.get_xlabel()
    assert axis.get_title(loc="left") == "A storm: under way, if this is known now: Barometer"


def test_prior_and_posterior_are_densities_with_their_numbers(axis, monkeypatch):
    import xarray as xr

    rng, name = np.random.default_rng(5), "raid=raid"
    draws = {"prior": rng.beta(2, 8, 300), "posterior": rng.beta(20, 60, 300)}
    tree = xr.DataTree.from_dict(
        {
            group: xr.Dataset({name: (("chain", "draw"), values[None])})
            for group, values in draws.items()
        }
    )
    monkeypatch.setattr(plots_answers, "prior_and_posterior", lambda *_: tree)
    assert fc.plot_prior_posterior(made(), name, ax=axis) is axis
    texts = " ".join(text.get_text() for text in axis.texts)
    for values in draws.values():
        assert quantity(Estimate.of(values)) in texts
    long = [line for line in axis.lines if len(line.get_xdata()) > 50]
    assert len(long) == 2


def test_the_board_has_a_row_for_each_indicator_and_a_mark_for_each_report(axis):
    outlook = made()
    assert fc.plot_indicators(outlook, ax=axis) is axis
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["Troops quiet words", "Talks"]
    marks = [line for line in axis.lines if line.get_marker() == "o"]
    assert len(marks) == len(outlook.evidence.observations)
    assert [text.get_text() for text in axis.texts] == ["many, 21 Jan", "no report"]


def test_every_plot_takes_axes():
    plots = [getattr(fc, name) for name in dir(fc) if name.startswith("plot_")]
    assert len(plots) > 10
    for plot in plots:
        given = signature(plot).parameters["ax"]
        assert (given.kind, given.default) == (given.KEYWORD_ONLY, None)


def test_a_timeline_draws_into_the_axes_it_is_given(axis):
    import matplotlib.pyplot as plt

    outlook = made()
    [drawn] = fc.plot_timeline(outlook, "raid=raid", ax=axis)
    assert drawn is axis
    two = plt.figure().subplots(2)
    assert list(fc.plot_timeline(outlook, "raid=raid", ax=two)) == list(two)
    with pytest.raises(InputError, match="1 given; needs 2, one for each course, or one more"):
        fc.plot_timeline(outlook, ["raid=raid", "posture=attack"], ax=axis)
