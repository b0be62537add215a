"""Matrices of competing hypotheses to test with: Heuer's own, and random ones."""

import numpy as np

import forecast as fc
from forecast.ach.ratings import RATINGS

TWO = ("accident", "attack")
EVEN = {"accident": 0.5, "attack": 0.5}

# Heuer: Psychology of Intelligence Analysis, 1999, chapter 8, figure 15: will Iraq retaliate for
# the bombing of its intelligence headquarters (1993)? Plus and minus are written C and I.
HEUER = fc.AchMatrix(
    ("no retaliation", "minor terrorism", "major attack"),
    tuple(
        fc.AchItem(f"E{number}", text, tuple(ratings.split()))
        for number, (text, ratings) in enumerate(
            [
                ("Public statement of intent not to retaliate", "C C C"),
                ("Absence of terrorist offensive during the Gulf War", "C C I"),
                ("Assumption: would not want to provoke another war", "C C I"),
                ("More radio broadcasts to agents", "I C C"),
                ("Embassies told to take security precautions", "I C C"),
                ("Assumption: not to retaliate would lose face", "I C C"),
            ],
            start=1,
        )
    ),
)


def matrix_of(*rows, hypotheses=TWO):
    """A matrix from rows of ratings; a row may end in a dict of further columns."""
    items = []
    for number, row in enumerate(rows, start=1):
        more = row[-1] if isinstance(row[-1], dict) else {}
        ratings = tuple(cell for cell in row if isinstance(cell, str))
        items.append(fc.AchItem(f"E{number}", f"item {number}", ratings, **more))
    return fc.AchMatrix(hypotheses, tuple(items))


def random_matrix(seed):
    """Four origins in six items, three hypotheses."""
    random = np.random.default_rng(seed)
    rows = [
        (
            *random.choice(RATINGS, 3, p=[0.15, 0.25, 0.2, 0.2, 0.15, 0.05]),
            {
                "credibility": str(random.choice(["", "low", "medium", "high"])),
                "origin": ["", "", "wire", "wire", "wire", ""][k],
            },
        )
        for k in range(6)
    ]
    rows[0] = ("CC", "I", "N", {})
    return matrix_of(*rows, hypotheses=("a", "b", "c"))
