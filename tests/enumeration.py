"""The sum over all that evidence may be: brute force, for what the engine computes.

It follows the words of docs/evidence.md, one history, date, channel and version after another, and
shares no code with the engine.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import pairwise, product
from math import log, prod

import numpy as np
from scipy import stats

from forecast.evidence.ledger import Evidence
from forecast.evidence.sources import admiralty_grades
from forecast.model.builder import compile_tables
from forecast.scenario.scenario import Scenario
from forecast.testing.networks import all_histories, cells_used
from tests.harbour import FAMILIES, LAG, STEP
from tests.small import START


@dataclass(frozen=True)
class Answer:
    """Log-probability of the evidence, and the probability of every state given all of it."""

    log_evidence: float
    marginals: np.ndarray
    control: np.ndarray


def sum_over_everything(
    scenario: Scenario, evidence: Evidence, parameters: dict[str, np.ndarray], n_steps: int
) -> Answer:
    """Sum over histories, dates, control of channels, errors, who copied whom, and versions."""
    given = _Enumeration(scenario, evidence, {k: v[..., 0] for k, v in parameters.items()})
    network = given.program.network
    theta = given.program.cells({k: v for k, v in given.parameters.items() if k not in TRUST})
    histories = all_histories(network, n_steps)
    prior = theta[cells_used(network, histories)].prod(axis=(1, 2))
    marginals, total = np.zeros((n_steps, network.n_states)), 0.0
    control = np.zeros(len(scenario.channels))
    dates, patterns = given.dates(), list(product((0, 1), repeat=len(scenario.channels)))
    for probabilities, placed in dates:
        for pattern in patterns:
            weight = probabilities * np.prod(
                [p if c else 1 - p for p, c in zip(given.control, pattern, strict=True)]
            )
            controlled = {n for n, c in zip(scenario.channels, pattern, strict=True) if c}
            for share in given.errors():
                like = given.likelihoods(placed, controlled, n_steps)
                value = prior * weight * share
                for step in range(n_steps):
                    for k, name in enumerate(network.names):
                        value = value * like[step][name][histories[:, step, k]]
                total += value.sum()
                control += value.sum() * np.array(pattern)
                for step in range(n_steps):
                    for k, name in enumerate(network.names):
                        n = len(like[step][name])
                        part = np.bincount(histories[:, step, k], value, n)
                        marginals[step, network.states(name)] += part
    return Answer(log(total), marginals / total, control / total)


TRUST = ("accuracy", "detection", "control", "reporting", "copying", "reporting_level")
INVENTED = (0.01, 0.02, 0.1, 0.3, 0.5, 0.2, 0.02, 0.1)
"""Share of errors that name any state evenly: of grades A to F; of pilot, like B, and keeper, C."""
DELAY = {"days": (0, 1, 2, 6, 90), "share": (0.64, 0.85, 0.9, 0.95, 0.99)}
"""How soon reports come where no profile says so, as shipped."""
B_ERRS = admiralty_grades()[1].shape[1] / sum(admiralty_grades()[1].shape)


@dataclass
class _Stream:
    """A source that is watched, or everybody else (""): what it reports of each state."""

    source: str
    probabilities: np.ndarray
    alarm: float | None
    reach: np.ndarray
    means: np.ndarray


@cache
def prior_shares(scenario: Scenario) -> dict[str, np.ndarray]:
    """Prior probability of each state, averaged over the first 90 days, joint state by state."""
    program = compile_tables(scenario)
    network, priors = program.network, program.priors
    judged = {"probability": priors.probability[:, 0] / priors.probability.sum(axis=1)}
    judged |= {f"row_{n}": r / r.sum(axis=1, keepdims=True) for n, r in priors.rows.items()}
    judged["positive"] = np.exp(priors.positive[:, 0])
    cells = program.cells(judged)
    first = all_histories(network, 1)
    joint = [cells[cells_used(network, first)].prod(axis=(1, 2))]
    if scenario.time:
        moves = cells[cells_used(network, all_histories(network, 2))[:, 1]].prod(axis=1)
        for _ in range(-(-90 // scenario.time.step) - 1):
            joint.append(joint[-1] @ moves.reshape(len(first), len(first)))
    return {
        name: np.bincount(first[:, 0, k], np.mean(joint, axis=0), len(variable.states))
        for k, (name, variable) in enumerate(scenario.variables.items())
    }


def usual_statements(scenario: Scenario, name: str, grade: str = "B") -> np.ndarray:
    """Probability of each statement of a source that errs, if any state is reported alike."""
    shares, invented = prior_shares(scenario)[name], INVENTED["ABCDEF".index(grade)]
    return (1 - invented) * shares + invented / len(shares)


def partitions(names):
    """Every way to part names into blocks."""
    if not names:
        yield []
        return
    first, *rest = names
    for blocks in partitions(rest):
        yield [[first], *blocks]
        for k, block in enumerate(blocks):
            yield [*blocks[:k], [first, *block], *blocks[k + 1 :]]


@dataclass
class _Enumeration:
    scenario: Scenario
    evidence: Evidence
    parameters: dict[str, np.ndarray]

    def __post_init__(self):
        self.program = compile_tables(self.scenario)
        self.control = self.parameters.get("control", np.zeros(0))
        trust = self.program.priors.trust
        self.means = [a / (a + b) for a, b in (judged.shape for judged in trust.accuracy)]
        self.events = self._events()
        self.right: dict[object, int] = {}

    def error_key(self, report):
        """What errs in all or in nothing: an origin, as one source of one accuracy brings it."""
        return report.origin, report.source, self.place(report)

    def errors(self):
        """Set who is right and who errs in every possible way; yield the probability of each."""
        several = [self.error_key(report) for report in self.evidence if report.origin]
        keys = sorted({key for key in several if several.count(key) > 1})
        for right in product((0, 1), repeat=len(keys)):
            self.right = dict(zip(keys, right, strict=True))
            accuracies = [self.parameters["accuracy"][place] for _, _, place in keys]
            yield np.prod([a if r else 1 - a for a, r in zip(accuracies, right, strict=True)])

    def place(self, report):
        """Number of a report's accuracy."""
        if report.source == "pilot":
            return 6
        if (report.source, report.reliability) == ("keeper", "C") and self.scenario.sources:
            return 7
        return "ABCDEF".index(report.reliability)

    def days(self, report):
        return report.event_start, max(min(report.event_end, report.known), report.event_start)

    def steps(self, days):
        """Probability of each step of a period, day by day."""
        if self.scenario.time is None:
            return {0: 1.0}
        n = (days[1] - days[0]).days + 1
        found = defaultdict(float)
        for k in range(n):
            found[((days[0] - START).days + k) // STEP] += 1 / n
        return dict(found)

    def order(self, report):
        start, end = self.days(report)
        return -self.means[self.place(report)], (end - start).days, report.known, report.id

    def _events(self):
        """Reports about one event: one origin, one variable, days that overlap or one step."""
        groups = defaultdict(list)
        for report in self.evidence:
            groups[report.origin or report.id, bool(report.origin), report.indicator].append(report)
        events = []
        for (origin, shared, indicator), reports in groups.items():
            found = []
            for report in sorted(reports, key=self.order):
                for event in found:
                    first, last = self.days(event[0])
                    start, end = self.days(report)
                    overlap = start <= last and first <= end
                    both = set(self.steps((start, end))) | set(self.steps((first, last)))
                    if overlap or len(both) == 1:
                        event.append(report)
                        break
                else:
                    found.append([report])
            events += [((origin, shared), indicator, event) for event in found]
        return events

    def dates(self):
        """Every way in which the events may have been in steps: its probability, and the steps.

        Events of one origin that share their days share their date; and so do those that may be
        copies of one another.
        """
        keys, spans = {}, []
        for origin, _, event in self.events:
            key = origin, self.days(event[0])
            if key not in keys:
                alike = [
                    keys[o, self.days(e[0])]
                    for o, _, e in self.events
                    if (o, self.days(e[0])) in keys and self.one_date(event[0], e[0])
                ]
                keys[key] = (alike or [len(spans)])[0]
                if not alike:
                    spans.append(self.steps(self.days(event[0])))
        for choice in product(*(span.items() for span in spans)):
            probabilities = np.prod([share for _, share in choice])
            yield probabilities, [choice[keys[o, self.days(e[0])]][0] for o, _, e in self.events]

    def one_date(self, report, other):
        """Whether two reports with the same days are of one date, though of different origins."""
        stated = bool(report.origin and other.origin)
        if self.scenario.lineage == "as_stated" or stated:
            return False
        same = report.indicator, self.statement(report), self.days(report)
        return same == (other.indicator, self.statement(other), self.days(other))

    def statement(self, report):
        return (
            report.state,
            report.scope,
            report.number,
            report.upper,
            report.exposure,
            report.likelihoods,
        )

    def channel(self, report):
        return next(
            (n for n, c in self.scenario.channels.items() if report.source in c.sources), ""
        )

    def likelihoods(self, placed, controlled, n_steps):
        """Likelihood of each state of each variable at each step."""
        states = {n: np.ones(len(v.states)) for n, v in self.scenario.variables.items()}
        like = [{n: one.copy() for n, one in states.items()} for _ in range(n_steps)]
        now, may = defaultdict(list), defaultdict(lambda: defaultdict(list))
        for (origin, indicator, event), step in zip(self.events, placed, strict=True):
            now[indicator, step, origin] += event
            for each in self.steps(self.days(event[0])):
                may[indicator, each][origin] += event
        for step, name in product(range(n_steps), self.scenario.variables):
            here = {o: sorted(now[name, step, o], key=self.order) for o in may[name, step]}
            like[step][name] *= self.place_likelihood(name, step, here, may[name, step], controlled)
        return like

    def place_likelihood(self, name, step, here, may, controlled):
        """Likelihood of each state of a variable by everything about one step."""
        found, left = np.ones(len(self.scenario.variables[name].states)), dict(may)
        alone = {}
        for stream in self.streams(name, step):
            broken = [o for o in may if any(stream.source in ("", r.source) for r in may[o])]
            own = [o for o in broken if o in left]
            for origin in own:
                del left[origin]
            there = [o for o in own if any(self.channel(r) not in controlled for r in here[o])]
            own.sort(key=lambda o: self.turn(may[o]))
            maker = next((o for o in own if o in there), None)
            if maker is None and len(own) == len(broken):
                alarm = stream.alarm or 0.0
                reported = stream.probabilities + (1 - stream.probabilities) * alarm
                found = found * (1 - reported * stream.reach)
            for origin in own:
                if here[origin]:
                    made = stream if origin == maker else None
                    alone[origin] = self.origin_likelihood(
                        here[origin], controlled, (name, stream), made
                    )
        for origin in left:
            if here[origin]:
                alone[origin] = self.origin_likelihood(here[origin], controlled, (name, None), None)
        order = sorted(alone, key=lambda o: self.precedence(may[o]))
        alike = self.scenario.lineage != "as_stated"
        parts = partitions(order) if alike else [[[origin] for origin in order]]
        return found * sum(self.partition(part, may, controlled, alone) for part in parts)

    def partition(self, blocks, may, controlled, alone):
        """Probability of who shares an origin with whom, times the likelihood of each state."""
        found, before = 1.0, []
        for origin in sorted(alone, key=lambda o: self.precedence(may[o])):
            [block] = [block for block in blocks if origin in block]
            weights = (
                {}
                if self.channel(may[origin][0]) in controlled
                else self.weights(origin, may, before)
            )
            shared = [o for o in block if o in before]
            before.append(origin)
            first = alone[origin]
            if shared:
                one = may[origin][0]
                same = [o for o in shared if self.statement(one) in map(self.statement, may[o])]
                first = sum(prod(weights.get(o, [0.0])) for o in same) * max(
                    self.statement_likelihood(one)
                )
            found = found * first / (1 + sum(weight for weight, _ in weights.values()))
        return found

    def weights(self, origin, may, before):
        """Weight of each other origin that a report may share, where 1 is one of its own.

        And with each the likelihood ratio of their texts.
        """
        (_, stated), [report, *_] = origin, may[origin]
        if stated or self.scenario.lineage == "as_stated":
            return {}
        found = {}
        for other in before:
            events = [e for o, _, e in self.events if o == other and e[0] in may[other]]
            undated = [e[0] for e in events if len(self.steps(self.days(e[0]))) > 1]
            if all(self.one_date(report, each) for each in undated):
                pairs = [self.pair(report, r) for r in events[0]]
                if any(pairs):
                    found[other] = max(filter(None, pairs))[2:]
        return found

    def pair(self, report, other):
        """Nearness, family, weight and ratio of two reports of which the later may have copied."""
        mine, theirs = self.family(report), self.family(other)
        ways = [(mine, theirs), (theirs, mine)]
        if other.origin or report.published > other.published:
            ways = ways[:1]
        elif report.published < other.published:
            ways = ways[1:]
        for copier, copied in ways:
            stated = FAMILIES.get(copier)
            if stated is None or copied in (copier, *stated.get("copies", ())):
                a, b = self.days(report), self.days(other)
                apart = max((a[0] - b[1]).days, (b[0] - a[1]).days, 0) / 3
                apart += abs((report.published - other.published).days) / 7
                k = self.parameters["copying"][[*FAMILIES, "others"].index(copier)]
                ratio = text_ratio(report.text.split(), other.text.split())
                return ratio * 0.5**apart, copier, 0.5**apart * k / (1 - k), ratio
        return None

    def family(self, report):
        return next((n for n, f in FAMILIES.items() if report.source in f["sources"]), "others")

    def precedence(self, reports):
        """What orders origins: the best, whoever states an origin, what came first."""
        best = max(self.means[self.place(r)] for r in reports)
        first = min((r.published, r.known, r.id) for r in reports)
        undated = [
            e for _, _, e in self.events if e[0] in reports and len(self.steps(self.days(e[0]))) > 1
        ]
        return -best, not reports[0].origin, bool(undated), *first

    def turn(self, reports):
        """What orders origins: the worst event, what is sure, then the best."""
        return -self.level(reports), not self.is_sure(reports), *self.precedence(reports)

    def level(self, reports):
        return max((self.number(r) for r in reports if self.of_event(r)), default=0)

    def number(self, report):
        return self.scenario.variables[report.indicator].states.index(report.state)

    def of_event(self, report):
        return bool(report.state) and self.scenario.variables[report.indicator].kind == "event"

    def is_sure(self, reports):
        """Whether some report of an origin is of the step for sure, and none can be planted."""
        events = [e for _, _, e in self.events if e[0] in reports]
        dated = any(len(self.steps(self.days(e[0]))) == 1 for e in events)
        return dated and not any(map(self.channel, reports))

    def streams(self, name, step):
        """Who would report on a variable in a step; those with a name first."""
        variable, by_source = self.scenario.variables[name], {}
        for k, (label, watch) in enumerate(self.scenario.watches.items()):
            reach = self.reach(watch, step)
            if watch.indicator == name and reach > 0:
                looked = np.array([s in watch.states for s in variable.states])
                probabilities = np.full(len(looked), self.judged(f"watch {label}: first state"))
                means = np.full(len(looked), self.mean(f"watch {label}: first state"))
                probabilities[looked] = self.parameters["detection"][k]
                a, b = self.program.priors.trust.detection[k].shape
                means[looked] = a / (a + b)
                alarm = self.judged(f"watch {label}: false alarms")
                one = _Stream(
                    watch.source, probabilities, alarm, np.full(len(looked), reach), means
                )
                by_source[watch.source] = one, looked
        usual = self.everybody(name, step)
        if "" in by_source:
            one, looked = by_source.pop("")
            if usual is not None:
                one.probabilities = np.where(looked, one.probabilities, usual.probabilities)
                one.means = np.where(looked, one.means, usual.means)
                one.reach = np.where(looked, one.reach, usual.reach)
                one.alarm = usual.alarm if one.alarm is None else one.alarm
            usual = one
        return [one for one, _ in by_source.values()] + ([] if usual is None else [usual])

    def everybody(self, name, step):
        """The stream of a variable's reporting profile, stated or ours."""
        variable = self.scenario.variables[name]
        stated, delay = variable.reporting, DELAY
        if stated is None:
            is_usual = variable.role == "indicator" and variable.measured is None
            if self.scenario.reporting == "ignorable" or not is_usual or not self.scenario.time:
                return None
        keys = [f"{name}: first state"] + [f"{name}: other states"] * (len(variable.states) - 1)
        days = [START + timedelta(STEP * step + k) for k in range(STEP)]
        shares = dict.fromkeys(days, 1.0)
        if stated is not None:
            keys = [
                f"{name}: {s}" if s in stated.reported else k
                for s, k in zip(variable.states, keys, strict=True)
            ]
            delay = stated.delay.model_dump()
            for each in stated.blackouts:
                for day in days:
                    shares[day] *= each.share if each.start <= day <= each.stop else 1.0
        ages = [(self.evidence.as_of - day).days for day in days]
        known = [
            shares[day] * np.interp(age, delay["days"], delay["share"]) if age >= 0 else 0.0
            for day, age in zip(days, ages, strict=True)
        ]
        reach = np.mean(known) if self.scenario.time else 1.0
        if reach == 0:
            return None
        probabilities = np.array([self.judged(key) for key in keys])
        means = np.array([self.mean(key) for key in keys])
        alarm = self.judged(f"{name}: false alarms")
        return _Stream("", probabilities, alarm, np.full(len(keys), reach), means)

    def judged(self, key):
        """Value of a probability about reporting; None if there is no such probability.

        That of a profile is of at least one report where so many times as many are made.
        """
        names = [each.name for each in self.program.priors.trust.reporting]
        if key not in names:
            return None
        value = self.parameters["reporting"][names.index(key)]
        if key.startswith("watch "):
            return value
        shared = "false alarms" if key.endswith("false alarms") else "reports"
        levels = [each.name for each in self.program.priors.trust.reporting_level]
        return 1 - (1 - value) ** self.parameters["reporting_level"][levels.index(shared)]

    def mean(self, key):
        [(a, b)] = [j.shape for j in self.program.priors.trust.reporting if j.name == key]
        return a / (a + b)

    def usual(self, name, stream, invented):
        """Probability of each state in what is usually stated, and in false alarms."""
        weights = prior_shares(self.scenario)[name]
        weights = weights if stream is None else weights * stream.means
        usual = weights / weights.sum() * (1 - invented) + invented / len(weights)
        alarm = weights[1:] / weights[1:].sum() * 0.98 + 0.02 / (len(weights) - 1)
        return usual, np.array([0.0, *alarm]) / B_ERRS

    def reach(self, watch, step):
        """Share of a step's days that were watched and would be known of, day by day."""
        if self.scenario.time is None:
            days = [watch.start + timedelta(k) for k in range((watch.stop - watch.start).days + 1)]
        else:
            days = [START + timedelta(STEP * step + k) for k in range(STEP)]
        known = 0.0
        for day in days:
            age = (self.evidence.as_of - day).days
            if watch.start <= day <= watch.stop and age >= 0:
                known += np.interp(age, LAG["days"], LAG["share"])
        return known / len(days)

    def origin_likelihood(self, reports, controlled, about, stream):
        """Likelihood of each state by all reports of one origin on one variable in one step.

        `about` is the variable and the stream of the report; `stream` is given where the origin
        is the first to report.
        """
        free = [r for r in reports if self.channel(r) not in controlled]
        n = len(self.scenario.variables[reports[0].indicator].states)
        if not free:
            found = 1.0
            for name in sorted({self.channel(r) for r in reports}):
                first = next(r for r in reports if self.channel(r) == name)
                shows = self.scenario.channels[name].shows.get(first.indicator, {})
                rest = (1 - sum(shows.values())) / max(n - len(shows), 1)
                names = self.scenario.variables[first.indicator].states
                found *= sum(
                    shows.get(state, rest) * w
                    for state, w in zip(names, self.statement_likelihood(first), strict=True)
                )
            return np.full(n, found)
        versions = []
        for report in free:
            stated = (
                report.state,
                report.number,
                report.upper,
                report.exposure,
                report.likelihoods,
            )
            if stated not in [other for other, _ in versions]:
                versions.append((stated, report))
        own = self.parameters["accuracy"][self.place(free[0])]
        a = self.right.get(self.error_key(free[0]), own)
        usual = self.usual(*about, INVENTED[self.place(free[0])])
        right = [self.parameters["accuracy"][self.place(report)] for _, report in versions]
        quoted = [
            np.prod([p if j == k else 1 - p for j, p in enumerate(right)])
            for k in range(len(right))
        ]
        found = np.zeros(n)
        for share, (_, report) in zip(quoted, versions, strict=True):
            found += share / sum(quoted) * self.version_likelihood(report, a, usual, stream)
        return found

    def version_likelihood(self, report, a, usual, stream):
        """Likelihood of each state by what one version states, from a source of accuracy a."""
        weight, (usual, alarm) = np.array(self.statement_likelihood(report)), usual
        n, level = len(weight), self.number(report) if self.of_event(report) else None
        p = np.ones(n) if stream is None else stream.probabilities
        quiet = np.ones(n) if stream is None else 1 - stream.probabilities * stream.reach
        found = np.zeros(n)
        for state in range(n):
            true = p[state] * weight[state]
            if level is not None:
                true = 0.0 if state < level else p[level] * (quiet[state] if state > level else 1)
            astray = p[state] * usual @ weight
            if stream is not None and stream.alarm is not None:
                astray += (1 - p[state]) * stream.alarm * (alarm @ weight)
            found[state] = a * true + (1 - a) * astray
        return found

    def statement_likelihood(self, report):
        """Probability of a report's statement, for each state that its origin takes for true."""
        states = self.scenario.variables[report.indicator].states
        if report.likelihoods:
            return np.array([dict(report.likelihoods)[state] for state in states])
        if report.number is None:
            return np.array([float(report.state == state) for state in states])
        measure = self.program.measures[report.indicator]
        days = (report.exposure or measure.per) / measure.per
        k = self.parameters["positive"][measure.scale[0]]
        found = []
        for place in measure.location:
            mean = self.parameters["positive"][place] * days
            count = stats.nbinom(k, k / (k + mean))
            if report.upper is None:
                found.append(count.pmf(report.number))
            else:
                found.append(count.pmf(np.arange(report.number, report.upper + 1)).sum())
        return np.array(found)


def text_ratio(words, others):
    """How many times as probable a copy makes what two texts have in common, as shipped."""
    if min(len(words), len(others)) < 8:
        return 1.0
    if len(others) < len(words):
        words, others = others, words
    runs = [" ".join(words[k : k + 3]) for k in range(len(words) - 2)]
    share = sum(run in " ".join(others) for run in runs) / len(runs)
    points = [(0.0, 0.2), (0.05, 1.0), (0.2, 20.0), (0.5, 200.0), (1.0, 200.0)]
    for (low, a), (high, b) in pairwise(points):
        if share <= high:
            return a * (b / a) ** ((share - low) / (high - low))
    raise AssertionError
