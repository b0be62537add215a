"""Whether forecasts came true: questions, what they were answered, and how good that was."""
