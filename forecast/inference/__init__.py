"""Exact inference on discrete networks whose tables are uncertain."""
