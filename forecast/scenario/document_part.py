"""Base of the parts of documents that people write: scenarios, mappings, questions."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from forecast.errors import InputError, Problem
from forecast.validated import Validated


class DocumentPart(Validated):
    """A validated part of a document, whose faults are put into the words of whoever wrote it.

    Examples
    --------
    >>> class Point(DocumentPart):
    ...     x: int
    >>> Point(x="a")
    Traceback (most recent call last):
    forecast.errors.InputError: Point.x: 'x' should be a whole number; given: 'a'
    """

    @classmethod
    def _faults(cls, error: ValidationError, given: Any) -> list[tuple[tuple[Any, ...], str]]:
        """Where a validation found what is wrong with what was given, and what it is."""
        from forecast.scenario.faults import shape_faults  # it knows all parts of a scenario

        return shape_faults(error, given, cls)


def read_document[Part: DocumentPart](kind: type[Part], where: str, document: Any) -> Part:
    """Make a part of a document that was read from a file, and say where in it the faults are.

    Parameters
    ----------
    kind
        The class that the document is to be.
    where
        What messages call the document, such as its path.
    document
        The document as plain dicts, lists and scalars.

    Raises
    ------
    InputError
        With every problem.
    """
    try:
        return kind.model_validate(document)
    except InputError as error:
        problems = [(each, each.where.partition(".")[2]) for each in error.problems]
        raise InputError(
            [Problem(f"{where}: {at}" if at else where, each.message) for each, at in problems]
        ) from None
