"""Work in parts that do not depend on one another: here, in other processes, or on a cluster.

A part is a function of its input alone, seed included, so every executor gives the same numbers.
What is done can be kept in a file of JSON Lines, one line a part, so that work that was stopped
goes on where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from hashlib import sha256
from pathlib import Path
from typing import Any

from forecast.errors import ForecastError, InputError, Problem
from forecast.progress import phase
from forecast.reading import require_path

FORMAT = 1


def work_through[Part](
    work: Callable[[Part], Any],
    parts: Sequence[Part],
    *,
    label: str,
    about: Mapping[str, Any],
    executor: Executor | None,
    path: str | Path | None,
    progressbar: bool | None,
) -> list[Any]:
    """Results of all parts, in their order.

    Parameters
    ----------
    work
        What is done with each part: a function at the top of a module, whose results JSON can
        hold.
    parts
        Its inputs.
    label
        What progress is shown of.
    about
        What the results depend on, which JSON can hold: a file of other results is refused.
    executor
        Where parts are worked on; one after another in this process unless it is given.
    path
        A file in which results are kept as they come, and found again.
    progressbar
        Whether to show progress.

    Raises
    ------
    InputError
        If the file holds something else.
    ForecastError
        If a worker was lost for good; what was done by then is kept.
    """
    kept = None if path is None else KeptResults.open(path, about, len(parts))
    found: dict[int, Any] = {} if kept is None else dict(kept.results)
    waiting = [k for k in range(len(parts)) if k not in found]
    with phase(label, progressbar) as say:
        say(f"{len(found)} of {len(parts)} parts")
        for k, result in _results(work, parts, waiting, executor, path):
            found[k] = result
            if kept is not None:
                kept.append(k, result)
            say(f"{len(found)} of {len(parts)} parts")
    return [found[k] for k in range(len(parts))]


def _results[Part](
    work: Callable[[Part], Any],
    parts: Sequence[Part],
    waiting: Sequence[int],
    executor: Executor | None,
    path: str | Path | None,
) -> Iterator[tuple[int, Any]]:
    """Yield each result with its number, as it comes."""
    if executor is None:
        for k in waiting:
            yield k, work(parts[k])
        return
    futures = {executor.submit(work, parts[k]): k for k in waiting}
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        kept = "name a path to keep them" if path is None else f"they are in {path}; run it again"
        message = f"a worker process was lost, and with it results that were not kept: {kept}"
        raise ForecastError(message) from error
    finally:
        for future in futures:
            future.cancel()


class KeptResults:
    """Results in a file of JSON Lines: what they are of in the first line, then one a line.

    Attributes
    ----------
    results
        Those that are there, by the number of their part.
    """

    def __init__(self, path: Path, results: Mapping[int, Any]) -> None:
        self.path, self.results = path, results

    @classmethod
    def open(cls, path: str | Path, about: Mapping[str, Any], n_parts: int) -> KeptResults:
        """The results of this work that a file holds; a file that is not there is made."""
        require_path(path)
        target = Path(path)
        head = _line({"format": FORMAT, "about": dict(about), "parts": n_parts})
        try:
            text = target.read_text(encoding="utf-8") if target.exists() else ""
            whole = text[: text.rfind("\n") + 1]  # what was cut off in the middle of a line is lost
            lines = whole.splitlines()
            if text and (not lines or lines[0] != head):
                message = "holds results of other work; name another file, or take this one away"
                raise InputError([Problem(str(target), message)])
            if whole != text or not lines:
                target.write_text(whole or head + "\n", encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot be used: {getattr(error, 'strerror', None) or error}"
            raise InputError([Problem(str(target), message)]) from None
        return cls(target, dict(cls._read(target, lines[1:])))

    @staticmethod
    def _read(path: Path, lines: Sequence[str]) -> Iterator[tuple[int, Any]]:
        for n, line in enumerate(lines, start=2):
            try:
                part, result, digest = json.loads(line)
            except (ValueError, TypeError):
                digest = None
            if digest is None or digest != _digest(part, result):
                message = f"{path}:{n}: is not what was written; take the line away to do it again"
                raise InputError([Problem("", message)])
            yield part, result

    def append(self, part: int, result: Any) -> None:
        """Keep one more result, for good when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line([part, result, _digest(part, result)]) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _line(value: Any) -> str:
    # In the order that they were made in: that of courses is a part of the result.
    return json.dumps(value, separators=(",", ":"))


def _digest(part: int, result: Any) -> str:
    """The first digits of a digest: against damage, not against anybody."""
    return sha256(_line([part, result]).encode()).hexdigest()[:16]
