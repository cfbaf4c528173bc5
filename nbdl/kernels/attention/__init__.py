"""Attention: averages of values, weighted by how queries and keys agree."""
