"""Kernels that bring values to mean 0 and variance 1."""
