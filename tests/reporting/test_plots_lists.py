"""Plots of lists: what they draw is what the API says, into the axes they are given."""

from dataclasses import replace

import matplotlib as mpl
import pytest

import forecast as fc
from forecast.analysis.watch_list import Finding, Lead, WatchList
from forecast.errors import InputError
from forecast.estimate import quantity
from forecast.reporting.plots import BLUE, DANGER
from tests.reporting.made_forecasts import made


def test_courses_are_intervals_with_their_numbers(axis):
    outlook, before = made(), dict(mpl.rcParams)
    drawn = fc.plot_courses(outlook, ax=axis)
    assert drawn is axis
    assert dict(mpl.rcParams) == before
    estimates = [o.within if o.course.dangerous else o.average for o in outlook.courses]
    texts = [text.get_text() for text in axis.texts]
    assert texts == [quantity(each) for each in (*estimates, outlook.any_dangerous)]
    bars = [line for line in axis.lines if len(line.get_xdata()) == 2]
    assert list(bars[0].get_xdata()) == [estimates[0].lower, estimates[0].upper]
    assert bars[0].get_color() == BLUE
    assert bars[1].get_color() == DANGER[0]


def test_the_watch_list_is_drawn_in_bits(axis):
    findings = (Finding("$a$", 0.2, 0.6),)
    leads = tuple(Lead(f"sign {k}", 0.1 / (k + 1), 1.0, findings) for k in range(15))
    leads = (replace(leads[0], label="A sign with a name"), *leads[1:])
    found = WatchList("storm=storm", 0.3, 0.88, leads)
    drawn = fc.plot_watch_list(found, ax=axis)
    assert [bar.get_width() for bar in drawn.patches] == [lead.bits for lead in leads[:12]]
    drawn.figure.canvas.draw()
    labels = [label.get_text() for label in drawn.get_yticklabels()]
    assert labels[:2] == ["A sign with a name", "sign 1"]
    with pytest.raises(InputError, match="names no indicator"):
        fc.plot_watch_list(WatchList("storm=storm", 0.3, 0.88, ()))
    with pytest.raises(InputError, match="ax: 'here'; needs axes"):
        fc.plot_watch_list(found, ax="here")


def test_first_passage_rises_to_what_the_table_prints(axis):
    outlook = made()
    drawn = fc.plot_first_passage(outlook, ax=axis)
    ends = sorted(float(line.get_ydata()[-1]) for line in drawn.lines)
    answers = [o.within.mean for o in outlook.most_dangerous] + [outlook.any_dangerous.mean]
    assert ends == pytest.approx(sorted(answers))
    with pytest.raises(InputError, match="no clock"):
        fc.plot_first_passage(made(dynamic=False))
