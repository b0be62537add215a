"""Numbers of a product: the API gives the same, section by section, and every form prints them."""

import re
from html import unescape

import pytest

import forecast as fc
from forecast.analysis.targets import signed
from forecast.estimate import Estimate, interval, percent, quantity
from forecast.reporting.change import last_common_day
from forecast.reporting.document import Badge, Figure, Lines, Listing, Measure, Prose, Stack, Table
from forecast.reporting.product import product
from forecast.reporting.request import DRAWS
from forecast.text import DASH
from forecast.wording import long_date, plain, points
from tests.reporting.test_forms import docx_text
from tests.reporting.test_shipped_products import forecasts, take_few_orders

SHIPPED = [
    "veyra-fleet",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("ombara-outbreak", "iraq-2020")),
]

pytestmark = [
    pytest.mark.filterwarnings("ignore::forecast.UnreliableWeights"),
    pytest.mark.filterwarnings("ignore::forecast.InputWarning"),
]


@pytest.fixture(scope="module", params=SHIPPED)
def written(request):
    """A shipped scenario's forecast, that of about a week before it, and the product of both."""
    with pytest.MonkeyPatch.context() as patch:
        take_few_orders(patch)
        outlook, earlier = forecasts(request.param, draws=12, chains=2)
        yield outlook, earlier, product(outlook, earlier, allow_unreliable=True)


def tables(written, key):
    """The tables of a section, as rows by the text of their first cells."""
    section = next(part for part in written[2].document.sections if part.key == key)
    found = [block for block in section.blocks if isinstance(block, Table)]
    return [{(first_line(row[0]), k): row for k, row in enumerate(each.rows)} for each in found]


def first_line(cell):
    return cell.main if isinstance(cell, Lines) else cell


def by_label(written):
    return {each.course.label: each for each in written[0].courses}


def test_courses(written):
    outlook = written[0]
    rows, *_ = tables(written, "assessment")  # base rates follow
    dynamic = outlook.horizon is not None
    for (label, _), row in rows.items():
        prospect = by_label(written)[label]
        name = f"{prospect.variable}={prospect.state}"
        measures = [cell.estimate for cell in row if isinstance(cell, Measure)]
        assert measures[0] == outlook.state_probability(prospect.variable, prospect.state)
        if dynamic and prospect.course.dangerous:
            assert measures[2] == outlook.probability_within(name)


def test_dangerous_courses_by_some_days(written):
    outlook = written[0]
    if outlook.horizon is None:
        pytest.skip("no clock")
    section = next(part for part in written[2].document.sections if part.key == "timing")
    table = next(block for block in section.blocks if isinstance(block, Table))
    names = {each.course.label: f"{each.variable}={each.state}" for each in outlook.courses}
    last = {line.label: line.name for line in written[2].document.glance}
    for label, *cells in table.rows:
        found = outlook.probability_within(names.get(label, last[label]))
        assert cells[-1] == Lines(percent(found.mean), interval(found))


def test_parts_of_an_account(written):
    outlook = written[0]
    dangerous = outlook.most_dangerous if outlook.horizon else ()
    subject = max(dangerous or (outlook.most_likely,), key=lambda each: each.within.mean)
    found = fc.explain(outlook, subject.variable, subject.state)
    parts = {part.name.lower(): part for part in found.contributions}
    lead = next(part for part in written[2].document.sections if part.key == "why").blocks[0].text
    shown = subject.within if dangerous or outlook.horizon is None else subject.average
    assert lead.startswith(f"{percent(found.start)} before any evidence")
    assert lead.endswith(f"; {quantity(shown)} now.")
    assert abs(shown.mean - found.probability.mean) < 0.02
    (rows,) = tables(written, "why")
    named = {label.lower(): row for (label, _), row in rows.items() if label.lower() in parts}
    assert len(named) == min(len(parts), 8)
    for name, (_, adds, gone) in named.items():
        part = parts[name]
        assert adds == signed(100 * part.points.mean)
        assert gone == (DASH if part.withdrawn is None else signed(100 * part.withdrawn))


def test_what_changed(written):
    outlook, earlier, _ = written
    day = last_common_day(outlook, earlier)
    found = fc.compare(earlier, outlook, until=day)
    (rows,) = tables(written, "change")
    for (label, _), row in rows.items():
        prospect = by_label(written)[label]
        move = found.move(f"{prospect.variable}={prospect.state}")
        assert row[2].small == f"{percent(move.before)} to {percent(move.after)}"
        if day is not None:
            moved = points(move.after - move.before)
            assert row[1].main == f"{moved} to {long_date(day)}"
        for part in move.named:
            assert f"{part.name} {signed(100 * part.points)}" in row[2].main


def test_alternatives(written):
    outlook = written[0]
    leader = outlook.most_likely
    (rows,) = tables(written, "alternatives")
    assert len(rows) == len(outlook.courses) - 1
    for (label, _), row in rows.items():
        other = by_label(written)[label]
        share = fc.likelier(outlook, (other.variable, other.state), (leader.variable, leader.state))
        assert row[2] == percent(share)


def test_what_to_look_for(written):
    outlook = written[0]
    event = None
    if outlook.horizon is None:
        event = f"{outlook.most_likely.variable}={outlook.most_likely.state}"
    found = fc.watch_list(outlook, event)
    leads = {outlook.scenario.variables[lead.indicator].label: lead for lead in found.leads}
    (rows,) = tables(written, "next")
    for (label, _), row in rows.items():
        finding = leads[label].telling
        assert row[1:3] == (plain(finding.state), percent(finding.probability))
        assert row[3].removesuffix(" *") == f"{points(finding.given - found.probability)} points"
        assert row[4] == f"{leads[label].bits:.2g}"


def test_what_follows_of_courses(written):
    """P(outcome | course) as beliefs give it that condition on each course by themselves."""
    outlook = written[0]
    outcomes = outlook.scenario.with_role("outcome")
    if not outcomes:
        pytest.skip("no outcomes")
    asked = fc.beliefs(outlook, draws=DRAWS)
    timeline = outlook.scenario.timeline
    time = asked.times[timeline.step_of(outlook.horizon) if timeline else outlook.now]
    levels = {
        f"{variable.label}: {plain(state)}": (name, state)
        for name, variable in outcomes.items()
        for state in variable.states[1:]
    }
    section = next(part for part in written[2].document.sections if part.key == "implications")
    _, *given = (block for block in section.blocks if isinstance(block, Table))
    assert [title for each in given for title in each.head[1:]] == [*levels]
    compared = 0
    for table in given:
        for label, *cells in table.rows:
            prospect = by_label(written)[label]
            known = asked.set_evidence({prospect.variable: prospect.state}, time)
            for title, cell in zip(table.head[1:], cells, strict=True):
                name, state = levels[title]
                found = known.posterior(name, time, view="smoothed").sel(state=state)
                if cell != DASH:
                    assert cell == quantity(Estimate.of(found))
                    compared += 1
    assert compared


def test_assumptions(written):
    """P(danger | assumed state) as beliefs give it that condition on each state by themselves."""
    outlook = written[0]
    asked = fc.beliefs(outlook, draws=DRAWS)
    now = asked.times[outlook.now]
    assumed = {
        variable.label: name
        for name, variable in outlook.scenario.variables.items()
        if variable.assumption
    }
    found = [part for part in written[2].document.sections if part.key == "assumptions"]
    if not found:
        pytest.skip("no assumptions")
    dangerous = outlook.most_dangerous if outlook.horizon else (outlook.most_likely,)
    states = [(each.variable, each.state) for each in dangerous]
    start = asked.times[outlook.now + (outlook.horizon is not None)]
    (rows,) = tables(written, "assumptions")
    largest = []
    for (label, _), row in rows.items():
        name, assumption = assumed[label], outlook.scenario.variables[assumed[label]].assumption
        given = {
            state: Estimate.of(
                asked.set_evidence({name: state}, now).at_least_once(states, start).isel(time=-1)
            )
            for state in outlook.scenario.variables[name].states
        }
        if_so = given.pop(assumption)
        assert (row[0].small, row[2]) == (plain(assumption), quantity(if_so))
        shifts = {state: then.mean - if_so.mean for state, then in given.items()}
        ordered = sorted(given, key=lambda state: -abs(shifts[state]))
        assert row[3].lines == tuple(
            f"{plain(state)}: {quantity(given[state])}, {signed(100 * shifts[state])}"
            for state in ordered
        )
        largest.append(abs(shifts[ordered[0]]))
    assert largest == sorted(largest, reverse=True)


def test_the_page_flips_each_assumption_once(written):
    """To the state that the full product names first, the assumptions in its order."""
    full = next((part for part in written[2].document.sections if part.key == "assumptions"), None)
    if full is None:
        pytest.skip("no assumptions")
    page = product(written[0], length="page", allow_unreliable=True).document
    (table,) = next(part for part in page.sections if part.key == "change-of-mind").blocks
    for row, (label, _, _, instead) in zip(table.rows, full.blocks[0].rows, strict=False):
        assert row[0].main == label.main
        assert instead.lines[0].startswith(f"{row[1]}: {row[2].main} (")
    assert len(table.rows) == min(3, len(full.blocks[0].rows))


def test_every_form_prints_what_the_document_says(written):
    """Every cell, sentence and heading of the document, word for word."""
    document = written[2].document
    bare = r"[\s\u00a0\u2066-\u2069\\|`]+"
    page = re.sub(r"<(style|script|svg).*?</\1>", "", written[2].html, flags=re.DOTALL)
    forms = {
        "html": unescape(re.sub(r"<[^>]+>", " ", page)),
        "markdown": unescape(written[2].markdown.replace("<br>", " ")),
        "docx": "\n".join(docx_text(written[2].docx)),
    }
    forms = {name: re.sub(bare, "", text) for name, text in forms.items()}
    wanted = [text for part in document.sections for text in texts_of(part)]
    assert len(wanted) > 100
    for name, text in forms.items():
        lost = [each for each in wanted if re.sub(bare, "", each) not in text]
        assert not lost, (name, lost[:5], len(lost))


def texts_of(section):
    """What a section says, a text at a time."""
    yield section.title
    for block in section.blocks:
        match block:
            case Prose(text=text, lead=lead):
                yield from (lead, text)
            case Table(head=head, rows=rows):
                yield from head
                yield from (text for row in rows for cell in row for text in cell_texts(cell))
            case Listing(groups=groups):
                for name, rows in groups:
                    yield name
                    yield from (text for row in rows for text in row)
            case Figure(caption=caption):
                yield caption


def cell_texts(cell):
    match cell:
        case Measure(estimate=estimate):
            return [percent(estimate.mean), interval(estimate)]
        case Badge(text=text):
            return [text]
        case Lines(main=main, small=small):
            return [main, small]
        case Stack(lines=lines):
            return lines
        case _:
            return [cell]
