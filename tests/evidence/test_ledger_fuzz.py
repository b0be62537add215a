"""Law: whatever a file holds, all of it is stored, or the library says why and none of it is."""

import json

import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.testing.ledgers import random_reports
from tests.ledgers import generator

BITS = [
    *("\0", "\r", "\n", "\r\n", ",", '"', "'", "\t", ";", "\ufeff", "\x85", "\u2028", "\x1a"),
    *("=cmd|' /C calc'!A0", "=1+1", "@SUM(1)", "-1", "+1", "'=1", "99999-01-01", "0000-00-00"),
    *("9999-12-31", "0001-01-01", "2020-02-30", "9999-12-31T23:59:59-12:00", "2020-01-05T10:00"),
    *("2020-W01-1", "1e400", "-inf", "nan", "9" * 400, "{}", "[]", "null", "true", '"\\ud800"'),
    *("R0", "r1", "É2", "A" * 600, "x" * 140_000, "{" * 2_000, "[" * 2_000, "\\", "𝄞", "￼"),
]
BYTES = [b"\xff\xfe", b"\xfe\xff", b"\xe9", b"\xc3", b"\xed\xa0\x80", b"\0", b"\x80", b"PAR1"]


SIEGE = 20
"""Files that one ledger is attacked with: what it holds already refuses the next version."""


def damaged(rng, content):
    """Bytes of a file, damaged at a few places or written in another encoding."""
    for _ in range(rng.choice([1, 1, 2, 5])):
        here = rng.randrange(len(content) + 1)
        end = min(len(content), here + rng.randrange(1, 40))
        kind = rng.randrange(8)
        if kind < 3:
            content = content[:here] + rng.choice(BITS).encode() + content[here:]
        elif kind == 3:
            content = content[:here] + rng.choice(BYTES) + content[end:]
        elif kind == 4:
            content = content[:here] + content[end:]
        elif kind == 5:
            content = content[:end] + content[here:]
        elif kind == 6:
            lines = content.splitlines(keepends=True)
            content += rng.choice(lines) if lines else b""
        else:
            content = swapped(rng, content)
    return content


def swapped(rng, content):
    """The same text in another encoding, or with other ends of lines."""
    text = content.decode("utf-8", "replace")
    encoding = rng.choice(["utf-16", "latin-1", "cp1252", "utf-8-sig", "utf-8", "utf-8"])
    return text.replace("\n", rng.choice(["\r\n", "\r", "\n"])).encode(encoding, "replace")


def attack(folder, cases, first=0):
    """Import damaged files; nothing but an `InputError` may come, and nothing may be stored."""
    sources, pristine = {}, folder / "pristine.db"
    with fc.open_ledger(pristine) as ledger:
        ledger.append(random_reports(generator("fuzz"), 6, prefix="z"))
        for kind in ("csv", "jsonl", "parquet"):
            sources[kind] = getattr(ledger, f"export_{kind}")(folder / f"good.{kind}").read_bytes()
    refused = taken = 0
    for begin in range(first, first + cases, SIEGE):
        held = 0
        with fc.open_ledger(folder / f"{begin}.db") as ledger:
            for case in range(begin, min(begin + SIEGE, first + cases)):
                rng = generator("case", case)
                kind = rng.choice(["csv", "csv", "csv", "jsonl", "jsonl", "parquet"])
                path = folder / f"bad.{kind}"
                path.write_bytes(damaged(rng, sources[kind]))
                try:
                    receipt = getattr(ledger, f"import_{kind}")(path)
                    held += receipt.added
                    taken += 1
                except InputError as error:
                    lengths = [len(str(problem)) for problem in error.problems]
                    refused += 0 < max(lengths) < 2_000
                assert len(ledger) == held, case
            ledger.check()
            whole = fc.Ledger(tuple(ledger)).known_at("9999-12-31")
            assert ledger.known_at("9999-12-31") == whole
    assert refused + taken == cases
    assert min(refused, taken) > cases / 50


def test_hostile_files_are_refused_or_stored_whole(tmp_path):
    attack(tmp_path, 300)


@pytest.mark.slow
def test_many_hostile_files_are_refused_or_stored_whole(tmp_path):
    attack(tmp_path, 20_000, first=1_000)


def test_huge_cells_are_refused_in_few_words(tmp_path):
    cell = "A" * 10_000_000
    row = {"id": cell, "indicator": cell, "state": "low", "source": "s", "note": cell}
    row |= {"event_start": cell, "known": "2020-01-05", "number": cell}
    (tmp_path / "huge.jsonl").write_text(json.dumps(row))
    pd.DataFrame([row]).to_csv(tmp_path / "huge.csv", index=False)
    pd.DataFrame([row]).to_parquet(tmp_path / "huge.parquet")
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        for call, source in (
            (ledger.import_csv, tmp_path / "huge.csv"),
            (ledger.import_jsonl, tmp_path / "huge.jsonl"),
            (ledger.import_parquet, tmp_path / "huge.parquet"),
            (ledger.import_frame, pd.DataFrame([row])),
        ):
            with pytest.raises(InputError) as caught:
                call(source)
            assert len(str(caught.value)) < 2_000
        assert len(ledger) == 0


def test_years_beyond_the_calendar_are_no_dates(tmp_path):
    row = {"id": "R", "indicator": "barometer", "state": "low", "source": "s"}
    row |= {"event_start": "99999-01-01", "known": "9999-12-31T23:00:00-12:00"}
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        with pytest.raises(InputError) as caught:
            ledger.import_frame(pd.DataFrame([row]))
        assert [str(problem).split(";")[0] for problem in caught.value.problems] == [
            "row 0: column 'event_start': '99999-01-01' is not a date",
            "row 0: column 'known': '9999-12-31T23:00:00-12:00' is not a date",
        ]
