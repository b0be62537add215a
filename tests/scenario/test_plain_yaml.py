"""The quick reader of plain YAML reads what the other reads, or leaves it alone."""

import random
from pathlib import Path

import pytest
from ruamel.yaml.comments import CommentedMap, CommentedSeq

import forecast as fc
from forecast.errors import InputError
from forecast.scenario import tree
from forecast.scenario.plain_yaml import LOADER, read_plain

pytestmark = pytest.mark.skipif(LOADER is None, reason="PyYAML was built without libyaml")

SHIPPED = [fc.scenario_folder(name) / "scenario.yaml" for name in fc.scenario_names()]
BROKEN = sorted((Path(__file__).parent / "broken_scenarios").glob("*.yaml"))
PIECES = (
    *"\"':[]{},#|>-*&!%@`?~=\\\n ",
    *("- ", ": ", ">-", "::", "''", '""', "? ", "& ", "\n\n", "\\n", "a:b", "é", "\u2028", "\t"),
    *("0x1f", "012", "1_0", "1:30", ".5", "1.", "1e3", "1e400", "-0", "+.inf", "2020-01-01"),
    *("null", "NULL", "true", "True", "yes", "<<: ", "---\n", "&a ", "*a", "!!str "),
)


def same(found, wanted):
    """Whether two trees have the same values of the same kinds, on the same lines."""
    if isinstance(wanted, CommentedMap):
        return list(found) == list(wanted) and all(
            found.lc.key(name) == wanted.lc.key(name) and same(found[name], wanted[name])
            for name in wanted
        )
    if isinstance(wanted, CommentedSeq):
        return len(found) == len(wanted) and all(
            found.lc.item(k) == wanted.lc.item(k) and same(found[k], wanted[k])
            for k in range(len(wanted))
        )
    one, other = tree._scalar(found), tree._scalar(wanted)
    return type(one) is type(other) and repr(one) == repr(other)


def is_read_alike(text):
    """Whether the quick reader agrees; it may leave a text alone."""
    found = read_plain(text, tree.MAX_DEPTH)
    if found is None:
        return True
    try:
        wanted = tree._guarded(text, "a text", "load")
    except InputError:
        return False
    return same(found, wanted)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_shipped_scenarios_are_read_quickly_and_alike(path):
    text = path.read_text(encoding="utf-8")
    assert read_plain(text, tree.MAX_DEPTH) is not None
    assert is_read_alike(text)


def test_broken_scenarios_are_read_alike():
    texts = [path.read_bytes().decode("utf-8", "replace") for path in BROKEN]
    assert all(is_read_alike(text) for text in texts)
    assert sum(read_plain(text, tree.MAX_DEPTH) is not None for text in texts) > len(texts) / 2


@pytest.mark.parametrize(
    "seed", [*range(3), *[pytest.param(k, marks=pytest.mark.slow) for k in range(3, 10)]]
)
def test_damaged_texts_are_read_alike(seed):
    rng = random.Random(seed)
    texts = [path.read_text(encoding="utf-8") for path in BROKEN if "half" not in path.stem]
    for _ in range(60):
        text = rng.choice([each for each in texts if len(each) < 3000])
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at + rng.choice((0, 0, 0, 1, 4)) :]
        assert is_read_alike(text), text


@pytest.mark.parametrize(
    "value",
    ["0x1f", "012", "1_000", ".inf", "&a 1", "*a", "!!str 1", "\t1", "{? a: 1}", "{<<: {b: 1}}"],
)
def test_what_is_out_of_the_ordinary_is_left_alone(value):
    assert read_plain(f"name: {value}\n", tree.MAX_DEPTH) is None
