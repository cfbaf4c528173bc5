"""Probability: posteriors, moments, densities, likelihoods."""
