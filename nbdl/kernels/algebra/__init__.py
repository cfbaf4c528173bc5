"""Linear algebra: lengths, angles, projections onto convex sets, eigenvalues."""
