"""Latent variables of generative nets."""
