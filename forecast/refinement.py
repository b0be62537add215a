"""Sampling that goes on in the background while a quick answer is already there."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from threading import Thread

from forecast.arguments import checked
from forecast.fitting import update
from forecast.layout import PrintsItself, Summary
from forecast.outlook import Forecast


@dataclass(frozen=True, repr=False, eq=False)
class Refinement(PrintsItself):
    """A forecast that is sampled in the background; made by `refine`.

    Attributes
    ----------
    quick
        The forecast that is already there.
    """

    quick: Forecast
    _sampled: Future[Forecast]

    @property
    def done(self) -> bool:
        """Whether sampling has ended, be it with an error."""
        return self._sampled.done()

    @property
    def forecast(self) -> Forecast:
        """The sampled forecast, or the quick one until there is one."""
        sampled = self._sampled.done() and self._sampled.exception() is None
        return self._sampled.result() if sampled else self.quick

    def wait(self, seconds: float | None = None) -> Forecast:
        """Wait for the sampled forecast, for so many seconds at most; then as `forecast`.

        What goes wrong while sampling is raised here. An interrupt ends the waiting alone.
        """
        try:
            return self._sampled.result(seconds)
        except NotYet:
            return self.quick

    @property
    def _summary(self) -> Summary:
        state = "sampled" if self.done else "being sampled; this is the quick answer"
        return Summary(f"{state}\n{self.forecast}", (), ())


@checked
def refine(given: Forecast) -> Refinement:
    """Sample a forecast anew in the background, from the same evidence.

    Parameters
    ----------
    given
        A forecast from weights or moves, which stays as it is.

    Returns
    -------
    Refinement
        `forecast` is the quick answer until the sampled one is there. Nothing is lost if the
        process ends before.

    Examples
    --------
    >>> better = refine(outlook)  # doctest: +SKIP
    >>> better.wait().diagnostics  # doctest: +SKIP
    """
    found: Future[Forecast] = Future()
    quiet = replace(given, sampling=replace(given.sampling, progressbar=False))

    def run() -> None:
        try:
            found.set_result(update(quiet, given.evidence, method="nuts"))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            found.set_exception(error)

    # A daemon, so that a process that ends does not wait for it.
    Thread(target=run, name="forecast.refine", daemon=True).start()
    return Refinement(given, found)
