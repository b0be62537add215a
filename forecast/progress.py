"""Progress of long work, shown on the standard error stream where somebody looks on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]
"""Show what has been reached within a phase."""


def somebody_looks_on() -> bool:
    """Whether this runs in a terminal or in a notebook."""
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this; that its package was imported says nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def phase(name: str, progressbar: bool | None) -> Iterator[Say]:
    """Show a phase of the work and how long it took.

    Parameters
    ----------
    name
        What is done.
    progressbar
        Whether to show it; unless it is given, in a terminal and in a notebook.

    Examples
    --------
    >>> with phase("sampling", progressbar=False) as say:
    ...     say("40 of 100 draws")
    """
    shown = somebody_looks_on() if progressbar is None else progressbar
    start = time.monotonic()

    def say(reached: str, end: str = "") -> None:
        if shown:
            line = f"{name}: {reached}" if reached else name
            elapsed = time.monotonic() - start
            print(f"\r{line}, {elapsed:.0f} s".ljust(72), end=end, file=sys.stderr, flush=True)

    say("")
    try:
        yield say
    except BaseException:
        say("stopped", "\n")
        raise
    say("done", "\n")
