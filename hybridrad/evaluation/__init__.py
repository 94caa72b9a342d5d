"""Nested cross-validation, metrics and intervals."""
