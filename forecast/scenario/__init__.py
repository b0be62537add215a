"""What is believed before any evidence: variables, their tables, the judgements behind them."""
