"""Draws of the judgements given the reports, and the answers that they give."""
