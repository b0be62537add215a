"""What a call is refused for."""

import pytest

from forecast.errors import InputError


def problems(call, *arguments):
    """Every problem that a call is refused for."""
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return [str(problem) for problem in caught.value.problems]
