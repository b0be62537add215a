"""Data frames that print what matters of themselves, whole and legible.

They are data frames in every other way. What is selected or computed from them prints so too as
long as it has their columns, and as pandas prints it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pandas as pd

from forecast.estimate import Estimate, percent, quantity
from forecast.layout import Summary, shortened
from forecast.text import DASH, GAP, printed, visible

SHOWN_ROWS = 20
WIDEST, NARROWEST = 48, 30
"""Most characters of a label that stands alone, and of one beside others."""
ANSWER = "answer"
"""Name among a frame's ``attrs`` under which stands which probability it is about."""
MEAN = "mean"
"""Name under which the mean of that answer stands."""


class LegibleFrame(pd.DataFrame):  # type: ignore[misc]  # pandas has no types here
    """A data frame with a printed form of its own."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Columns without which it is printed as any other."""

    @property
    def _constructor(self) -> Callable[..., Any]:
        return type(self)

    @property
    def _printed_form(self) -> Summary | None:
        """What to print; nothing if columns are missing or no longer numbers."""
        if not len(self) or any(name not in self.columns for name in self.needs):
            return None
        try:
            return self._summary()
        except (AttributeError, TypeError, ValueError):
            return None

    def _summary(self) -> Summary:
        raise NotImplementedError

    @printed
    def __repr__(self) -> str:
        form = self._printed_form
        return super().__repr__() if form is None else str(form)

    def _repr_html_(self) -> str | None:
        form = self._printed_form
        return super()._repr_html_() if form is None else form.html

    def _rest(self, what: str) -> tuple[str, ...]:
        """A line on the rows that are not shown, if any."""
        left = len(self) - SHOWN_ROWS
        return (f"{left} more {what}; .to_string() has all.",) if left > 0 else ()


class Sensitivity(LegibleFrame):
    """What `sensitivity_of` returns."""

    needs = ("share", "low", "high", "at_low", "at_high")

    def _summary(self) -> Summary:
        about = self.attrs.get(ANSWER)
        write = _number if about is None else percent
        rows = [
            (
                _label(row.Index, WIDEST),
                percent(row.share),
                f"{_number(row.low)}{DASH}{_number(row.high)}",
                write(row.at_low),
                write(row.at_high),
                _number(abs(row.at_high - row.at_low))
                if about is None
                else f"{100 * abs(row.at_high - row.at_low):.1f}{GAP}points",
            )
            for row in self.head(SHOWN_ROWS).itertuples()
        ]
        head = ("Judgement", "Share", "Low to high", "At low", "At high", "Width")
        title = f"What {about or 'the answer'} rests on: share of its variance, and range"
        return Summary(title, head, rows, self._rest("judgements"))


class Ranks(LegibleFrame):
    """What `ranks` returns."""

    def _summary(self) -> Summary:
        what = self.index.name
        if what not in ("course", "state") or self.columns.name != "rank":
            raise ValueError("its axes are no longer what is ranked and ranks")
        rows = [
            (_label(course, WIDEST), *map(percent, probabilities))
            for course, probabilities in zip(self.index, self.to_numpy(float), strict=True)
        ]
        title = f"Probability that each {what} is the likeliest (1), the second likeliest, …"
        return Summary(title, (what.capitalize(), *map(str, self.columns)), rows)


class Assumptions(LegibleFrame):
    """What `flip_assumptions` returns."""

    needs = (
        *("assumed", "holds", "if_holds", "if_holds_lower", "if_holds_upper"),
        *("otherwise", "otherwise_lower", "otherwise_upper", "change"),
    )

    def _summary(self) -> Summary:
        rows = []
        for row in self.head(SHOWN_ROWS).itertuples():
            name, instead, course = row.Index
            rows.append(
                (
                    _label(f"{name}={row.assumed}", NARROWEST),
                    percent(row.holds),
                    _label(instead, NARROWEST),
                    _label(course, NARROWEST),
                    quantity(Estimate(row.if_holds, row.if_holds_lower, row.if_holds_upper)),
                    quantity(Estimate(row.otherwise, row.otherwise_lower, row.otherwise_upper)),
                )
            )
        head = ("Assumed", "Holds", "Instead", "Course", "If it holds", "Otherwise")
        title = "Every course with a key assumption and without it, the largest change first"
        return Summary(title, head, rows, self._rest("rows"))


def _number(value: float) -> str:
    return f"{value:.3g}"


def _label(text: object, most: int) -> str:
    """A label on one line, escaped before it is cut, so that it keeps to its width."""
    return shortened(visible(str(text)), most)
