"""What a forecast says, in words, tables, plots and a document."""
