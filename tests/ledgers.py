"""Random reports for tests of ledgers, and a place to keep them."""

import os
import random
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest

from forecast.evidence.report import Report

FIRST = date(2020, 1, 3)
TEXTS = ["", "plain", 'zwölf, "quoted"', "=1+1", "'=1+1", "-3", "two\nlines", "雨 🙂", "@x", "'x"]


def report(name, state="low", *, day=0, known=None, **more):
    """A report of the barometer on a day counted from the first."""
    when = FIRST + timedelta(days=day)
    known = when if known is None else FIRST + timedelta(days=known)
    plain = Report(name, "barometer", state, when, when, known, known, "keeper", "B", "2")
    return replace(plain, **more)


def random_reports(rng, size, prefix=""):
    """Reports of which many revise or withdraw earlier ones, none in a circle."""
    reports = []
    for k in range(size):
        known = rng.randint(0, 40)
        start = rng.randint(-20, known)
        said = rng.choice(["low", "falling", "high", "", 0.1 * k, -2.5, -0.0, 1e-300])
        number = said if isinstance(said, float) else None
        weighed = rng.random() < 0.1 and number is None
        if weighed:
            said = ""
        earlier = [r for r in reports if r.known <= FIRST + timedelta(days=known)]
        supersedes = rng.choice(earlier).id if earlier and rng.random() < 0.4 else ""
        if said == "" and not supersedes and not weighed:
            said = "low"
        context = rng.random() < 0.1
        plain = number is None or context
        reports.append(
            Report(
                id=prefix + rng.choice(["R", "r", "É", "𝄞", "￼"]) + str(k),
                indicator="" if context else rng.choice(["barometer", "wind"]),
                state="" if not plain or context else said,
                event_start=FIRST + timedelta(days=start),
                event_end=FIRST + timedelta(days=start + rng.randint(0, 5)),
                published=FIRST + timedelta(days=rng.randint(-5, known)),
                known=FIRST + timedelta(days=known),
                source=rng.choice(["keeper", "Reuters"]),
                reliability=rng.choice("ABCDEF"),
                credibility=rng.choice("123456"),
                origin=rng.choice(["", "one", "two"]),
                supersedes=supersedes,
                citation=rng.choice(TEXTS),
                note=rng.choice(TEXTS),
                number=None if plain else number,
                upper=None if plain else rng.choice([None, number + 1, 1e12]),
                exposure=None if plain else rng.choice([None, 7.0]),
                likelihoods=(("low", 1 / 3), ("high", 2.0)) if weighed and not context else (),
                retrieved=rng.choice([None, FIRST]),
            )
        )
    rng.shuffle(reports)
    return reports


@contextmanager
def server_address():
    """Address of an empty schema on the PostgreSQL server of the tests."""
    server = os.environ.get("FORECAST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL server: run `make postgres-test`")
    from sqlalchemy import create_engine, make_url, text

    schema = f"ledger_{uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    own = url.set(drivername="postgresql")
    own = own.update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield own.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


def generator(*seeds):
    """A random generator of its own for each case."""
    return random.Random(repr(seeds))
