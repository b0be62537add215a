"""Writing XDSL: nodes with identifiers for names, and what these stand for in an extension."""

from __future__ import annotations

from graphlib import TopologicalSorter

from forecast.interchange.markup import attribute_markup, text_markup
from forecast.interchange.rows import concentration_text, numbers_text
from forecast.interchange.tabled import Properties, TabledNetwork
from forecast.interchange.xdsl_names import EXTENSION, identifiers, is_identifier

NODE_WIDTH, NODE_HEIGHT, NODES_ABREAST = 120, 60, 8


def write(network: TabledNetwork) -> str:
    r"""Write a network; `read` gives it back to the last bit.

    Parameters
    ----------
    network
        The network. Parents are written before their children, as SMILE needs them.

    Examples
    --------
    >>> rain = TabledNetwork("rain", {"rain": ("<5", "more")}, tables={"rain": [0.8, 0.2]})
    >>> print("\n".join(write(rain).splitlines()[3:8]))
        <cpt id="rain">
          <state id="s_5" />
          <state id="more" />
          <probabilities>0.8 0.2</probabilities>
        </cpt>
    """
    ids = dict(zip(network.variables, identifiers(network.variables, "v"), strict=True))
    [name] = identifiers([network.name], "n")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<smile version="1.0" id={attribute_markup(name)} numsamples="10000">',
        "  <nodes>",
    ]
    for variable in TopologicalSorter(network.parents).static_order():
        lines += _node(network, variable, ids)
    lines += ["  </nodes>", "  <extensions>"]
    lines += [*_display(network, ids), *_extension(network, ids), "  </extensions>", "</smile>"]
    return "\n".join(lines) + "\n"


def _node(network: TabledNetwork, name: str, ids: dict[str, str]) -> list[str]:
    lines = [f'    <cpt id="{ids[name]}">']
    lines += [f'      <state id="{state}" />' for state in _states(network, name)]
    if network.parents[name]:
        given = " ".join(ids[parent] for parent in network.parents[name])
        lines.append(f"      <parents>{given}</parents>")
    numbers = " ".join(numbers_text(network.tables[name]))
    lines.append(f"      <probabilities>{numbers}</probabilities>")
    if name in network.concentration:
        firm = concentration_text(network.concentration[name])
        lines.append(f'      <property id="concentration">{firm}</property>')
    pairs = network.properties.get(name, ())
    if _fit(pairs):
        lines += [f'      <property id="{key}">{text_markup(v)}</property>' for key, v in pairs]
    return [*lines, "    </cpt>"]


def _states(network: TabledNetwork, name: str) -> list[str]:
    return identifiers(network.variables[name], "s")


def _fit(pairs: Properties) -> bool:
    """Whether all names of some properties are identifiers."""
    return all(is_identifier(key) for key, _ in pairs)


def _display(network: TabledNetwork, ids: dict[str, str]) -> list[str]:
    """What GeNIe needs to show the nodes: a title and a place for each."""
    title = attribute_markup(network.name)
    lines = [f'    <genie version="1.0" app="forecast" name={title}>']
    for place, (name, given) in enumerate(ids.items()):
        left = 20 + place % NODES_ABREAST * (NODE_WIDTH + 20)
        top = 20 + place // NODES_ABREAST * (NODE_HEIGHT + 40)
        box = f"{left} {top} {left + NODE_WIDTH} {top + NODE_HEIGHT}"
        lines += [
            f'      <node id="{given}">',
            f"        <name>{text_markup(name)}</name>",
            f"        <position>{box}</position>",
            "      </node>",
        ]
    return [*lines, "    </genie>"]


def _extension(network: TabledNetwork, ids: dict[str, str]) -> list[str]:
    """Order, names, labels and properties as they are, by the ids that stand for them."""
    lines = [f'    <{EXTENSION} version="1" name={attribute_markup(network.name)}>']
    lines += _properties(network.properties.get("", ()), "      ")
    for name, given in ids.items():
        lines.append(f'      <node id="{given}" name={attribute_markup(name)}>')
        labels = network.variables[name]
        lines += [
            f'        <state id="{state}" label={attribute_markup(label)} />'
            for state, label in zip(_states(network, name), labels, strict=True)
            if state != label
        ]
        pairs = network.properties.get(name, ())
        lines += [] if _fit(pairs) else _properties(pairs, "        ")
        lines.append("      </node>")
    return [*lines, f"    </{EXTENSION}>"]


def _properties(pairs: Properties, indent: str) -> list[str]:
    return [
        f"{indent}<property name={attribute_markup(key)}>{text_markup(value)}</property>"
        for key, value in pairs
    ]
