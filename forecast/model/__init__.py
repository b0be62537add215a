"""From judgements and reports to tables, to the likelihood, and to a PyMC model."""
