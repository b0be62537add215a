"""The XML form of the Interchange Format (XMLBIF 0.3, and its older spellings).

Tables have the first parent slowest and their own state fastest. States stand in ``<OUTCOME>``,
or ``<VALUE>`` or ``<VALUES>`` in older files; definitions may be called ``<PROBABILITY>``. How
firmly rows are known travels in a property of the definition, ``concentration``. Decisions and
utilities are left out, with a note, where no chance node needs them.
"""

from __future__ import annotations

from forecast.interchange.draft import Draft
from forecast.interchange.markup import Element, parse, source_of, text_markup
from forecast.interchange.network_checks import MAX_STATES
from forecast.interchange.properties import property_of, property_text
from forecast.interchange.rows import concentration_text, numbers_text
from forecast.interchange.source import NetworkText, checked
from forecast.interchange.tabled import TabledNetwork

NO_CHANCE = {"decision": "a decision", "utility": "a utility", "value": "a utility"}

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<BIF VERSION="0.3">
<NETWORK>"""


def read(text: str, where: str = "XMLBIF") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        An XMLBIF document; what it says of its encoding is not looked at.
    where
        What to call it in problems.

    Raises
    ------
    InputError
        With every problem, by line and column.

    Examples
    --------
    >>> read('''<BIF VERSION="0.3"><NETWORK><NAME>rain</NAME>
    ... <VARIABLE TYPE="nature"><NAME>rain</NAME>
    ...   <OUTCOME>no</OUTCOME><OUTCOME>yes</OUTCOME></VARIABLE>
    ... <DEFINITION><FOR>rain</FOR><TABLE>0.8 0.2</TABLE></DEFINITION>
    ... </NETWORK></BIF>''').variables
    {'rain': ('no', 'yes')}
    """
    source = source_of(checked(text, where), where)
    root = parse(source)
    _upper(root)
    network = root if root.tag == "NETWORK" else root.first("NETWORK")
    if network is None:
        raise source.give_up(root.at, f"no <NETWORK> in <{root.tag[:40]}>; XMLBIF holds one")
    for second in list(root.all("NETWORK"))[1:]:
        source.wrong(second.at, "a second network; a file holds one")
    draft = Draft(source)
    if (name := network.first("NAME")) is not None:
        draft.call(name.text.strip(), name.at)
    _describe(draft, "", network)
    for variable in network.all("VARIABLE"):
        _declare(draft, variable)
    for definition in network.all("DEFINITION", "PROBABILITY"):
        _define(draft, definition)
    return draft.finish()


def _upper(root: Element) -> None:
    """Spell all tags in capitals and without a namespace, as the format does; not all tools do."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        element.tag = element.tag.rpartition(":")[2].upper()
        waiting += element.children


def _declare(draft: Draft, element: Element) -> None:
    name = _name(draft.source, element, "NAME")
    if name is None:
        return
    kind = next((v for k, v in element.attributes.items() if k.upper() == "TYPE"), "nature")
    if kind.lower() in NO_CHANCE:
        draft.leave_out(name, NO_CHANCE[kind.lower()], element.at)
        return
    if kind.lower() not in ("nature", "chance", "discrete"):
        message = f"{name} is of type {kind[:40]!r}; only variables of type 'nature' are read"
        draft.source.wrong(element.at, message)
        draft.spoil(name, element.at)
        return
    draft.declare(name, _states(element), element.at)
    _describe(draft, name, element)


def _states(element: Element) -> list[str]:
    states = [child.text.strip() for child in element.all("OUTCOME", "VALUE")]
    for group in element.all("VALUES", "OUTCOMES"):
        inner = [child.text.strip() for child in group.all("OUTCOME", "VALUE")]
        states += inner or group.text.replace(",", " ").split(maxsplit=MAX_STATES)
    return states


def _define(draft: Draft, element: Element) -> None:
    name = _name(draft.source, element, "FOR")
    if name is None or name in draft.left_out:
        return
    parents = [child.text.strip() for child in element.all("GIVEN")]
    shape = draft.define(name, parents, element.at)
    if shape is None:
        return
    _describe(draft, name, element)
    tables = list(element.all("TABLE"))
    if len(tables) != 1:
        message = f"{len(tables)} tables of {name}; a definition has one"
        draft.source.wrong(element.at, message)
        return
    draft.fill(name, tables[0].numbers(draft.source), shape)


def _name(source: NetworkText, element: Element, tag: str) -> str | None:
    names = list(element.all(tag))
    if len(names) == 1:
        return names[0].text.strip()
    source.wrong(element.at, f"{len(names)} of <{tag}> in <{element.tag}>; it has one")
    return None


def _describe(draft: Draft, name: str, element: Element) -> None:
    for child in element.all("PROPERTY"):
        if child.text.strip():
            draft.describe(name, property_of(child.text.strip()), child.at)


def write(network: TabledNetwork) -> str:
    """Write a network; `read` gives it back to the last bit.

    Parameters
    ----------
    network
        The network.

    Examples
    --------
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> read(write(rain)) == rain
    True
    """
    lines = [_HEAD, _element("NAME", network.name), *_property_lines(network, "")]
    for name, states in network.variables.items():
        lines += ['<VARIABLE TYPE="nature">', "  " + _element("NAME", name)]
        lines += ["  " + _element("OUTCOME", state) for state in states]
        lines += [*_property_lines(network, name), "</VARIABLE>"]
    for name, table in network.tables.items():
        lines += ["<DEFINITION>", "  " + _element("FOR", name)]
        lines += ["  " + _element("GIVEN", parent) for parent in network.parents[name]]
        rows = table.reshape(-1, table.shape[-1])
        lines += ["  <TABLE>", *("    " + " ".join(numbers_text(row)) for row in rows)]
        lines += ["  </TABLE>"]
        if name in network.concentration:
            firm = concentration_text(network.concentration[name])
            lines += ["  " + _element("PROPERTY", f"concentration = {firm}")]
        lines += ["</DEFINITION>"]
    return "\n".join([*lines, "</NETWORK>", "</BIF>"]) + "\n"


def _property_lines(network: TabledNetwork, name: str) -> list[str]:
    pairs = network.properties.get(name, ())
    return ["  " + _element("PROPERTY", property_text(*pair)) for pair in pairs]


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{text_markup(text)}</{tag}>"
