"""Measures of tables of probabilities or counts."""
