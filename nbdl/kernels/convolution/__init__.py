"""Convolutions, and the padding of images."""
