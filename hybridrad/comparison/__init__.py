"""Paired tests, multiplicity, regret and verdicts on stored scores."""
