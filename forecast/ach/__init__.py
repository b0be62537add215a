"""Analysis of competing hypotheses: its matrices, read, scored and set beside Bayes."""
