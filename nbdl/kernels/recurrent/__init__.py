"""Recurrent nets: a state that goes along a sequence, step by step."""
