r"""The nearest point that lies in several convex sets, by projections onto each of them in turn.

.. math:: y = P_i(x + r_i) \qquad r_i \leftarrow x + r_i - y \qquad x \leftarrow y \quad (i = 1 \dots S)

Without the corrections r_i these alternating projections end in some point of the intersection; with them
in the one that is nearest to where they began, which is its projection.
Zhang et al., Dive into Deep Learning, section 12.2.1.1; Boyle and Dykstra 1986, A method for finding
projections onto the intersection of convex sets in Hilbert spaces; stopping: Birgin and Raydan 2005.
"""

import numpy as np

from nbdl.errors import DtypeError, NumericError, OptionError, ShapeError


def project_onto_all(x, projections, steps=10000, tolerance=1e-10):
    """Each row of `x` as the nearest point of the intersection of convex sets.

    Parameters
    ----------
    x : float array, (N, ..., D) or as the projections take it
    projections : list of functions
        Each maps an array to the nearest points of one set, as `nbdl.kernels.ball_projection` does.
    steps : int
        At most so many rounds of all of them.
    tolerance : float
        The root of the sum of squares by which the corrections may change in a round, relative to the size
        of `x`, or absolute where that is below 1.

    Returns
    -------
    array of the shape and dtype of `x`

    Raises
    ------
    NumericError
        If the points do not settle: the sets have no point in common, or `steps` are too few.
    OptionError, ShapeError, DtypeError

    Examples
    --------
    The nearest point of a disc and a half-plane:

    >>> from nbdl.kernels import ball_projection, halfspace_projection
    >>> w = np.array([1.0, 0.0])
    >>> sets = [ball_projection, lambda x: halfspace_projection(x, w, 0.6)]
    >>> project_onto_all(np.array([[2.0, 3.0]]), sets).round(4)
    array([[0.5547, 0.8321]])
    """
    given = np.asarray(x)
    if given.dtype not in (np.float32, np.float64):
        raise DtypeError("project_onto_all: `x` must be a float32 or float64 array, got {}", given.dtype)
    projections = list(projections)
    if not projections:
        raise OptionError("project_onto_all: `projections` must hold at least one function, got none")
    if not (tolerance > 0 and steps >= 1):
        text = "project_onto_all: `tolerance` must be positive and `steps` at least 1, got {} and {}"
        raise OptionError(text, tolerance, steps)
    if not np.isfinite(given).all():
        raise NumericError("project_onto_all: `x` must be finite, got {}", given[~np.isfinite(given)][0])
    x, corrections = given.astype(np.float64), [np.zeros(given.shape) for _ in projections]
    enough = tolerance * max(1.0, float(np.sqrt(np.vdot(x, x))))
    for _ in range(steps):
        change = 0.0
        for i, project in enumerate(projections):
            moved = x + corrections[i]
            y = np.asarray(project(moved))
            if y.shape != x.shape:
                text = "project_onto_all: `projections` must keep the shape {}, number {} gave {}"
                raise ShapeError(text, x.shape, i, y.shape)
            rest = moved - y
            change += float(((rest - corrections[i]) ** 2).sum())
            x, corrections[i] = y, rest
        if change <= enough**2:
            return x.astype(given.dtype)
    raise NumericError(
        "project_onto_all: `projections` lead to no common point in {} rounds (the last moved by {:.3g}): "
        "the sets may not intersect; raise `steps` or `tolerance` if they do", steps, change**0.5,
    )  # fmt: skip
