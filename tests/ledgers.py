"""A report of a barometer, a place to keep ledgers, and what tests ask of both."""

import os
import random
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

import forecast as fc
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.testing.ledgers import FIRST, random_reports


def report(name, state="low", *, day=0, known=None, **more):
    """A report of the barometer on a day counted from the first."""
    when = FIRST + timedelta(days=day)
    known = when if known is None else FIRST + timedelta(days=known)
    plain = Report(name, "barometer", state, when, when, known, known, "keeper", "B", "2")
    return replace(plain, **more)


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


def make_ledger(path, seed=0, size=400):
    """A ledger that was closed; its reports."""
    reports = random_reports(generator("faults", seed), size)
    with fc.open_ledger(path) as ledger:
        ledger.append(reports)
    return reports


def ids(reports):
    return [report.id for report in reports]


def bits(value):
    """Everything that evidence holds, floats to the last bit but for the sign of zero."""
    if isinstance(value, Evidence):
        value = (value.as_of, value.reports, value.behind, value.about)
    if isinstance(value, tuple | list):
        return f"({' '.join(map(bits, value))})"
    return repr(value).replace("-0.0,", "0.0,")
