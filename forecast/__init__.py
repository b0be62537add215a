"""Bayesian forecasting for indications-and-warning analysis.

    import forecast as fc

    problem = fc.load_scenario("iraq-2020")
    ledger = fc.read_evidence("iraq-2020", problem)
    outlook = fc.forecast(problem, ledger.known_at("2020-01-23"))
    fc.product(outlook).save("warning.html")

Every name below is imported when it is first used, so that `import forecast` stays quick.
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("forecast")

# The public names stand in `__init__.pyi`, once.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
