"""Linear algebra of whole matrices, by LAPACK through NumPy, and projections onto several convex sets."""

from nbdl.algebra._intersection import project_onto_all
from nbdl.algebra._lstsq import inverse, lstsq
from nbdl.algebra._pca import PCA

__all__ = ["PCA", "inverse", "lstsq", "project_onto_all"]
