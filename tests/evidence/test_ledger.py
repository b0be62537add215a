"""Laws of the ledger in a database: the same evidence as in memory, however reports come."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import forecast as fc
from forecast.evidence.intake import CHUNK
from forecast.evidence.ledger import Ledger
from forecast.evidence.report_checks import find_broken_links
from forecast.testing.ledgers import FIRST, random_reports
from tests.ledgers import bits, generator, ids, report, server_address
from tests.refusals import problems
from tests.small import weather

LEDGERS, TIMES = 100, 6


def day(number):
    return FIRST + timedelta(days=number)


def known_then(reports, moment):
    """Reports in force, the slow way: the definition, followed from each report to what came."""
    known = {one.id: one for one in reports if one.known <= moment}

    def later(name):
        return [one for one in known.values() if one.supersedes == name]

    def withdrawn(name):
        return any(one.is_withdrawal and stands(one.id) for one in later(name))

    def replaced(name):
        return any(
            replaced(one.id) or not (one.is_withdrawal or withdrawn(one.id)) for one in later(name)
        )

    def stands(name):
        return not withdrawn(name) and not replaced(name)

    return {name for name, one in known.items() if stands(name) and not one.is_withdrawal}


def check_ledgers(address_of, seeds):
    """Equality with the ledger in memory, and with one that holds only what was known."""
    for seed in seeds:
        rng = generator("ledger", seed)
        reports = random_reports(rng, rng.randint(0, 12))
        memory = Ledger(tuple(reports))
        with fc.open_ledger(address_of(seed)) as ledger:
            cut = rng.randint(0, len(reports))
            ledger.append(reports[:cut])
            ledger.append(reports[cut:])
            assert bits(tuple(ledger)) == bits(tuple(reports))
            for _ in range(TIMES):
                moment = day(rng.randint(-1, 41))
                found = ledger.known_at(moment)
                assert bits(found) == bits(memory.known_at(moment))
                about = rng.choice([[], ["wind"], ["barometer", "tide"], "wind"])
                asked_about = ledger.known_at(moment, about)
                assert bits(asked_about) == bits(memory.known_at(moment, about))
                assert asked_about.reports == tuple(
                    one for one in found if one.is_context or one.indicator in about
                )
                then = Ledger(tuple(r for r in reports if r.known <= moment))
                assert bits(found) == bits(then.known_at(moment))
                assert set(ids(found)) == known_then(reports, moment)


@pytest.mark.parametrize(
    "seeds", [range(LEDGERS), pytest.param(range(LEDGERS, 500), marks=pytest.mark.slow)]
)
def test_the_database_gives_the_evidence_of_the_ledger_in_memory(tmp_path, seeds):
    check_ledgers(lambda seed: tmp_path / f"{seed}.db", seeds)


@pytest.mark.postgres
def test_the_server_gives_the_evidence_of_the_ledger_in_memory():
    for seed in range(50):
        with server_address() as address:
            check_ledgers(lambda _, own=address: own, [seed])


def test_any_order_of_arrival_gives_the_same_evidence(tmp_path):
    for seed in range(8):
        rng = generator("order", seed)
        reports = random_reports(rng, 10)
        answers = set()
        for order in range(4):
            rng.shuffle(reports)
            with fc.open_ledger(tmp_path / f"{seed}-{order}.db") as ledger:
                for one in reports:
                    ledger.append(one)
                days = [ledger.known_at(day(k)) for k in range(0, 41, 5)]
                answers.add(bits((days, ledger.diff(day(5), day(30)), len(ledger))))
        assert len(answers) == 1


def test_what_was_known_never_becomes_unknown(ledger):
    reports = random_reports(generator("monotone"), 60)
    ledger.append(reports)
    before = set()
    for k in range(-1, 42):
        found = ledger.known_at(day(k))
        known = {*ids(found.reports), *ids(found.behind)}
        assert before <= known
        assert all(one.known <= day(k) for one in (*found.reports, *found.behind))
        before = known


def test_a_withdrawn_report_leaves_no_trace(ledger):
    others = [report("R1"), report("R3", "high")]
    ledger.append([*others, report("R2", "falling")])
    ledger.append(report("W", "", known=3, supersedes="R2"))
    assert ids(ledger.known_at(day(2))) == ["R1", "R2", "R3"]
    assert ledger.known_at(day(3)).reports == Ledger(tuple(others)).known_at(day(3)).reports


def test_whatever_is_withdrawn_leaves_no_trace_and_comes_back():
    """In random ledgers: the last of a line is withdrawn, and then its withdrawal is."""
    tried = 0
    for seed in range(200):
        rng = generator("no trace", seed)
        reports = random_reports(rng, rng.randint(1, 12))
        end = day(50)
        before = Ledger(tuple(reports)).known_at(end).reports
        lasts = {one.id for one in before} - {one.supersedes for one in reports}
        for one in before:
            if one.id not in lasts or one.is_context:
                continue
            tried += 1
            others = tuple(other for other in reports if other is not one)
            away = report("W", "", known=45, supersedes=one.id)
            back = report("V", "", known=46, supersedes="W")
            assert known_in((*reports, away), end) == known_in(others, end)
            assert known_in((*reports, away, back), end) == before
    assert tried > 300


def known_in(reports, moment):
    return Ledger(tuple(reports)).known_at(moment).reports


def test_the_last_revision_stands_for_all_before_it(ledger):
    ledger.append([report("R1"), report("R2", "falling", known=1, supersedes="R1")])
    ledger.append(report("W", "", known=2, supersedes="R2"))
    ledger.append(report("R3", "high", known=3, supersedes="R2"))
    ledger.append(report("R4", "low", known=5, supersedes="W"))
    in_force = [ids(ledger.known_at(day(k))) for k in range(4)]
    assert in_force == [["R1"], ["R2"], ["R1"], ["R3"]]
    assert ids(ledger.known_at(day(5))) == ["R3", "R4"]
    change = ledger.diff(day(1), day(2))
    assert (ids(change.withdrawn), ids(change.restored)) == (["R2"], ["R1"])
    assert "restored      R1  barometer: low" in str(change)
    assert [(old.id, new.id) for old, new in ledger.diff(day(2), day(3)).revised] == [("R1", "R3")]


def test_what_superseded_a_report_counts_whatever_was_asked_about(ledger):
    wind = {"indicator": "wind", "known": 3, "supersedes": "R1"}
    reports = [report("R1"), report("R2", "strong", **wind), report("R3", "high")]
    ledger.append(reports)
    evidence = ledger.known_at(day(5), "barometer")
    assert ids(evidence) == ["R3"]
    assert ids(evidence.behind) == ["R1", "R2"]
    assert ids(evidence.without("R3")) == []
    assert ids(ledger.known_at(day(2), "barometer")) == ["R1", "R3"]


def test_a_ledger_says_how_many_reports_speak_to_each_indicator(ledger):
    assert ledger.indicators(day(0)) == {}
    ledger.append([report("R1"), report("R2", "high", known=2), report("C", "", indicator="")])
    ledger.append(report("R3", "strong", indicator="wind", known=1))
    assert ledger.indicators(day(1)) == {"barometer": 1, "wind": 1}
    assert ledger.indicators(day(2)) == {"barometer": 2, "wind": 1}


def test_later_appends_do_not_change_what_was_known(ledger):
    reports = random_reports(generator("later"), 40)
    early = [one for one in reports if one.known <= day(20)]
    late = [one for one in reports if one.known > day(20)]
    ledger.append(early)
    before = ledger.known_at(day(20))
    ledger.append(late)
    assert ledger.known_at(day(20)) == before


def test_differences_agree_with_the_two_states(address):
    came = {}
    with fc.open_ledger(address) as ledger:
        for seed in range(40):
            reports = random_reports(generator("diff", seed), 15, prefix=f"{seed}.")
            ledger.append(reports)
            came |= {one.id: one for one in reports}
            rng = generator("times", seed)
            first, last = sorted((day(rng.randint(0, 40)), day(rng.randint(0, 40))))
            change = ledger.diff(first, last)
            held, holds = (set(ids(ledger.known_at(d))) for d in (first, last))
            gone = set(ids(change.withdrawn)) | {old.id for old, _ in change.revised}
            come = set(ids(change.known)) | {new.id for _, new in change.revised}
            come |= set(ids(change.restored))
            assert gone == held - holds
            assert come == holds - held
            assert all(old.id in _line_of(new, came) for old, new in change.revised)


def _line_of(one, by_id):
    line = set()
    while one.supersedes in by_id:
        one = by_id[one.supersedes]
        line.add(one.id)
    return line


def test_a_difference_says_what_happened(ledger):
    ledger.append([report("R1"), report("R2", "high"), report("R3", known=9)])
    ledger.append(report("R4", "falling", known=5, supersedes="R1"))
    ledger.append(report("R5", "high", known=7, supersedes="R4"))
    ledger.append(report("W", "", known=7, supersedes="R2"))
    change = ledger.diff(day(1), "2020-01-12")
    assert ids(change.known) == ["R3"]
    assert [(old.id, new.id) for old, new in change.revised] == [("R1", "R5")]
    assert ids(change.withdrawn) == ["R2"]
    assert str(change).splitlines()[0] == "after 2020-01-04 and up to 2020-01-12:"
    assert "revised       R1  barometer: low (keeper, B2, known 2020-01-03) → R5, high" in str(
        change
    )
    assert str(ledger.diff(day(20), day(30))).endswith("nothing")
    assert problems(ledger.diff, day(2), day(1)) == [
        "end: 2020-01-04 is before the start, 2020-01-05"
    ]


def test_appending_again_counts_nothing_twice(ledger):
    reports = [report("R1"), report("R2", number=2.0, state="")]
    assert (ledger.append(reports).added, ledger.append(reports).added) == (2, 0)
    assert ledger.append([*reports, report("R3")]).present == 2
    assert ids(ledger) == ["R1", "R2", "R3"]
    assert len(ledger) == 3


def test_nothing_is_overwritten_and_all_problems_are_listed(ledger):
    ledger.append(report("R1"))
    wrong = [
        report("R1", "high"),
        report("R2"),
        report("R2", note="another"),
        report("R3", known=1, supersedes="R4"),
        report("R4", known=2),
        report("R5", supersedes="R6"),
        report("R6", supersedes="R5"),
        report("R7", reliability="G", note="a\0b"),
        report("R8", note="x" * 200_000),
        report("", source=""),
        "R9",
    ]
    assert problems(ledger.append, wrong) == [
        "report 'R7': 'note': 'a\\x00b' holds a NUL character",
        "report 'R8': 'note': 200,000 characters; at most 100,000 are kept",
        "report '': 'id': is empty",
        "report '': 'source': is empty",
        "report 11: a str is no report",
        "report 'R1': the ledger holds another report with the id 'R1'; nothing is overwritten: "
        "give the revision an id of its own and `supersedes`",
        "report 'R2': the id 'R2' is given to more than one report",
        "report 'R3': R3 supersedes R4, which became known later",
        "report 'R5': R5 supersedes itself, directly or through others",
        "report 'R6': R6 supersedes itself, directly or through others",
    ]
    assert ids(ledger) == ["R1"]


def test_a_report_that_comes_twice_in_one_append_is_stored_once(ledger):
    """Side by side, and further apart than what is stored at once."""
    many = [report(f"R{k}") for k in range(CHUNK + 1)]
    receipt = ledger.append([many[0], many[0], *many[1:], many[0]])
    assert (receipt.added, receipt.present) == (len(many), 2)
    assert ids(ledger) == [one.id for one in many]


def test_links_are_checked_whichever_report_comes_first(ledger):
    ledger.append([report("A", known=3, supersedes="B"), report("C", supersedes="D")])
    assert ids(ledger.waiting()) == ["A", "C"]
    assert problems(ledger.append, report("B", known=4)) == [
        "report 'B': A supersedes B, which became known later"
    ]
    assert problems(ledger.append, report("D", supersedes="C")) == [
        "report 'D': D supersedes itself, directly or through others"
    ]
    ledger.append(report("B", known=2))
    assert ids(ledger.waiting()) == ["C"]
    assert ids(ledger.known_at(day(3))) == ["C", "A"]


def test_long_lines_and_missing_links_take_time_in_proportion(tmp_path):
    line = [report(f"R{k}", known=2, supersedes=f"R{k - 1}" if k else "") for k in range(6_000)]
    lost = [report(f"L{k}", known=2, supersedes=f"missing {k}") for k in range(6_000)]
    start = time.process_time()
    faults = list(find_broken_links([*line, *lost]))
    assert len(faults) == 6_000
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.append([*line, *lost])
        assert len(ledger.waiting()) == 6_000
        assert len(ledger.known_at(day(3))) == 6_001
    circle = [report(f"C{k}", supersedes=f"C{(k + 1) % 6_000}") for k in range(6_000)]
    assert len(list(find_broken_links(circle))) == 6_000
    assert time.process_time() - start < 60


def test_a_scenario_says_what_may_be_appended(address):
    with fc.open_ledger(address, weather()) as ledger:
        ledger.append(report("R1"))
        assert problems(ledger.append, report("R2", "lo")) == [
            "report 'R2': 'state': 'lo' is not a state of barometer; did you mean 'low'? Legal: "
            "high, falling, low"
        ]


def test_moments_are_stored_as_days_in_utc(ledger):
    baghdad = timezone(timedelta(hours=3))
    night = datetime(2020, 1, 9, 1, 30, tzinfo=baghdad)
    ledger.append(report("R1", event_start=night, event_end=night, known=8))
    assert next(iter(ledger)).event_start == date(2020, 1, 8)
    assert len(ledger.known_at(datetime(2020, 1, 10, 23, tzinfo=UTC))) == 0
    assert len(ledger.known_at("2020-01-12T02:00:00+03:00")) == 1


def test_only_what_was_known_is_read(tmp_path):
    effort = []
    for later in (10, 2_000):
        with fc.open_ledger(tmp_path / f"{later}.db") as ledger:
            ledger.append(report(f"R{k}") for k in range(50))
            ledger.append(report(f"L{k}", day=9, supersedes="R1") for k in range(later))
            steps = count_steps(ledger)
            assert len(ledger.known_at(day(5))) == 50
            assert ledger.diff(day(1), day(5)).known == ()
            effort.append(len(steps))
    assert effort[0] > 100
    assert effort[1] < 1.2 * effort[0]


def count_steps(ledger):
    """A list that grows with every ten steps of SQLite's machine."""
    steps = []
    with ledger._engine.connect() as connection:
        plain = connection.connection.driver_connection
        plain.set_progress_handler(lambda: steps.append(1), 10)
    return steps


def test_duplicates_are_shown_and_kept(ledger):
    ledger.append([report("R1"), report("R2", note="again"), report("R3", "high")])
    ledger.append([report("R4", source="another"), report("R5", day=1)])
    ledger.append([report(f"N{k}", state="", number=2.0) for k in range(3)])
    ledger.append(report("W", "", supersedes="N1"))
    ledger.append([report("C1", state="", indicator=""), report("C2", state="", indicator="")])
    assert sorted(ids(group) for group in ledger.duplicates()) == [["N0", "N2"], ["R1", "R2"]]
    assert len(ledger.known_at(day(9))) == 9
