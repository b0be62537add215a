"""The section of a product that says how its numbers were made."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from forecast.estimate import MASS_TEXT
from forecast.outlook import Forecast
from forecast.reporting.document import Heading, Prose, Section, Table
from forecast.reporting.request import Request
from forecast.scenario.indicator_groups import (
    IndicatorGroup,
    default_effect,
    default_effects,
    share_text,
)
from forecast.scenario.scenario import Scenario
from forecast.text import isolated
from forecast.wording import counted, long_date

TERMS = (
    ("Interval", f"holds {MASS_TEXT} of what is believed of a number; the tails are equal"),
    ("Share of days", "expected share of the days ahead on which a course is under way"),
    ("At least once", "probability that a course is under way on one of the days ahead or more"),
    ("Severity", "how much harm a course does, from 0 to 5, apart from how likely it is"),
    ("Origin", "where a statement came from first: copies of one origin count as one"),
    ("Grade", "reliability of a source, from A to F, and credibility of a report, from 1 to 6"),
    ("NUTS", "No-U-Turn Sampler, which draws tables that fit the evidence"),
    ("R-hat", "comparison of chains: it is near 1 where several runs of the sampler agree"),
    ("Effective sample size", "number of independent draws that would tell as much"),
    ("Monte Carlo error", "what a printed mean would vary by if the sampler ran anew"),
    ("Pareto k", "tells whether draws made under other evidence serve for this: below 0.7 they do"),
)
"""Terms that a product uses, for those who have never seen one."""
PACKAGES = ("forecast", "pymc", "nutpie", "pytensor", "arviz", "numpy", "xarray")


def method_section(request: Request) -> Section:
    """How the numbers were made.

    Parameters
    ----------
    request
        What the product is made from.
    """
    how = Table(("Item", "Value"), tuple(_method_rows(request.outlook)), (1, 3))
    return Section("method", "Method", (how,))


def terms_section(request: Request) -> Section:
    """The words for probabilities, and the terms of the method, each with what it means.

    Parameters
    ----------
    request
        What the product is made from.
    """
    lexicon = request.lexicon
    words = tuple((band.word(request.terms), band.range) for band in lexicon.bands)
    note = (
        f"Words follow {lexicon.title} and are chosen from the mean as it is printed; outside "
        "the bands a bound is printed instead, and a number between two bands is said to lie there."
    )
    return Section(
        "terms",
        "Terms",
        (
            Heading("Words for probabilities"),
            Prose(note, style="note"),
            Table(("Word", "Range"), words, (1, 1)),
            Prose(f"Source: {lexicon.source}", style="note"),
            Prose(f"Edges: {lexicon.edges}.", style="note"),
            Heading("Terms of the method"),
            Table(("Term", "Meaning"), TERMS, (1, 3)),
        ),
    )


def _method_rows(outlook: Forecast) -> Iterator[tuple[str, str]]:
    scenario, sampling = outlook.scenario, outlook.sampling
    yield "Scenario", f"{scenario.name}, version {scenario.version}"
    yield "Digest", f"{scenario.digest}; another if anything in the scenario differs"
    yield "As of", long_date(outlook.as_of)
    if scenario.timeline and outlook.horizon:
        timeline = scenario.timeline
        steps = counted(timeline.n_steps(outlook.as_of), "step")
        length = counted(timeline.step_days, "day")
        why = (
            "the scenario's target"
            if outlook.horizon == timeline.target
            else f"whole steps that cover {timeline.horizon_days} days after the present one"
        )
        yield "Horizon", f"{long_date(outlook.horizon)}: {why}"
        yield (
            "Steps",
            (
                f"{steps} of {length} from {long_date(timeline.start)}, of which "
                f"{timeline.steps_ahead(outlook.as_of)} lie ahead"
            ),
        )
        yield (
            "Days within a step",
            "what a step adds is spread evenly over its days; what is left of the present step "
            "runs as the next one does",
        )
    sizes = outlook.posterior["posterior"].sizes
    judgements = sum(size for name, size in sizes.items() if str(name).endswith("_judgement"))
    yield "Variables", str(len(scenario.variables))
    yield (
        "Uncertain judgements",
        (f"{judgements}, besides the accuracy of each reliability grade and source"),
    )
    yield "States", "summed over exactly, by variable elimination"
    for group in default_effects(scenario).values():
        yield "Indicators of one cause", _shown_together(group, scenario)
    yield "Tables", _tables(outlook)
    yield "Diagnostics", str(outlook.diagnostics)
    yield "Seed", str(sampling.random_seed)
    yield "Packages", ", ".join(_versions())
    yield (
        "Convention",
        (
            f"a probability is the mean over the draws, with the {MASS_TEXT} equal-tailed interval "
            "that unsure tables leave"
        ),
    )


def _shown_together(group: IndicatorGroup, scenario: Scenario) -> str:
    """What is assumed of indicators of which the scenario does not say how they hang together."""
    labels = "; ".join(isolated(scenario.variables[name].label) for name in group.indicators)
    return (
        "the scenario does not say whether these show together, so they are taken to be all high "
        f"or all low in {share_text(default_effect().table, scenario)} (ours, learned with the "
        "tables), so that what agrees among them counts for less than if they were independent: "
        f"{labels}"
    )


def _tables(outlook: Forecast) -> str:
    """Where the draws of the tables come from, and what they weigh."""
    sampling, fit = outlook.sampling, outlook.fit
    size = f"{sampling.chains} chains of {sampling.draws} draws"
    made = f"sampled with NUTS ({sampling.nuts_sampler}), {size}"
    if fit is not None and fit.method == "move":
        size = f"{fit.shape[0]} chains of {fit.shape[1]} draws"
        made = f"resampled and moved from draws under other evidence, {size}"
    if outlook.weights is None:
        return made
    if fit is None or fit.evidence is None:
        source = f"drawn from the prior, {size}"
    else:
        reports = counted(len(fit.evidence), "report")
        source = f"{made}, under the {reports} of {long_date(fit.evidence.as_of)}"
    return f"{source}; each weighs by how probable it makes the evidence"


def _versions() -> Iterator[str]:
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
