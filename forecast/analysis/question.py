"""A question that is a function of the user's, put to beliefs."""

from __future__ import annotations

from collections.abc import Callable

from forecast.errors import InputError, Problem
from forecast.posterior.beliefs import Beliefs


def ask[Answer](question: Callable[[Beliefs], Answer], given: Beliefs) -> Answer:
    """What a question about beliefs returns.

    Raises
    ------
    InputError
        If the function fails; the cause says where.

    Examples
    --------
    >>> from forecast.interchange.tabled import TabledNetwork
    >>> coin = TabledNetwork("coin", {"coin": ("heads", "tails")}, {}, {"coin": [0.5, 0.5]})
    >>> ask(len, coin.beliefs(draws=4))
    Traceback (most recent call last):
    forecast.errors.InputError: question: fails on beliefs with TypeError: ...
    """
    try:
        return question(given)
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        message = f"fails on beliefs with {type(error).__name__}: {error!s:.200}"
        raise InputError([Problem("question", message)]) from error
