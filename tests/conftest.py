"""The order in which files of tests are handed to the processes that run them."""

LONGEST = (
    "test_iraq",
    "test_pymc",
    "test_learning",
    "test_benchmarks",
    "test_measured",
    "test_resample_move",
    "test_backtest",
    "test_tutorial",
)
"""Files that fit or compile for a minute or more, the longest first."""


def pytest_collection_modifyitems(items):
    """Put the longest files first, so that no process is left alone with one at the end.

    The first of them compiles the loops of the sampler, which the others then find.
    """
    place = {name: k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))
