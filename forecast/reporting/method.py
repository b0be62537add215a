"""The section of a product that says how its numbers were made."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from forecast.estimate import DASH, MASS_TEXT
from forecast.lexicon import read_lexicon
from forecast.outlook import Forecast
from forecast.reporting.document import Heading, Prose, Section, Table
from forecast.wording import counted, long_date

PACKAGES = ("forecast", "pymc", "nutpie", "pytensor", "arviz", "numpy", "xarray")


def method_section(outlook: Forecast) -> Section:
    """How the numbers were made and how they are written.

    Parameters
    ----------
    outlook
        The forecast.
    """
    how = Table(("Item", "Value"), tuple(_method_rows(outlook)), (1, 3))
    words = tuple((band.word(), band.range) for band in read_lexicon().bands)
    note = (
        "Words follow Intelligence Community Directive 203 and are chosen from the mean "
        "as it is printed. A band holds its lower end and not its upper end; outside 1-99 % a "
        "bound is printed instead."
    ).replace("-", DASH)
    return Section(
        "method",
        "Method",
        (
            how,
            Heading("Words for probabilities"),
            Prose(note, style="note"),
            Table(("Word", "Range"), words, (1, 1)),
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
        (f"{judgements}, besides the accuracy of each reliability grade in use"),
    )
    yield "States", "summed over exactly, by variable elimination"
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
