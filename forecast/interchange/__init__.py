"""Bayesian networks of other tools, read and written without losing a bit or a label."""
