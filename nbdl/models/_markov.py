r"""Markov chains: the next state depends on the present one alone.

.. math:: P(x_1, \ldots, x_T) = P(x_1) \prod_{t=2}^T P(x_t \mid x_{t-1}) \qquad \pi = \pi P

Zhang et al., Dive into Deep Learning, section 9.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.data._ngrams import as_ids
from nbdl.errors import OptionError, ProbabilityError, ShapeError, UsageError

TOLERANCE = 1e-9  # by which a row may miss 1


class MarkovChain:
    """A Markov chain of first order.

    Parameters
    ----------
    transitions : (S, S)
        ``transitions[i, j]`` is the probability of state j after state i: each row sums to 1.
    initial : (S,), optional
        Of the first state; all alike if not given.

    Raises
    ------
    ShapeError, ProbabilityError
        For what is no table of probabilities.

    Examples
    --------
    >>> chain = MarkovChain.of([0, 1, 0, 1, 1, 0], 2)
    >>> chain.transitions.round(3).tolist(), chain.stationary().round(3).tolist()
    ([[0.0, 1.0], [0.667, 0.333]], [0.4, 0.6])
    """

    def __init__(self, transitions, initial=None):
        p = np.array(transitions, np.float64)
        if p.ndim != 2 or p.shape[0] != p.shape[1] or not p.size:
            raise ShapeError("MarkovChain: `transitions` must be of shape (S, S), got {}", p.shape)
        first = np.full(len(p), 1 / len(p)) if initial is None else np.array(initial, np.float64)
        if first.shape != p.shape[:1]:
            raise ShapeError("MarkovChain: `initial` must be of shape {}, got {}", p.shape[:1], first.shape)
        for name, rows in (("transitions", p), ("initial", first[None])):
            wrong = ~((rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) <= TOLERANCE))
            if wrong.any():
                row, text = int(wrong.argmax()), "MarkovChain: `{}` must be not negative and sum to 1, "
                raise ProbabilityError(text + "row {} has the sum {}", name, row, rows[row].sum())
        self.transitions, self.initial = p, first

    @classmethod
    def of(cls, states, size, epsilon=0.0):
        """The chain that a sequence of states is most likely from.

        Parameters
        ----------
        states : (T,) integers from 0, or a list of such sequences
        size : int
            How many states there are.
        epsilon : float
            Added to each count of a pair (Laplace smoothing), and of a first state. A state that nothing
            follows gets a row of equal probabilities.
        """
        if not (np.isfinite(epsilon) and epsilon >= 0):
            raise OptionError("MarkovChain: `epsilon` must be finite and not negative, got {}", epsilon)
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise UsageError("MarkovChain: `size` must be an integer of at least 1, got {!r}", size)
        several = isinstance(states, list | tuple) and len(states) and np.ndim(states[0]) > 0
        pairs, firsts = np.full(size * size, float(epsilon)), np.full(size, float(epsilon))
        for each in states if several else [states]:
            ids = as_ids("MarkovChain.of", each, size)
            pairs += np.bincount(ids[:-1] * size + ids[1:], minlength=size * size)
            firsts += np.bincount(ids[:1], minlength=size)
        return cls(_rows(pairs.reshape(size, size)), _rows(firsts[None])[0])

    def log_likelihood(self, states):
        """log P of a sequence of states in nats; -inf if it cannot be, 0 of none."""
        states = as_ids("MarkovChain.log_likelihood", states, len(self.initial))
        p = np.append(self.initial[states[:1]], self.transitions[states[:-1], states[1:]])
        with np.errstate(divide="ignore"):
            return float(np.log(p).sum())

    def sample(self, steps, seed=0, start=None):
        """A sequence of `steps` states, (steps,) int64; from the state `start`, if it is given."""
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
            raise UsageError("MarkovChain.sample: `steps` must be an integer from 0, got {!r}", steps)
        first = self.initial
        if start is not None:
            first = np.eye(len(first))[as_ids("MarkovChain.sample", [start], len(first))[0]]
        table = np.cumsum(np.vstack([self.transitions, first]), axis=1)
        table /= table[:, -1:]  # so that no number drawn lies above
        return _walk(table, np.random.default_rng(seed).random(steps))

    def stationary(self):
        """The distribution that a step leaves as it is, (S,).

        By the elimination of Grassmann, Taksar and Heyman 1985, which subtracts nothing: each entry is right
        to a few units in its last place.

        Raises
        ------
        ProbabilityError
            If there are several: states fall into parts that are never left.
        """
        reach = (self.transitions > 0) | np.eye(len(self.initial), dtype=bool)
        while True:
            further = reach.astype(np.float32) @ reach > 0
            if (further == reach).all():
                break
            reach = further
        stays = (reach <= reach.T).all(axis=1)  # whoever leaves such a state can come back
        parts = np.unique(reach[stays], axis=0)
        if len(parts) > 1:
            text = (
                "MarkovChain: there are {} parts that are never left, and a stationary distribution of each"
            )
            raise ProbabilityError(text, len(parts))
        found, inside = np.zeros(len(reach)), np.flatnonzero(stays)
        a = self.transitions[np.ix_(inside, inside)]
        for k in range(len(a) - 1, 0, -1):
            a[:k, k] /= a[k, :k].sum()
            a[:k, :k] += np.outer(a[:k, k], a[k, :k])
        p = np.ones(len(a))
        for k in range(1, len(a)):
            p[k] = p[:k] @ a[:k, k]
        found[inside] = p / p.sum()
        return found


def _rows(counts):
    """Counts as probabilities; rows of none are all alike."""
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1), 1 / counts.shape[1])


@jit
def _walk(table, u):
    """States by rows of cumulated probabilities, of which the last is that of the first state."""
    states, row = np.empty(u.size, np.int64), table.shape[0] - 1
    for t in range(u.size):
        row = np.searchsorted(table[row], u[t], side="right")
        states[t] = row
    return states
