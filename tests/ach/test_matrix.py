"""A matrix as the method has it: scores by hand, reading, and what is refused."""

from math import sqrt

import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.reading import RE_ENCODE
from tests.ach.matrices import HEUER, matrix_of


def read(tmp_path, text):
    path = tmp_path / "ach.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return fc.read_ach(path)


def problems(tmp_path, text):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    return [
        str(problem).removeprefix(f"{tmp_path / 'ach.csv'}") for problem in caught.value.problems
    ]


def test_heuers_matrix_has_his_conclusion():
    """Minor terrorism has nothing against it, and the public statement says nothing at all."""
    assert HEUER.scores == {"no retaliation": 3, "minor terrorism": 0, "major attack": 2}
    assert HEUER.ranks == {"no retaliation": 3, "minor terrorism": 1, "major attack": 2}
    assert [item.diagnosticity for item in HEUER.evidence] == [0, 2, 2, 2, 2, 2]


def test_weighted_score_by_hand():
    matrix = matrix_of(
        ("I", "CC", {"credibility": "high", "relevance": "high"}),
        ("II", "I", {"credibility": "low"}),
        ("N", "II", {"credibility": "high", "relevance": "low"}),
        ("NA", "I", {"relevance": "medium"}),
    )
    assert matrix.scores["accident"] == pytest.approx(2 + 2 / sqrt(2), abs=1e-9)
    assert matrix.scores["attack"] == pytest.approx(1 / sqrt(2) + 2 + 1, abs=1e-9)
    assert matrix.weights["E1"] == pytest.approx(2)


def test_equal_scores_share_a_rank():
    assert matrix_of(("I", "I"), ("C", "CC")).ranks == {"accident": 1, "attack": 1}


def test_reads_every_column(tmp_path):
    text = (
        "Relevance,id,attack,evidence,accident,Credibility,origin\n"
        'LOW,X1,cc,"A claim, on tape", ii ,High,wire\n'
        ",,,A rumour,c,,\n"
    )
    first, second = read(tmp_path, text).evidence
    assert first == fc.AchItem("X1", "A claim, on tape", ("CC", "II"), "high", "low", "wire")
    assert second == fc.AchItem("E2", "A rumour", ("NA", "C"))


def test_reads_a_data_frame():
    import pandas as pd

    frame = pd.DataFrame({"evidence": ["A", "B"], "accident": ["II", "C"], "attack": [None, "I"]})
    assert fc.read_ach(frame).evidence[0].ratings == ("II", "NA")


UNRATED = """evidence,quarry,depot,remarks,Source,Date,weight,empty
A lorry was hired,I,C,seen at night,paper,2020-01-05,3,
The fence was cut,II,Consistent,,Inquiry,2020-01-06,2,
Nobody came,c,N/A,none,,,1,n/a
"""


def test_a_column_that_nobody_rated_is_no_hypothesis(tmp_path):
    with pytest.warns(fc.InputWarning, match="columns 'remarks', 'Source', 'Date', 'weight', 'em"):
        matrix = read(tmp_path, UNRATED)
    assert matrix.scores == {"quarry": 3, "depot": 0}
    assert [item.ratings for item in matrix.evidence] == [("I", "C"), ("II", "C"), ("C", "NA")]
    assert "note: no hypotheses, because nobody rated anything there" in repr(matrix)
    doubtful = UNRATED.replace("seen at night", "C").replace("none", "by hand")
    doubtful = doubtful.replace("Consistent,,", "C,by day,")
    assert "'remarks' holds ratings in 1 of 3 cells" in problems(tmp_path, doubtful)[0]
    path = tmp_path / "named.csv"
    path.write_text(doubtful)
    with pytest.warns(fc.InputWarning):
        named = fc.read_ach(path, hypotheses=["quarry", "depot"])
    assert named.hypotheses == ("quarry", "depot")


def test_ratings_as_signs_are_read_where_they_are_plain(tmp_path):
    matrix = read(tmp_path, "evidence,a,b\nx,++,--\ny,-,+\n")
    assert [item.ratings for item in matrix.evidence] == [("CC", "II"), ("I", "C")]
    assert "- as I" in matrix.notes[0]
    assert "'-' is not a rating" in problems(tmp_path, "evidence,a,b\nx,C,C\ny,-,I\n")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "evidence,a,b\nx,C,D\ny,maybe,I\n",
            [
                ":2: column 'b': 'D' is not a rating; legal: CC, C, N, I, II, NA",
                ":3: column 'a': 'maybe' is not a rating; legal: CC, C, N, I, II, NA",
            ],
        ),
        (
            "evidence,a,b,credibility,relevance\nx,C,I,hig,none\n",
            [
                ":2: column 'credibility': 'hig' is not a level; did you mean 'high'? "
                "Legal: low, medium, high",
                ":2: column 'relevance': 'none' is not a level; legal: low, medium, high",
            ],
        ),
        ("evidence,a,A\nx,C,I\n", [": the hypothesis 'a' is named twice"]),
        ("evidence,a\nx,C\n", [": there are 1; a matrix compares 2 to 20"]),
        ("evidence,a,\nx,C,I\n", [": the name '' is empty"]),
        (
            "evidnce,a,b\nx,C,I\n",
            [
                ": no column 'evidence', which says what each item is; did you mean 'evidnce'? "
                "Legal: evidnce, a, b"
            ],
        ),
        ("evidence,a,b,origin,Origin\nx,C,I,,\n", [": column 'origin' appears twice"]),
        ("evidence,a,b\n", [": there are 0 items; a matrix has 1 to 300"]),
        ("evidence,a,b\nx,,NA\n", [": no item is rated: every cell is NA"]),
        ("evidence,a,b\n,C,I\n", [":2: column 'evidence': is empty"]),
        ("evidence,a,b\nx,C\n", [":2: the row has more or fewer fields than the header"]),
        (
            "evidence,a,b,id\nx,C,I,1\ny,C,I,1\n",
            [": the id '1' is given to more than one item"],
        ),
        (
            'evidence,a,b\n"x\x1b[2J",C,I\n',
            [":2: column 'evidence': holds a character that no text file should"],
        ),
        (
            "evidence,a,b\n" + "x" * 1001 + ",C,I\n",
            [":2: column 'evidence': has 1,001 characters; at most 1,000"],
        ),
        (b"", [": the file is empty"]),
        (b"evidence,a\0", [f":1: not a text file: it holds a NUL byte; if it is one, {RE_ENCODE}"]),
        (b"\xff\xfe", [": the file is empty"]),
        (b"evidence,\x81", [f":1: not a text file in UTF-8 (byte 9, 0x81); {RE_ENCODE}"]),
        ('evidence,a,b\n"x,C,I', [":2: not readable as CSV: unexpected end of data"]),
    ],
)
def test_bad_input_is_refused_whole(tmp_path, text, expected):
    assert problems(tmp_path, text) == expected


def test_a_matrix_made_in_python_keeps_the_same_rules():
    with pytest.raises(InputError) as caught:
        fc.AchMatrix(("a", "b"), (fc.AchItem("E1", "x", ("C",)), fc.AchItem("E1", "", ("C", "?"))))
    assert [str(problem) for problem in caught.value.problems] == [
        "evidence: the id 'E1' is given to more than one item",
        "evidence E1: ratings: 1; there are 2 hypotheses",
        "evidence E1: column 'evidence': is empty",
        "evidence E1: column 'b': '?' is not a rating; legal: CC, C, N, I, II, NA",
    ]


def test_columns_of_a_data_frame_may_have_spaces_around_them():
    import pandas as pd

    frame = pd.DataFrame({" evidence": ["A claim"], "accident ": ["II"], "attack": ["C"]})
    assert fc.read_ach(frame).scores == {"accident": 2.0, "attack": 0.0}


@pytest.mark.parametrize(
    ("hypotheses", "item"),
    [
        ((1, 2), fc.AchItem("E1", "x", ("C", "I"))),
        (None, fc.AchItem("E1", "x", ("C", "I"))),
        (("a", "b"), fc.AchItem("E1", "x", (1, 2))),
        (("a", "b"), fc.AchItem("E1", "x", ("C", ["I"]))),
        (("a", "b"), fc.AchItem("E1", "x", None)),
        (("a", "b"), fc.AchItem(1, None, ("C", "I"))),
        (("a", "b"), fc.AchItem("E1", "x", ("C", "I"), credibility=3, origin=4)),
        (("a", "b"), "E1"),
    ],
)
def test_a_matrix_of_something_else_than_text_is_refused(hypotheses, item):
    with pytest.raises(fc.InputError):
        fc.AchMatrix(hypotheses, (item,))


def test_a_frame_with_a_column_twice_is_refused():
    frame = pd.DataFrame([["x", "C", "I"]], columns=["evidence", "a", "a"])
    with pytest.raises(fc.InputError, match="more than once: a"):
        fc.read_ach(frame)
