"""How an epoch goes through a text: windows that lie elsewhere in each epoch, at random or one after another.

Zhang et al., Dive into Deep Learning, section 9.2 and 9.7 (first edition: section 8.3.4).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Partition:
    """The order of samples that are all windows of a text: sample i begins at its token i.

    An epoch skips a random number of tokens, fewer than `length`, and takes the windows that follow each
    other from there, so that each token of the rest is met once. All epochs have equally many.

    Parameters
    ----------
    length : int
        Tokens of a window.
    sequential : bool
        Whether row r of a minibatch goes on where row r of the one before ended, as a state that is carried
        from minibatch to minibatch needs it: the text is cut into as many parts as a minibatch has rows.
        Windows that would make no whole minibatch are left out. Else windows come in random order.

    Examples
    --------
    >>> Partition(2, sequential=True)(12, 3, np.random.default_rng(1)).reshape(2, 3)  # minibatches of 3
    array([[ 0,  4,  8],
           [ 2,  6, 10]])
    """

    length: int
    sequential: bool = False

    def __call__(self, n, size, rng):
        """The samples of an epoch, of `n` in minibatches of `size`, (M,); M is the same for every `rng`."""
        windows = n // self.length
        starts = rng.integers(self.length) + self.length * np.arange(windows)
        if not self.sequential:
            return rng.permutation(starts)
        steps = windows // size
        return starts[: steps * size].reshape(size, steps).T.ravel()

    def held_out(self, n, share):
        """The samples at the end of the text that are held out, and those before them.

        No token is in both parts. There must be 3 `length` samples: a window apart, and one for each part.
        """
        most = n // self.length - 2
        count = min(max(round(share * n / self.length), 1), most)
        first = n - count * self.length
        return np.arange(first, n, self.length), np.arange(first - self.length)
