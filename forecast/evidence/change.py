"""Reports that became known between two moments, and those that they revised or withdrew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from forecast.evidence.ledger import evidence_of
from forecast.evidence.report import Report
from forecast.text import printed, visible


@dataclass(frozen=True, slots=True)
class Change:
    """How what is in force changed from the end of one day to the end of another.

    Attributes
    ----------
    start, end
        The two days.
    known
        Reports in force at the end that revise nothing that was in force at the start.
    revised
        Reports in force at the start, each with one that stands in its place at the end.
    withdrawn
        Reports in force at the start, taken back with nothing in their place.
    restored
        Reports known at the start and in force again at the end: what had replaced or withdrawn
        them was withdrawn.
    """

    start: date
    end: date
    known: tuple[Report, ...] = ()
    revised: tuple[tuple[Report, Report], ...] = ()
    withdrawn: tuple[Report, ...] = ()
    restored: tuple[Report, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, (self.known, self.revised, self.withdrawn, self.restored)))

    @printed
    def __str__(self) -> str:
        lines = [f"after {self.start} and up to {self.end}:"]
        lines += [f"  became known  {_line(report)}" for report in self.known]
        lines += [
            f"  revised       {_line(old)} → {visible(f'{new.id}, {new.statement}')}"
            for old, new in self.revised
        ]
        lines += [f"  withdrawn     {_line(report)}" for report in self.withdrawn]
        lines += [f"  restored      {_line(report)}" for report in self.restored]
        return "\n".join(lines if len(self) else [f"{lines[0]} nothing"])


def change_of(start: date, end: date, reports: Sequence[Report]) -> Change:
    """Work out a change.

    Parameters
    ----------
    start, end
        The two days.
    reports
        Reports that became known after the start and up to the end, and whatever superseded, or
        was superseded by, any of these up to the end.
    """
    before, after = (_in_force(reports, day) for day in (start, end))
    return difference(start, end, before, after, reports)


def difference(
    start: date,
    end: date,
    before: Mapping[str, Report],
    after: Mapping[str, Report],
    reports: Iterable[Report],
) -> Change:
    """What differs between reports that are in force at two moments, by their names.

    Parameters
    ----------
    start, end
        The two days.
    before, after
        Reports in force at the start and at the end.
    reports
        All that lie between reports that revise one another.
    """
    gone = {name: report for name, report in before.items() if name not in after}
    come = [report for name, report in after.items() if name not in before]
    by_id = {report.id: report for report in reports}
    replaced = [(_replaced(report, by_id, gone), report) for report in come]
    revised = tuple((old, new) for old, new in replaced if old is not None)
    kept = {old.id for old, _ in revised}
    others = [new for old, new in replaced if old is None]
    return Change(
        start,
        end,
        tuple(report for report in others if report.known > start),
        revised,
        tuple(report for name, report in gone.items() if name not in kept),
        tuple(report for report in others if report.known <= start),
    )


def _in_force(reports: Iterable[Report], day: date) -> dict[str, Report]:
    known = (report for report in reports if report.known <= day)
    return {report.id: report for report in evidence_of(known, day, None)}


def _replaced(report: Report, by_id: dict[str, Report], gone: dict[str, Report]) -> Report | None:
    """What stood at the start where a report stands at the end."""
    seen = {report.id}
    while report.supersedes in by_id and report.supersedes not in seen:
        report = by_id[report.supersedes]
        seen.add(report.id)
        if report.id in gone:
            return report
    return None


def _line(report: Report) -> str:
    what = f"{report.indicator}: {report.statement}" if report.indicator else "context"
    return visible(f"{report.id}  {what} ({report.source}, {report.grade}, known {report.known})")
