"""The truth of `nll_loss`, and of each sample."""

import numpy as np

from nbdl.kernels.loss.labels_truth import counted, each_of, mean_of


def nll_loss(x, labels, weight=None, ignore_index=-100):
    return np.sum(nll_loss_each(x, labels, weight, ignore_index)) / counted(x, labels, weight, ignore_index)


def nll_loss_each(x, labels, weight=None, ignore_index=-100):
    each = np.zeros(labels.shape)
    for n, label in np.ndenumerate(labels):
        if label != ignore_index:
            each[n] = -x[n][label] * (1 if weight is None else weight[label])
    return each


def _log_probabilities(x):
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def nll_loss_cases(rng):
    return mean_of(rng, _log_probabilities)


def nll_loss_each_cases(rng):
    return each_of(rng, _log_probabilities)
