"""For tests of what extends the library: random cases from seeds, and slow honest answers.

`networks` makes networks with tables and evidence, and sums over all their histories without any
code of the engine; `scenarios` writes scenarios with tables of every form; `ledgers` makes reports
that revise and withdraw each other.
"""
