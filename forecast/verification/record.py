"""A sealed record: forecasts as they were issued, and what came of them, one entry after another.

Each entry holds the digest of the one before it (Haber, Stornetta: How to time-stamp a digital
document, Journal of Cryptology 3, 1991). So no entry can be changed, taken out, put in or moved
without changing all digests after it; and whoever keeps the head, the last digest, elsewhere
finds out if somebody writes the whole record anew.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.errors import InputError, Problem, raise_if_any
from forecast.frozen import frozen
from forecast.layout import MOST_ROWS, PrintsItself, Summary
from forecast.outlook import Forecast
from forecast.reading import require_path
from forecast.text import printed
from forecast.verification.issued import Replay, answers_in, describe, digest_of, replay
from forecast.verification.question_forecasts import QuestionForecast
from forecast.verification.resolutions import Resolution
from forecast.verification.scoring import Scores, score

PATIENCE = 30
"""Seconds that a writer waits for another to finish."""

BEGINNING = "0" * 64
"""What the first entry has for the digest of the one before it."""

APPLICATION = 0x46435253
"""What marks an SQLite file as a record: "FCRS" in its header."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS entries (n INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS texts (digest TEXT PRIMARY KEY, text TEXT NOT NULL)",
)
"""Entries, and once each the scenarios and evidence whose digests entries hold."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a record.

    Attributes
    ----------
    n
        Its number, from 1.
    kind
        "forecast" or "resolution".
    written
        Moment at which it was written, in UTC.
    body
        What was recorded.
    previous
        Digest of the entry before it.
    digest
        SHA-256 of all this.
    """

    n: int
    kind: str
    written: str
    body: dict[str, Any]
    previous: str
    digest: str = ""

    @property
    def expected_digest(self) -> str:
        """The digest that what it holds has."""
        parts = [self.n, self.kind, self.written, self.body, self.previous]
        return sha256(_canonical(parts).encode()).hexdigest()

    @property
    def head(self) -> str:
        """Number and digest, to be kept elsewhere."""
        return f"{self.n}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Record(PrintsItself):
    """Forecasts as they were issued and what came of them; `open_record` opens one.

    Entries are only ever appended, each whole or not at all, by several programs at once if need
    be.

    Attributes
    ----------
    path
        Its file, an SQLite database.
    """

    path: Path

    @checked
    def issue(
        self,
        given: Forecast,
        answers: Sequence[QuestionForecast] = (),
        products: Sequence[str | Path] = (),
    ) -> Entry:
        """Record a forecast, as it is issued, with its answers to questions.

        Parameters
        ----------
        given
            The forecast. Its scenario and its evidence are recorded, how it was sampled, versions
            and digest of the code, and what it says of every course: all that `replay` needs.
        answers
            What `ask` gave of it.
        products
            Files that were made of it, whose digests are recorded.

        Raises
        ------
        InputError
            If an answer is of another as-of date, two are to one question, or a product cannot
            be read.
        """
        ids = [answer.question.id for answer in answers]
        problems = [
            Problem(
                answer.question.id, f"as of {answer.as_of}; the forecast is as of {given.as_of}"
            )
            for answer in answers
            if answer.as_of != given.as_of
        ]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        files = [Path(each) for each in products]
        problems += [Problem(name, "is answered twice") for name in twice]
        problems += [Problem(str(each), "is no file") for each in files if not each.is_file()]
        raise_if_any(problems)
        return self._append("forecast", *describe(given, answers, files))

    @checked
    def resolve(self, resolution: Resolution) -> Entry:
        """Record what came of a question; a later entry about it takes the place of this one.

        Raises
        ------
        InputError
            If no recorded forecast answers the question, or what came of it does not fit.
        """
        found = {answer.question.id: answer.question for answer in self.answers()}
        name = resolution.question
        misfit = resolution.misfit(found[name]) if name in found else "no forecast answers it"
        raise_if_any([Problem(name, misfit)] if misfit else [])
        return self._append("resolution", resolution.model_dump(mode="json"))

    def entries(self) -> tuple[Entry, ...]:
        """Every entry, in order, as it stands in the file."""
        with self._database() as database:
            rows = database.execute("SELECT n, text FROM entries ORDER BY n").fetchall()
        return tuple(self._read(n, text) for n, text in rows)

    @property
    def head(self) -> str:
        """Number and digest of the last entry; keep it elsewhere, and `verify` against it."""
        found = self.entries()
        return found[-1].head if found else f"0:{BEGINNING}"

    @checked
    def verify(self, head: str | None = None) -> int:
        """Check every entry and the chain between them.

        Parameters
        ----------
        head
            A head that was kept elsewhere, of now or earlier. Without it nobody can see that the
            record ends early, or was written anew as a whole.

        Returns
        -------
        int
            How many entries there are.

        Raises
        ------
        InputError
            With everything that is not as it was written.
        """
        found = self.entries()
        texts = self._texts()
        problems = [*_breaks(found), *_lost(found, texts), *_strange(found, texts)]
        if head is not None and head != f"0:{BEGINNING}" and head not in {e.head for e in found}:
            message = f"the head {head:.20}… that was kept elsewhere is not in the record"
            problems.append(Problem("head", f"{message}: it ends early, or was written anew"))
        raise_if_any([Problem(f"{self.path}: {each.where}", each.message) for each in problems])
        return len(found)

    def answers(self) -> tuple[QuestionForecast, ...]:
        """Every answer that was issued, in order."""
        return tuple(
            answer
            for entry in self.entries()
            if entry.kind == "forecast"
            for answer in answers_in(entry.body)
        )

    def resolutions(self) -> tuple[Resolution, ...]:
        """The last resolution of each question."""
        bodies = [entry.body for entry in self.entries() if entry.kind == "resolution"]
        return tuple({body["question"]: Resolution(**body) for body in bodies}.values())

    def scores(self) -> Scores:
        """Scores of every answer that was issued, by what came of its question."""
        return score(self.answers(), self.resolutions())

    @checked
    def replay(self, n: int) -> Replay:
        """Make a recorded forecast again, and compare every number with what was issued.

        Parameters
        ----------
        n
            Number of its entry.

        Raises
        ------
        InputError
            If there is no such forecast, it has been changed, or it was weighed from draws of
            which nobody knows how they were made.
        """
        entries = {entry.n: entry for entry in self.entries()}
        where = f"{self.path}: entry {n}"
        if n not in entries or entries[n].kind != "forecast":
            forecasts = [entry.n for entry in entries.values() if entry.kind == "forecast"]
            message = f"is no forecast; legal: {', '.join(map(str, forecasts)) or 'none'}"
            raise InputError([Problem(where, message)])
        entry, texts = entries[n], self._texts()
        faults = [*_lost([entry], texts)]
        if entry.digest != entry.expected_digest:
            faults.append(Problem("", "has been changed since it was written"))
        raise_if_any([Problem(where, each.message) for each in faults])
        needed = {name: texts[digest] for name, digest in entry.body["texts"].items()}
        return replay(n, entry.body, needed, where)

    @property
    def _summary(self) -> Summary:
        entries = self.entries()
        rows = [(str(e.n), e.kind, e.written, e.digest[:12]) for e in entries[-MOST_ROWS:]]
        return Summary(repr(self), ("Entry", "Kind", "Written", "Digest"), rows)

    @printed
    def __repr__(self) -> str:
        kinds = [entry.kind for entry in self.entries()]
        counts = f"{kinds.count('forecast')} forecasts, {kinds.count('resolution')} resolutions"
        return f"Record of {counts}; head {self.head}"

    def _append(self, kind: str, body: dict[str, Any], texts: Sequence[str] = ()) -> Entry:
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")  # from here on no other writer
            row = database.execute("SELECT n, text FROM entries ORDER BY n DESC").fetchone()
            before = self._read(*row) if row else Entry(0, "", "", {}, "", BEGINNING)
            written = datetime.now(UTC).isoformat(timespec="seconds")
            draft = Entry(before.n + 1, kind, written, body, before.digest)
            entry = replace(draft, digest=draft.expected_digest)
            parts = [entry.kind, entry.written, entry.body, entry.previous, entry.digest]
            database.execute("INSERT INTO entries VALUES (?, ?)", (entry.n, _canonical(parts)))
            rows = [(digest_of(text), text) for text in texts]
            database.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)
            database.execute("COMMIT")
        return entry

    def _texts(self) -> dict[str, str]:
        """Scenarios and evidence by their digests, as they stand in the file."""
        with self._database() as database:
            return dict(database.execute("SELECT digest, text FROM texts").fetchall())

    def _read(self, n: int, text: str) -> Entry:
        try:
            kind, written, body, previous, digest = json.loads(text)
            return Entry(n, kind, written, frozen(body), previous, digest)
        except (ValueError, TypeError, RecursionError):
            message = "is not what the library wrote"
            raise InputError([Problem(f"{self.path}: entry {n}", message)]) from None

    def _require_record(self, database: sqlite3.Connection) -> None:
        """Make an empty database a record, and refuse somebody else's."""
        [mark] = database.execute("PRAGMA application_id").fetchone()
        if mark == APPLICATION:
            return
        database.execute("BEGIN IMMEDIATE")  # another program may be making it one
        [mark] = database.execute("PRAGMA application_id").fetchone()
        [tables] = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and mark != APPLICATION:
            message = "is a database of something else; a record has a file of its own"
            raise InputError([Problem(str(self.path), message)])
        for table in TABLES:
            database.execute(table)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute("COMMIT")

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits what it is told to, and nothing if it is cut off."""
        try:
            connected = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            with closing(connected) as database:
                database.execute("PRAGMA synchronous = FULL")
                self._require_record(database)
                yield database
        except sqlite3.Error as error:
            message = f"cannot be used as a record: {error}"
            raise InputError([Problem(str(self.path), message)]) from None


@checked
def open_record(path: str | Path) -> Record:
    """Open a record of forecasts; a file that is not there is made.

    Parameters
    ----------
    path
        An SQLite database of its own.

    Returns
    -------
    Record

    Raises
    ------
    InputError
        If the file is no record.
    """
    require_path(path)
    record = Record(Path(path))
    record.entries()
    return record


def _breaks(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Yield where a chain of entries is not as it was written."""
    previous = BEGINNING
    for n, entry in enumerate(entries, start=1):
        where = f"entry {entry.n}"
        if entry.n != n:
            yield Problem(where, f"stands in the place of entry {n}")
        if entry.previous != previous:
            yield Problem(where, "does not follow on the entry before it")
        if entry.digest != entry.expected_digest:
            yield Problem(where, "has been changed since it was written")
        previous = entry.digest


def _strange(entries: Sequence[Entry], texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield texts that no entry stands on."""
    used = {digest for entry in entries for digest in entry.body.get("texts", {}).values()}
    for digest in sorted(texts.keys() - used):
        yield Problem("texts", f"{digest:.12}… belongs to no entry")


def _lost(entries: Sequence[Entry], texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield which texts that entries stand on are not what they were."""
    for entry in entries:
        for name, digest in entry.body.get("texts", {}).items():
            if digest not in texts:
                yield Problem(f"entry {entry.n}", f"its {_plain(name)} has been taken out")
            elif not isinstance(texts[digest], str) or digest_of(texts[digest]) != digest:
                yield Problem(f"entry {entry.n}", f"its {_plain(name)} has been changed")


def _plain(name: str) -> str:
    return "evidence under which draws were made" if name.startswith("drawn_under") else name


def _canonical(value: Any) -> str:
    """JSON of a value: the same text for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
