"""Exact inference on discrete networks, static or moving through time: NumPy and Numba alone."""
