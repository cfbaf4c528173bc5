r"""The information bottleneck of a joint table: codes Z of X that keep what they can of Y.

.. math::
    F = I(X;Z) - \beta\, I(Z;Y) \to \min_{p(z|x)} \qquad
    p(z|x) \propto p(z)\, e^{-\beta D(p(y|x) \Vert p(y|z))} \qquad
    p(z) = \sum_x p(x)\, p(z|x) \qquad p(y|z) = \frac{1}{p(z)} \sum_x p(x)\, p(z|x)\, p(y|x)

The three equations are applied in turns; each is the minimum over what it names with the others held, so F
never increases. F has more than one minimum: the search begins at a large beta with a code of its own for
each x, and follows it to smaller ones, each from the solution before, where codes merge.
Tishby, Pereira and Bialek 1999, The information bottleneck method, section 4.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from nbdl._jit import jit
from nbdl.errors import DtypeError, OptionError, ProbabilityError, ShapeError
from nbdl.info._estimate import nats_of
from nbdl.kernels import mutual_information

LARGEST, SLOWEST = 100.0, 1.1  # where a search begins, and the factor from one beta to the next
WITHIN = 1e-6  # of 1: the sum of a table
CLOSE = 1e-13  # nats of F that an iteration must gain


@dataclass(frozen=True, eq=False)
class Bottleneck:
    """A code Z of X, for one beta.

    `encoder` (X, Z) is p(z|x), `weights` (Z,) p(z), `decoder` (Z, Y) p(y|z), of codes that are never used as
    p(y). `x_z` and `z_y` are I(X;Z) and I(Z;Y). `history` has F after each iteration, in nats; it never
    increases. `converged` says that the last iteration gained less than 1e-13 nats.
    """

    beta: float
    x_z: float
    z_y: float
    encoder: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    decoder: np.ndarray = field(repr=False)
    history: np.ndarray = field(repr=False)
    converged: bool = True


def information_bottleneck(joint, beta, *, base="nats", normalize=False, iterations=10_000):
    """The code Z of X that keeps most of what X tells about Y, for what it costs.

    Parameters
    ----------
    joint : (X, Y) array
        Probabilities p(x, y) that sum to 1 within 1e-6. An x of probability 0 has the code p(z).
    beta : float
        What a nat about Y is worth, in nats about X, from 0. Up to 1 no code is worth anything.
    base : as in `entropy`
        The unit of `x_z` and `z_y`.
    normalize : bool
        Counts or weights are divided by their sum.
    iterations : int
        At most so many for each beta on the way.

    Returns
    -------
    Bottleneck

    Raises
    ------
    ProbabilityError, ShapeError, DtypeError
        For what is no joint table.
    OptionError
        For a beta below 0 or infinite.

    Examples
    --------
    >>> joint = np.array([[0.45, 0.05], [0.05, 0.45]])  # Y is X, flipped with probability 0.1
    >>> found = information_bottleneck(joint, 4.0)
    >>> round(found.x_z, 4), round(found.z_y, 4)
    (0.6859, 0.3665)
    """
    beta = _beta("beta", beta)
    return bottleneck_curve(joint, [beta], base=base, normalize=normalize, iterations=iterations)[0]


def bottleneck_curve(joint, betas=None, *, base="nats", normalize=False, iterations=10_000):
    """The codes for several values of beta, the largest first: the curve of I(Z;Y) over I(X;Z).

    Parameters
    ----------
    joint, base, normalize, iterations
        As in `information_bottleneck`.
    betas : sequence of float, optional
        60 from 100 down to 1 if not given, denser near 1.

    Returns
    -------
    list of Bottleneck
        One for each beta, in falling order.

    See Also
    --------
    bottleneck_picture
    """
    p = _joint(joint, normalize)
    if betas is None:
        betas = 1 + np.geomspace(LARGEST - 1, 0.02, 60)
    wanted = [_beta("betas", beta) for beta in np.atleast_1d(np.asarray(betas, object)).tolist()]
    if not wanted:
        raise OptionError("`betas` must hold at least one number")
    if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)) or iterations < 1:
        raise OptionError("`iterations` must be an integer from 1, got {!r}", iterations)
    nats, px = nats_of(base), p.sum(axis=1)
    given = np.where(px[:, None] > 0, p / np.where(px > 0, px, 1.0)[:, None], 0.0)
    encoder, found = np.eye(len(p)), {}
    for beta in _way(wanted):
        history = np.empty(int(iterations))
        n = _iterate(px, given, np.float64(beta), encoder, history, np.float64(CLOSE))
        if beta in wanted:
            found[beta] = _described(beta, px, given, encoder, history[:n].copy(), n < iterations, nats)
    return [found[beta] for beta in sorted(wanted, reverse=True)]


def _way(wanted):
    """The values of beta that are gone through, in falling order: no step is large."""
    most = max(wanted)
    way = {*wanted, max(most, LARGEST)}
    beta = max(most, LARGEST)
    while beta > min(wanted) and beta > 0.5:
        way.add(beta)
        beta /= SLOWEST
    return sorted(way, reverse=True)


def _described(beta, px, given, encoder, history, converged, nats):
    weights = px @ encoder
    together = (encoder * px[:, None]).T @ given
    py = px @ given
    decoder = np.where(weights[:, None] > 0, together / np.where(weights > 0, weights, 1)[:, None], py)
    own = np.where((px > 0)[:, None], encoder, weights)
    x_z, z_y = _informations(px, given, encoder)
    return Bottleneck(beta, x_z / nats, z_y / nats, own, weights, decoder, history, converged)


@jit
def _informations(px, given, encoder):
    """I(X;Z) and I(Z;Y) in nats of p(x), p(y|x) and p(z|x); each sum of terms of a divergence."""
    X, Y, Z = given.shape[0], given.shape[1], encoder.shape[1]
    weights, joint, py = np.zeros(Z), np.zeros((Z, Y)), np.zeros(Y)
    for x in range(X):
        for y in range(Y):
            py[y] += px[x] * given[x, y]
        for z in range(Z):
            share = px[x] * encoder[x, z]
            weights[z] += share
            for y in range(Y):
                joint[z, y] += share * given[x, y]
    x_z = z_y = 0.0
    for z in range(Z):
        for x in range(X):
            if px[x] * encoder[x, z] > 0.0:
                x_z += px[x] * encoder[x, z] * np.log(encoder[x, z] / weights[z])
        for y in range(Y):
            if joint[z, y] > 0.0:
                z_y += joint[z, y] * np.log(joint[z, y] / weights[z] / py[y])
    return max(x_z, 0.0), max(z_y, 0.0)


@jit
def _iterate(px, given, beta, encoder, history, close):
    """The equations in turns on `encoder` (X, Z), in place, with F after each; how many turns there were."""
    X, Y, Z = given.shape[0], given.shape[1], encoder.shape[1]
    weights, decoder, far = np.zeros(Z), np.zeros((Z, Y)), np.zeros(Z)
    for n in range(history.size):
        weights[:] = 0.0
        decoder[:] = 0.0
        for x in range(X):
            for z in range(Z):
                share = px[x] * encoder[x, z]
                weights[z] += share
                for y in range(Y):
                    decoder[z, y] += share * given[x, y]
        for z in range(Z):
            if weights[z] > 0.0:
                for y in range(Y):
                    decoder[z, y] = np.log(decoder[z, y] / weights[z])
        for x in range(X):
            if px[x] == 0.0:
                continue
            best = -np.inf
            for z in range(Z):
                far[z] = -np.inf
                if weights[z] > 0.0:
                    apart = 0.0
                    for y in range(Y):
                        if given[x, y] > 0.0:
                            apart += given[x, y] * (np.log(given[x, y]) - decoder[z, y])
                    # With beta = 0 an infinite divergence costs nothing.
                    far[z] = np.log(weights[z]) - (beta * apart if beta > 0.0 else 0.0)
                best = max(best, far[z])
            total = 0.0
            for z in range(Z):
                far[z] = np.exp(far[z] - best)
                total += far[z]
            for z in range(Z):
                encoder[x, z] = far[z] / total
        x_z, z_y = _informations(px, given, encoder)
        history[n] = x_z - beta * z_y
        if n > 0 and history[n - 1] - history[n] < close:
            return n + 1
    return history.size


def _joint(joint, normalize):
    p = np.asarray(joint)
    if p.dtype.kind not in "biuf":
        raise DtypeError("`joint` must hold real numbers, got {}", p.dtype)
    p = p.astype(np.float64)
    if p.ndim != 2 or not p.size:
        raise ShapeError("`joint` must be a table (X, Y) with entries, got shape {}", p.shape)
    if not (np.isfinite(p) & (p >= 0)).all():
        bad = p[~(np.isfinite(p) & (p >= 0))][0]
        raise ProbabilityError("`joint` must hold finite numbers from 0, got {}", bad)
    total = p.sum()
    if normalize and total > 0:
        return np.ascontiguousarray(p / total)
    if not abs(total - 1) <= WITHIN:
        hint = "all are 0" if total == 0 else "normalize=True takes counts and weights"
        raise ProbabilityError("`joint` must sum to 1, got {:.6g}: {}", total, hint)
    return np.ascontiguousarray(p / total)


def _beta(name, beta):
    real = isinstance(beta, (int, float, np.integer, np.floating)) and not isinstance(beta, bool)
    if not real or not 0 <= beta < math.inf:
        raise OptionError("`{}` must be finite and not negative, got {!r}", name, beta)
    return float(beta)


def bottleneck_picture(curve, joint=None, *, base="nats", title=""):
    """PNG bytes of I(Z;Y) over I(X;Z), each point coloured by its beta. Needs matplotlib.

    `curve` is what `bottleneck_curve` gives with the same `base`; with the `joint` table its bounds are drawn
    too: I(Z;Y) is at most I(X;Z), and at most I(X;Y).
    """
    from nbdl.info import _picture

    bound = None if joint is None else mutual_information(_joint(joint, True)) / nats_of(base)
    unit = base if isinstance(base, str) and base != "e" else "nats" if base == "e" else f"base {base}"
    values = ([getattr(point, name) for point in curve] for name in ("x_z", "z_y", "beta"))
    return _picture.bottleneck(*values, bound, unit, title)
