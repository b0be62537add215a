"""What an answer rests on, and how answers compare."""
