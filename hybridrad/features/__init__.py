"""Extraction: one case in, one row out; nothing is learned here."""
