"""A fit that cannot be relied on is refused, or carries a banner."""

from dataclasses import replace

import pytest

from forecast.errors import UnreliableFit
from forecast.reporting.product import product
from tests.reporting.made_forecasts import made


def test_an_unreliable_fit_is_refused():
    with pytest.raises(UnreliableFit, match="3 divergent transitions"):
        product(made(divergences=3))


def test_an_unreliable_fit_that_is_wanted_carries_a_banner_on_top():
    page = product(made(divergences=3), allow_unreliable=True)
    assert page.markdown.startswith("> **Do not rely on these numbers.**")
    assert "3 divergent transitions" in page.markdown.splitlines()[0]
    body = page.html[page.html.index("<body>") :]
    assert body.index("3 divergent transitions") < body.index("<h1")


def constant(given):
    """The forecast with all its draws the first."""
    tree = given.posterior.copy()
    for name in ("forecast", "courses"):
        tree[name] = tree[name].to_dataset().isel(chain=[0] * 4, draw=[0] * 250)
    return replace(given, posterior=tree)


def test_constants_are_not_failures():
    """Where nothing is uncertain nothing can have failed to converge, however few the draws."""
    exact = constant(made())
    assert exact.diagnostics.failures == ()
    page = product(exact).markdown
    assert "every probability is exact" in page
    assert "nan" not in page


def test_a_reliable_fit_has_no_banner(written):
    assert "Do not rely" not in written.html + written.markdown


def test_what_never_varies_is_not_called_exact_where_chains_diverge():
    """A chain that only diverges stands still, and knows nothing by that."""
    stuck = constant(made(divergences=1000))
    assert stuck.diagnostics.failures == ("1000 divergent transitions",)
    page = product(stuck, allow_unreliable=True)
    assert "no probability varies over draws, 1000 divergences" in page.markdown
    assert "exact" not in str(stuck.diagnostics)
    assert "every probability is exact" not in page.markdown + page.html
