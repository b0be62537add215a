"""Base of what is validated as it is made, with the library's own error where it breaks a rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from forecast.arguments import short_repr
from forecast.errors import InputError, Problem
from forecast.frozen import frozen


class Validated(BaseModel):
    """A pydantic model that raises `InputError`, with every problem, where pydantic's would not.

    Lists may stand for tuples. A part inside a whole is validated as pydantic does it, so that the
    problems of all parts come together.

    Examples
    --------
    >>> class Point(Validated):
    ...     x: int
    >>> Point(x="a")
    Traceback (most recent call last):
    forecast.errors.InputError: Point.x: Input should be a valid integer, unable to parse ...
    """

    def __init__(self, /, **given: Any) -> None:
        with _own_errors(type(self), given):
            super().__init__(**frozen(given))

    # As in pydantic's own base: a part is then validated without a call of this constructor.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Make one of a mapping, as pydantic does.

        Raises
        ------
        InputError
            With every problem.
        """
        with _own_errors(cls, obj):
            return super().model_validate(frozen(obj), **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Make one of JSON text, as pydantic does.

        Raises
        ------
        InputError
            With every problem.
        """
        try:
            given = from_json(json_data)
        except (ValueError, TypeError) as error:
            raise InputError([Problem(cls.__name__, f"not readable as JSON: {error}")]) from None
        with _own_errors(cls, given):
            return super().model_validate_json(json_data, **options)

    @classmethod
    def _faults(cls, error: ValidationError, given: Any) -> list[tuple[tuple[Any, ...], str]]:
        """Where a validation found what is wrong with what was given, and what it is."""
        del given
        faults = error.errors(include_url=False)
        return [
            (each["loc"], f"{each['msg']}; given: {short_repr(each['input'])}") for each in faults
        ]


@contextmanager
def _own_errors(kind: type[Validated], given: Any) -> Iterator[None]:
    """Raise what pydantic finds as the library's own error."""
    try:
        yield
    except ValidationError as error:
        raise InputError(
            [
                Problem(".".join(map(str, (kind.__name__, *path))), message)
                for path, message in kind._faults(error, frozen(given))
            ]
        ) from None
    except RecursionError:
        raise InputError([Problem(kind.__name__, "nested too deeply to be read")]) from None
    except ValueError as error:  # such as of a whole number with thousands of digits
        raise InputError([Problem(kind.__name__, f"cannot be read: {error}")]) from None
