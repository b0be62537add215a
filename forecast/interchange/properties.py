"""Free properties as one line of text: a name, or a name, an equals sign and a value."""

from __future__ import annotations

import re

_BARE_NAME = re.compile(r'[^\s"\\;={}]+(?: [^\s"\\;={}]+)*')
QUOTED = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')


def quoted(text: str) -> str:
    r"""A text in double quotes; quotes and backslashes in it get a backslash.

    Examples
    --------
    >>> print(quoted('the "old" way'))
    "the \"old\" way"
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """The text that stands in quotes; other text as it is."""
    return _ESCAPED.sub(r"\1", text[1:-1]) if QUOTED.fullmatch(text) else text


def property_of(text: str) -> tuple[str, str]:
    """Name and value of a property; the value is empty if there is no equals sign.

    Examples
    --------
    >>> property_of('position = (73, 165)')
    ('position', '(73, 165)')
    """
    head = QUOTED.match(text)
    start = head.end() if head else 0
    cut = text.find("=", start)
    if cut < 0:
        return unquoted(text.strip()).strip(), ""
    name, value = text[:cut].strip(), text[cut + 1 :].strip()
    return unquoted(name).strip(), unquoted(value).strip()


def property_text(name: str, value: str) -> str:
    """Text that `property_of` reads back."""
    shown = name if _BARE_NAME.fullmatch(name) else quoted(name)
    if not value:
        return shown
    return f"{shown} = {quoted(value) if _needs_quotes(value) else value}"


def _needs_quotes(value: str) -> bool:
    return any(character in '"\\;{}\n\t' for character in value)
