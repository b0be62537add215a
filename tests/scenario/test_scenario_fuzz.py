"""Law: whatever a file holds, it loads, or an error of ours says what is wrong with it."""

import random
from functools import cache
from pathlib import Path

import pytest

import forecast as fc
from forecast.errors import ForecastError
from forecast.scenario.rendering import render_scenario
from forecast.scenario.shipped import find_scenario
from tests.scenario.test_scenario_files import GOOD
from tests.scenarios import full_scenario
from tests.small import weather

SKELETON = Path(fc.__file__).parent / "scenario" / "skeleton" / "scenario.yaml"
BITS = [
    *("&a ", "*a", "<<: *a", "!!map ", "!!set ", "!!omap ", "!!binary ", "!!float ", "!x ", "? "),
    *("- ", ": ", ":", "# ", "| ", "> ", "|2\n", "%YAML 1.1\n", "---\n", "...\n", "@", "`", "'"),
    *('"', "\\", "[", "]", "{", "}", ",", "\t", "\n", "\r", "  ", "\x85", "\u2028", "\ufeff", "\0"),
    *('"\\ud800"', '"\\0"', "\U0001f642", "null", "~", "yes", "true", "[]", "{}", "''", "'1'"),
    *("0x1F", "1_0", "-1", "1e400", "-.inf", ".nan", "9" * 30, "9" * 500, "9" * 5000, "1e-320"),
    *("2020-01-31", "9999-12-31", "0001-01-01", "12:30", "previous ", "storm", "rows", "form: "),
]


@cache
def sources():
    """Texts to damage, short ones first."""
    full = [render_scenario(full_scenario(seed), "s") for seed in (1, 2, 3, 4)]
    skeleton = SKELETON.read_text(encoding="utf-8")
    long = [find_scenario(name).read_text(encoding="utf-8") for name in fc.scenario_names()]
    return [GOOD, render_scenario(weather(), "s")], [skeleton, *full], long


def pick(rng):
    """A text, mostly a short one."""
    short, middle, long = sources()
    probability = rng.random()
    return rng.choice(long if probability < 0.002 else middle if probability < 0.1 else short)


def damage_lines(rng, text):
    """Delete, repeat, swap or indent lines."""
    lines = text.split("\n")
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[here : here + rng.randint(1, 3)]
    elif kind == 1:
        lines[there:there] = lines[here : here + rng.randint(1, 4)]
    elif kind == 2:
        lines[here], lines[there] = lines[there], lines[here]
    elif kind == 3:
        lines[here] = " " * rng.randint(1, 5) + lines[here]
    else:
        lines[here] = lines[here][rng.randint(1, 3) :]
    return "\n".join(lines)


def damage_characters(rng, text):
    """Insert, delete, repeat or replace characters."""
    here = rng.randrange(len(text) + 1)
    end = min(len(text), here + rng.randrange(1, 20))
    kind = rng.randrange(5)
    if kind == 0:
        return text[:here] + rng.choice(BITS) + text[here:]
    if kind == 1:
        return text[:here] + text[end:]
    if kind == 2:
        return text[:end] + text[here:end] * rng.choice([1, 1, 5]) + text[end:]
    if kind == 3:
        return text[:here] + chr(rng.choice([rng.randrange(1, 300), 0xFFFE, 0x1F600])) + text[here:]
    return text[:here] + rng.choice(BITS) + text[end:]


def damage_values(rng, text):
    """Replace a number, a word or a value by something else."""
    words = text.split(" ")
    at = [k for k, word in enumerate(words) if word[:1].isalnum()]
    if not at:
        return text
    here, there = rng.choice(at), rng.choice(at)
    digits = [k for k in at if words[k][0].isdigit()]
    if rng.random() < 0.5 and digits:
        here = rng.choice(digits)
    words[here] = rng.choice([words[there], rng.choice(BITS), str(rng.randrange(-5, 100) / 10)])
    return " ".join(words)


def nudge(rng, text):
    """Replace one digit, or one letter of a text that is not a name: the file may still load."""
    at = [k for k, character in enumerate(text) if character.isdigit()]
    basis = text.find(": x", rng.randrange(len(text))) + 3
    if rng.random() < 0.3 and basis > 2:
        return text[:basis] + rng.choice(BITS) + text[basis:]
    if rng.random() < 0.3:
        label = text.find("label: ", rng.randrange(len(text))) + 7
        return text[:label] + rng.choice(BITS) + text[label:] if label > 6 else text
    here = rng.choice(at or [0])
    return text[:here] + str(rng.randrange(10)) + text[here + 1 :]


def splice_texts(rng, text):
    """The beginning of one text and the end of another."""
    other = pick(rng) if len(text) < 20_000 else GOOD
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other)) :]


def cut(rng, text):
    """The beginning of a text."""
    return text[: rng.randrange(1, len(text) + 1)]


def random_file(rng):
    """Bytes of a damaged file, or bytes of no meaning at all."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(1, 300))
    text = pick(rng)
    kinds = [damage_values] * 6 + [damage_lines] * 4 + [damage_characters] * 4
    gentle = rng.random() < 0.35
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        text = (nudge if gentle else rng.choice([*kinds, cut, splice_texts]))(rng, text) or "x"
    raw = bytearray(text.encode("utf-8", "surrogatepass"))
    if rng.random() < 0.05:
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def check_files(seeds, folder):
    """Load damaged files; write those that load, fresh and over one another. How many loaded."""
    path, loaded = folder / "damaged.yaml", 0
    for seed in seeds:
        rng = random.Random(seed)
        path.write_bytes(random_file(rng))
        try:
            scenario = fc.load_scenario(path)
        except ForecastError:
            continue
        loaded += 1
        fresh = fc.write_scenario(scenario, folder / f"{seed}.yaml")
        assert fc.load_scenario(fresh).model_dump_json() == scenario.model_dump_json(), seed
        fresh.unlink()
        if loaded % 10 == 0:
            other = full_scenario(loaded % 40)
            assert fc.load_scenario(fc.write_scenario(other, path)) == other, seed
    return loaded


def test_damaged_files_give_only_our_errors(tmp_path):
    assert 30 < check_files(range(300), tmp_path) < 200


@pytest.mark.slow
def test_many_damaged_files_give_only_our_errors(tmp_path):
    assert 1000 < check_files(range(1000, 21_000), tmp_path) < 10_000
