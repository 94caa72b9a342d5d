"""Figures and the report: pure functions of the stored tables."""
