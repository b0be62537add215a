"""A forecast with made-up draws, the product written from it, and matplotlib to itself."""

import pytest

from forecast.reporting.product import product
from tests.reporting.made_forecasts import made


@pytest.fixture(scope="session")
def outlook():
    return made()


@pytest.fixture(scope="session")
def written(outlook):
    return product(outlook)


@pytest.fixture
def pyplot():
    """Of matplotlib, without figures of other tests before and after it."""
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


@pytest.fixture
def axis(pyplot):
    return pyplot.figure().add_subplot()
