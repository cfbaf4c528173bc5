"""Updates of parameters, one for each optimizer."""
