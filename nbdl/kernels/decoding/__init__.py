"""Tokens from the logits of a language model."""
