"""What became known between two moments, and what it did to what was known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast.evidence.report import Report


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
    """

    start: date
    end: date
    known: tuple[Report, ...] = ()
    revised: tuple[tuple[Report, Report], ...] = ()
    withdrawn: tuple[Report, ...] = ()

    def __len__(self) -> int:
        return len(self.known) + len(self.revised) + len(self.withdrawn)

    def __str__(self) -> str:
        lines = [f"after {self.start} and up to {self.end}:"]
        lines += [f"  became known  {_line(report)}" for report in self.known]
        lines += [
            f"  revised       {_line(old)} → {new.id}, {new.said}" for old, new in self.revised
        ]
        lines += [f"  withdrawn     {_line(report)}" for report in self.withdrawn]
        return "\n".join(lines if len(self) else [f"{lines[0]} nothing"])


def change_of(
    start: date, end: date, before: Sequence[Report], arrived: Sequence[Report]
) -> Change:
    """Work out a change.

    Parameters
    ----------
    start, end
        The two days.
    before
        Reports in force at the start that an arrived one supersedes.
    arrived
        Reports that became known after the start and up to the end, in order of their events.
    """
    gone = {report.supersedes for report in arrived}
    standing = [r for r in arrived if r.id not in gone and not r.is_withdrawal]
    by_id = {report.id: report for report in arrived}
    held = {report.id: report for report in before}
    replaced = [(_replaced(report, by_id, held), report) for report in standing]
    revised = tuple((old, new) for old, new in replaced if old is not None)
    kept = {old.id for old, _ in revised}
    return Change(
        start,
        end,
        tuple(new for old, new in replaced if old is None),
        revised,
        tuple(report for report in before if report.id not in kept),
    )


def _replaced(report: Report, by_id: dict[str, Report], held: dict[str, Report]) -> Report | None:
    """What stood at the start where a report stands at the end."""
    while report.supersedes in by_id:
        report = by_id[report.supersedes]
    return held.get(report.supersedes)


def _line(report: Report) -> str:
    what = f"{report.indicator}: {report.said}" if report.indicator else "context"
    return f"{report.id}  {what} ({report.source}, {report.grade}, known {report.known})"
