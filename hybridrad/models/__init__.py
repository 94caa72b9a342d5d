"""Estimators on a feature table; everything here is fitted inside the fold."""
