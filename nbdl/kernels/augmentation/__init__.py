"""Random changes of samples in training: crops, flips and noise."""
