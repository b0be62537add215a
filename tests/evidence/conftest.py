"""Empty ledgers: in a file, and where there is one on a PostgreSQL server."""

import pytest

import forecast as fc
from tests.ledgers import server_address


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.postgres)])
def address(request, tmp_path):
    if request.param == "file":
        yield str(tmp_path / "ledger.db")
        return
    with server_address() as found:
        yield found


@pytest.fixture
def ledger(address):
    with fc.open_ledger(address) as opened:
        yield opened
