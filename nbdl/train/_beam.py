r"""Beam search: the most probable continuation among those that are followed at once.

.. math:: \frac{1}{L^\alpha} \sum_{t=1}^L \log P(y_t \mid y_1, \ldots, y_{t-1})

is the score of a continuation of L tokens. Zhang et al., Dive into Deep Learning, section 10.8.
"""

import numpy as np

from nbdl.errors import OptionError
from nbdl.kernels import greedy_token, log_softmax


def beam_search(follow, start, tokens, beam=2, end=None, alpha=0.75):
    """The continuations of a text that a beam finds, the best first.

    At each step the `beam` most probable of all continuations by one token stay. One that ends with `end` is
    done; the others go on, up to `tokens`.

    Parameters
    ----------
    follow : callable
        ``follow(ids)`` gives the logits (V,) of the token after ids (T,).
    start : (T,) integers
    tokens : int
        The most that are added.
    beam : int
        1 is the greedy choice.
    end : int, optional
        The id of the token that ends a text, such as ``<eos>``.
    alpha : float
        From 0; the larger it is, the less does length count against a continuation.

    Returns
    -------
    list of (ids, score)
        The whole sequences, int64, with their scores, at most `beam` that are done or have `tokens` tokens.

    Raises
    ------
    OptionError
        For an option out of its range.
    ProbabilityError
        For logits that are NaN or infinite, or all -inf.

    Examples
    --------
    >>> table = np.log([[0.1, 0.9], [0.8, 0.2]])
    >>> [ids.tolist() for ids, _ in beam_search(lambda ids: table[ids[-1]], [0], 3)]
    [[0, 1, 0, 1], [0, 1, 1, 0]]
    """
    return beam_search_at_once(lambda many: map(follow, many), start, tokens, beam, end, alpha)


def beam_search_at_once(follow, start, tokens, beam=2, end=None, alpha=0.75):
    """`beam_search` where ``follow`` is given all sequences of a step in a list, and gives logits of each."""
    for name, value, least in (("tokens", tokens, 0), ("beam", beam, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise OptionError("`{}` must be an integer of at least {}, got {!r}", name, least, value)
    if not 0 <= alpha < np.inf:
        raise OptionError("`alpha` must be from 0 and finite, got {}", alpha)
    begun = np.asarray(start, np.int64)
    live, done = [(0.0, begun)], []
    for _ in range(tokens):
        found = []
        for (total, ids), logits in zip(live, follow([ids for _, ids in live])):
            logits = np.asarray(logits, np.float64)
            greedy_token(logits)  # which refuses what is no logits
            each = log_softmax(logits)
            for token in np.argsort(-each, kind="stable")[:beam]:
                if each[token] > -np.inf:
                    found.append((total + float(each[token]), np.append(ids, token)))
        found.sort(key=lambda pair: -pair[0])
        found = found[:beam]
        done += [pair for pair in found if pair[1][-1] == end]
        live = [pair for pair in found if pair[1][-1] != end]
        if not live:
            break
    scored = [(ids, total / max(len(ids) - len(begun), 1) ** alpha) for total, ids in done + live]
    scored.sort(key=lambda pair: -pair[1])
    return scored[:beam]
