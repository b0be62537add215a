"""Every broken scenario gives the whole message that stands beside it, word for word.

After a change of wording, remake the messages with
`python -m tests.scenario.test_broken_scenarios` and read what has changed as somebody would who
does not program.
"""

import os
from pathlib import Path

import pytest

from forecast.errors import InputError
from forecast.scenario.scenario_files import load_scenario

FOLDER = Path(__file__).parent / "broken_scenarios"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def message(name):
    """What loading a file of this folder says."""
    with pytest.raises(InputError) as caught:
        load_scenario(f"{name}.yaml")
    return f"{caught.value}\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_message_is_as_agreed(name, monkeypatch):
    monkeypatch.chdir(FOLDER)
    assert message(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_every_message_has_its_file():
    assert sorted(path.stem for path in FOLDER.glob("*.txt")) == NAMES


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "scenario.yaml: the file is empty"),
        (b"  \n\n", "scenario.yaml: the file is empty"),
        (b"name: a\nb\xff: c\n", "scenario.yaml:2: not a text file in UTF-8 (byte 9, 0xff)"),
        (b"name: a\0b", "scenario.yaml:1: not a text file: it holds a NUL byte"),
        (b"#" * 10_000_001, "scenario.yaml: the file is larger than the 10,000,000 bytes that"),
    ],
    ids=["empty", "blank", "not UTF-8", "NUL", "too large"],
)
def test_files_that_hold_no_text(content, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scenario.yaml").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_scenario("scenario.yaml")
    assert str(caught.value).startswith(expected)


if __name__ == "__main__":
    os.chdir(FOLDER)
    for name in NAMES:
        Path(f"{name}.txt").write_text(message(name), encoding="utf-8")
