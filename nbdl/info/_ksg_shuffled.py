r"""KSG estimates while the rows of one sample are shuffled: what a shuffle leaves as it is, is done once.

Only the neighbours in all coordinates together change. The search structures of the marginals stay: that of x
by renaming its rows, which for a mean over all rows is to put the radii in the order of the rows before the
shuffle. The values are those of `ksg1` and `frenzel_pompe` but for the order of the sum; columns are
standardised before the shuffle, and noise is added before it.
"""

import numpy as np

from nbdl.info._near import counts_within, kth_distances
from nbdl.info._neighbours import is_constant, prepare
from nbdl.info._special import digamma
from nbdl.info._tree import build, index


def mutual_information(x, y, *, k=3, theiler=0, standardize=True, noise=0.0, seed=0):
    """A function of an order (N,): `ksg1` of the rows of x in that order, and y.

    `x`, `y` and the options are as of `ksg1`. None where a Theiler window ties rows to their times.
    """
    if theiler:
        return None
    x, y = prepare("ksg1", {"x": x, "y": y}, k, theiler, noise, seed, standardize)
    if is_constant(x) or is_constant(y):
        return lambda order: 0.0
    of_x, of_y, psi = index(x), index(y), _digammas(len(x))

    def value(order):
        radii = kth_distances(build(np.hstack((x[order], y))), k)
        before = np.empty_like(radii)
        before[order] = radii
        n = psi[counts_within(of_x, before)].mean() + psi[counts_within(of_y, radii)].mean()
        return float(psi[k - 1] + psi[-1] - n)

    return value


def conditional_mutual_information(x, y, z, *, k=3, theiler=0, standardize=True, noise=0.0, seed=0):
    """A function of an order (N,): `frenzel_pompe` of the rows of x in that order, y and z."""
    if theiler:
        return None
    x, y, z = prepare("ksg1", {"x": x, "y": y, "z": z}, k, theiler, noise, seed, standardize)
    if is_constant(x) or is_constant(y):
        return lambda order: 0.0
    yz = np.hstack((y, z))
    of_z, of_yz, psi = index(z), index(yz), _digammas(len(x))

    def value(order):
        moved = x[order]
        radii = kth_distances(build(np.hstack((moved, yz))), k)
        n_xz = counts_within(index(np.hstack((moved, z))), radii)
        n_yz, n_z = counts_within(of_yz, radii), counts_within(of_z, radii)
        return float(psi[k - 1] + (psi[n_z] - psi[n_xz] - psi[n_yz]).mean())

    return value


def _digammas(n):
    """psi(1) ... psi(n), by number of neighbours: psi(m + 1) for m of them."""
    return digamma(np.arange(1, n + 1))
