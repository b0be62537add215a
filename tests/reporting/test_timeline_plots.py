"""Courses drawn over time, in the product and in a notebook."""

from dataclasses import replace
from datetime import date, timedelta

import matplotlib as mpl
import pytest

from forecast.errors import InputError
from forecast.evidence.ledger import Ledger
from forecast.reporting.plots import DANGER, course_drawings, cumulative_drawing, plot_timeline
from tests.reporting.made_forecasts import made


def test_drawings_are_deterministic_and_leave_the_settings_alone(outlook):
    before = dict(mpl.rcParams)
    first, second = cumulative_drawing(outlook).svg, cumulative_drawing(made()).svg
    assert first == second
    assert dict(mpl.rcParams) == before
    assert first.startswith("<svg")
    assert "<metadata>" not in first
    assert str(date.today().year) not in first


def test_plot_has_a_panel_for_each_course_asked_for(outlook, pyplot):
    axes = plot_timeline(outlook)
    assert len(axes) == len(outlook.courses) + 1
    axes[0].figure.canvas.draw()
    assert len(plot_timeline(outlook, "raid=raid")) == 2
    assert len(pyplot.get_fignums()) == 2
    with pytest.raises(InputError, match="did you mean 'raid=raid'"):
        plot_timeline(outlook, "raid=rade")


def test_a_notebook_shows_a_plot_once_whether_or_not_it_is_assigned():
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import forecast as fc; from tests.reporting.made_forecasts import made; outlook = made()",
        "axes = fc.plot_timeline(outlook, 'raid=raid')",
        "fc.plot_timeline(outlook, 'raid=raid')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    pictures = [
        sum("image/png" in output.get("data", ()) for output in cell.outputs)
        for cell in notebook.cells
    ]
    assert pictures == [0, 1, 1]


def test_a_plot_leaves_the_settings_alone_and_says_what_the_label_says(pyplot):
    before = dict(mpl.rcParams)
    label = "from $5 to $9\x1b"
    axes = plot_timeline(made(text=label), "posture=attack")
    axes[0].figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    assert axes[0].get_title("left") == r"Attack from \$5 to \$9\x1b"
    assert r"Attack from $5 to $9\x1b" in course_drawings(made(text=label))[1].svg


def test_what_is_dangerous_is_never_drawn_in_the_colour_of_the_harmless(outlook, pyplot):
    *panels, total = plot_timeline(outlook)
    harmless = {
        panel.lines[0].get_color()
        for panel, prospect in zip(panels, outlook.courses, strict=True)
        if not prospect.course.dangerous
    }
    assert harmless
    assert harmless.isdisjoint(line.get_color() for line in total.lines)
    assert harmless.isdisjoint(DANGER)


def test_in_mid_step_the_present_is_drawn_at_the_as_of_date(outlook):
    early = Ledger(outlook.evidence.reports).known_at(outlook.as_of - timedelta(days=3))
    panel, total = plot_timeline(replace(outlook, evidence=early), "raid=raid")
    solid, dashed = panel.lines[:2]
    line = panel.lines[3].get_xdata()[0]
    assert solid.get_xdata()[-1] == dashed.get_xdata()[0] == line == early.as_of
    assert total.lines[0].get_xdata()[0] == early.as_of + timedelta(days=1)
    curve = total.lines[0].get_ydata()
    assert list(curve) == sorted(curve)
