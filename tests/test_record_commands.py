"""The commands of a record: what is kept, checked and made again."""

import re
import sqlite3

import forecast as fc
from forecast.console import BAD_INPUT, DONE
from tests.small import weather

QUESTIONS = """
format = 1
scenario = "weather"
[[questions]]
id = "storm"
text = "Will there be a storm by the end of January?"
rule = "As the keeper says."
opened = 2020-01-03
window = [2020-01-10, 2020-01-30]
event.at_least_once = [{storm = "storm"}]
[[questions]]
id = "closed"
text = "Will there be a storm in the first week?"
rule = "As the keeper says."
opened = 2020-01-03
window = [2020-01-03, 2020-01-09]
event.at_least_once = [{storm = "storm"}]
"""
RESOLUTIONS = """
format = 1
scenario = "weather"
[[resolutions]]
question = "storm"
outcome = "no"
resolved = 2020-01-31
source = "the keeper"
"""


def test_a_forecast_is_recorded_verified_shown_and_made_again(run, tmp_path):
    folder, record = tmp_path / "weather", tmp_path / "issued.db"
    folder.mkdir()
    fc.write_scenario(weather(horizon=14), folder / "scenario.yaml")
    (folder / "questions.toml").write_text(QUESTIONS)
    (tmp_path / "resolutions.toml").write_text(RESOLUTIONS)
    quick = ["--draws", "20", "--tune", "10", "--quiet", "--allow-unreliable"]
    page = tmp_path / "page.md"
    code, out, _ = run(
        "report", folder, "--as-of", "2020-01-16", "--record", record, "-o", page, *quick
    )
    assert code == DONE
    assert "recorded as entry 1 with 1 answer; keep the head:" in out
    head = re.search(r"^1:[0-9a-f]{64}$", out, re.MULTILINE)[0]

    assert run("record", "verify", record, "--head", head)[:2] == (
        DONE,
        f"1 entry, all as they were written; the head is\n{head}\n",
    )
    code, out, _ = run("record", "replay", record, 1)
    assert code == DONE
    assert "come out as they were issued" in out
    assert run("record", "resolve", record, tmp_path / "resolutions.toml")[0] == DONE
    assert (
        "0 resolutions recorded"
        in run("record", "resolve", record, tmp_path / "resolutions.toml")[1]
    )
    code, out, _ = run("record", "show", record)
    assert re.search(r"1 .* forecast +weather 1 +as of 2020-01-16, 0 reports, 1 answer", out)
    assert re.search(r"2 .* resolution +storm +no", out)
    code, out, _ = run("record", "show", record, 1)
    assert "storm=storm within" in out
    assert "Will there be a storm by the end of January?" in out
    assert "product page.md, SHA-256" in out

    with sqlite3.connect(record) as database:
        database.execute("UPDATE entries SET text = replace(text, 'page.md', 'pages.md')")
    database.close()
    code, _, err = run("record", "verify", record)
    assert code == BAD_INPUT
    assert "entry 1: has been changed" in err
    assert run("record", "replay", record, 1)[0] == BAD_INPUT


def test_what_cannot_be_done_is_said(run, tmp_path):
    missing = tmp_path / "none.db"
    for action in (["show"], ["verify"], ["replay", 1], ["resolve", "x.toml"]):
        code, _, err = run("record", action[0], missing, *action[1:])
        assert code == BAD_INPUT
        assert "there is no such record" in err
    assert not missing.exists()
    record = fc.open_record(tmp_path / "empty.db")
    code, _, err = run("record", "show", record.path, 3)
    assert code == BAD_INPUT
    assert "entry 3: there is none; the record has 0 entries" in err
    code, _, err = run("report", "iraq-2020", "--questions", "iraq-2020")
    assert code == BAD_INPUT
    assert "name it: --record" in err
