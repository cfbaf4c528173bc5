"""Samples that are held out of the training data, and the epoch that was the best on them."""

import dataclasses

import numpy as np

from nbdl import nn
from nbdl.data import Split
from nbdl.errors import DataError
from nbdl.nn._inputs import count, taken


def held_out(data, share, seed):
    """`data` with a random `share` of its training samples taken out, and these as a `Split` (None for 0).

    Which ones depends on the seed and their number alone; of windows of a text with an order it is its end.
    Each part gets at least one sample.
    """
    if not share:
        return data, None
    n = count(data.train.x)
    if data.order is not None and n < 3 * data.order.length:
        text = "`validation` holds out the end of a text, which needs 3 windows of {} for it, got {} tokens"
        raise DataError(text, data.order.length, n)
    if n < 2:
        raise DataError("`validation` holds out a part of the training samples, of which there is {}", n)
    if data.order is not None:
        return _split(data, *data.order.held_out(n, share))
    order = np.random.Generator(np.random.Philox(key=[seed, 2**63])).permutation(n)
    valid = np.sort(order[: min(max(round(share * n), 1), n - 1)])
    return _split(data, valid, np.sort(order[len(valid) :]))


def _split(data, valid, train):
    kept, out = (Split(*(taken(a, rows) for a in data.train)) for rows in (train, valid))
    return dataclasses.replace(data, train=kept), out


class Best:
    """The epoch with the smallest loss on samples that were held out, and the net as it was then.

    Prechelt 1998, "Early stopping - but when?": training ends after `patience` epochs in which the loss has
    not fallen by more than `min_delta`.
    """

    def __init__(self, patience, min_delta):
        self.patience, self.min_delta = patience, min_delta
        self.epoch, self.loss, self.state = 0, np.inf, {}

    def look(self, epoch, loss, net):
        """Take note of the net after an epoch."""
        if self.patience and loss < self.loss - self.min_delta:
            self.epoch, self.loss, self.state = epoch, loss, nn.state_dict(net)

    def over(self, epoch):
        """Whether training ends after this epoch."""
        return bool(self.state) and epoch - self.epoch >= self.patience

    def restore(self, net):
        """Give the net the values of the best epoch."""
        if self.state:
            nn.load_state_dict(net, self.state)
