"""The tutorial done as it says, and that what does it notices what goes wrong."""

import pytest

import forecast as fc
from tests.pages import (
    DOCS,
    NUMBER,
    assert_printed,
    change_file,
    read_blocks,
    read_prose,
    run_page,
    run_shell,
)

TUTORIAL = DOCS / "tutorial.md"


def test_the_tutorial_up_to_its_first_forecast(tmp_path):
    names = run_page(TUTORIAL, tmp_path, before="fc.forecast(")
    assert "first" not in names
    assert names["problem"].variables["departures"].states == ("few", "many")
    assert len(names["ledger"]) == 4


@pytest.mark.slow
def test_the_whole_tutorial(tmp_path):
    names = run_page(TUTORIAL, tmp_path)
    assert names["second"].diagnostics.failures == ()
    saved = (tmp_path / "kell-convoys.html").read_text(encoding="utf-8")
    assert "Change since 16 March 2025" in saved
    asked = fc.sensitivity(names["second"], "militia", "attack", by="2025-04-20")
    assert not asked.empty


def test_every_number_in_the_prose_is_one_that_was_printed():
    printed = {number for block in read_blocks(TUTORIAL) for number in NUMBER.findall(block.text)}
    numbers = NUMBER.findall(read_prose(TUTORIAL))
    assert len(numbers) > 20
    assert set(numbers) <= printed


def test_text_that_was_not_printed_is_noticed():
    assert_printed("on average\n12 % ... end", "on  average 12\N{NO-BREAK SPACE}% and so on, end")
    for slack, printed in [(0, "12 %"), (0, "13 % more"), (1, "15 %"), (1, "13 % 4"), (1, "13 !")]:
        with pytest.raises((AssertionError, ValueError)):
            assert_printed("13 %", printed, slack=slack)
    assert_printed("13 %", "12 %", slack=1)


def test_changes_must_fit_the_file(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text("a\nb\nc\nb\n", encoding="utf-8")
    change_file(file, " a\n-b\n+d\n@@\n-c\n")
    assert file.read_text(encoding="utf-8") == "a\nd\nb\n"
    with pytest.raises(AssertionError, match="0 times in"):
        change_file(file, "-c\n")


def test_a_command_that_fails_is_noticed():
    with pytest.raises(AssertionError, match="no such place"):
        run_shell("echo begun\nforecast check 'no such place'\necho ended")
