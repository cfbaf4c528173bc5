r"""Language models that count: the next token from the n - 1 before, with Laplace smoothing.

.. math:: P(x) = \frac{n(x) + \epsilon_1 / m}{n + \epsilon_1} \qquad
          P(x' \mid c) = \frac{n(c, x') + \epsilon_k P'(x')}{n(c) + \epsilon_k}

n(c, x') counts the context c of k - 1 tokens with x' after it, m is the size of the vocabulary, n the number
of tokens. P' is the estimate from a context that is one token shorter, or as in the book P(x'). n(c) counts
contexts, that is those occurrences of c that have a successor: so each row sums to 1. The book divides by all
occurrences; the text's last run has no successor, and its row sums to less.
Zhang et al., Dive into Deep Learning, section 9.3.
"""

import numpy as np

from nbdl.data._ngrams import as_ids
from nbdl.errors import OptionError, UsageError

LARGEST = 2**63  # a run of tokens is one int64


class NgramModel:
    """An n-gram model of a text.

    Parameters
    ----------
    ids : (T,) integers
        The text, see `nbdl.data.Vocabulary.encode`.
    size : int
        Of the vocabulary: ids are below it.
    order : int
        Tokens of a run: 1 unigrams, 2 bigrams, 3 trigrams.
    epsilon : float or tuple of `order` floats
        How many tokens the estimate from less context counts as, for each length of a run. 0: none, and only
        where a context was never seen the shorter one stands in.
    backoff : "shorter" or "unigram"
        Where less context comes from: a context one token shorter (MacKay, Peto 1995), or none, as in the
        book.
    denominators : "contexts" or "tokens"
        "tokens" is the book's formula, whose rows need not sum to 1.

    Raises
    ------
    UsageError, OptionError
        For a `size` and `order` whose runs are more than 2^63, or an option out of its range.

    Examples
    --------
    >>> model = NgramModel([0, 1, 0, 1, 1, 0], 2, order=2)  # ababba
    >>> model.probabilities([0])
    array([0.16666667, 0.83333333])
    """

    def __init__(self, ids, size, order=3, epsilon=1.0, backoff="shorter", denominators="contexts"):
        for name, value in (("size", size), ("order", order)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise UsageError("NgramModel: `{}` must be an integer of at least 1, got {!r}", name, value)
        size, order = int(size), int(order)
        if size**order >= LARGEST:
            text = "NgramModel: {} runs of `order` {} are too many. Try a smaller vocabulary or order"
            raise UsageError(text, f"{float(size) ** order:.0e}", order)
        epsilon = np.array(np.broadcast_to(np.asarray(epsilon, np.float64), (order,)))
        if not ((epsilon >= 0) & np.isfinite(epsilon)).all():
            raise OptionError("NgramModel: `epsilon` must be finite and not negative, got {}", epsilon)
        if backoff not in ("shorter", "unigram"):
            raise OptionError("NgramModel: `backoff` must be shorter or unigram, got {!r}", backoff)
        if denominators not in ("contexts", "tokens"):
            raise OptionError("NgramModel: `denominators` must be contexts or tokens, got {!r}", denominators)
        ids = as_ids("NgramModel", ids, size)
        if not ids.size:
            raise UsageError("NgramModel: `ids` must hold at least one token")
        self.size, self.order, self.epsilon, self.backoff = size, order, epsilon, backoff
        counts = np.bincount(ids, minlength=size)
        self._unigram = (counts + epsilon[0] / size) / (len(ids) + epsilon[0])
        self._runs, self._contexts = {}, {}  # by length: what occurs, sorted, and how often
        for k in range(2, order + 1):
            self._runs[k] = np.unique(self._codes(ids, k), return_counts=True)
            last = 0 if denominators == "tokens" else 1
            before = self._codes(ids[: max(len(ids) - last, 0)], k - 1)
            self._contexts[k] = np.unique(before, return_counts=True)

    def probabilities(self, context=()):
        """P(token | context) of every token, (size,) float64; of a longer context its end counts."""
        context = as_ids("NgramModel.probabilities", list(context), self.size)[-(self.order - 1) :]
        if self.order == 1:
            context = context[:0]
        row = self._unigram
        for k in range(2, len(context) + 2):
            code = self._codes(context[len(context) - k + 1 :], k - 1)[:1]
            codes, counts = self._runs[k]
            first, last = np.searchsorted(codes, [code[0] * self.size, (code[0] + 1) * self.size])
            found = np.zeros(self.size)
            found[codes[first:last] - code[0] * self.size] = counts[first:last]
            row = self._mixed(k, found, _looked_up(self._contexts[k], code), row, self._unigram)
        return row

    def log_probabilities(self, ids):
        """log P of each token of a text after those before it, (T,) in nats; -inf for what cannot be."""
        ids = as_ids("NgramModel.log_probabilities", ids, self.size)
        p = unigram = self._unigram[ids]
        for k in range(2, min(self.order, len(ids)) + 1):
            runs = _looked_up(self._runs[k], self._codes(ids, k))
            contexts = _looked_up(self._contexts[k], self._codes(ids[:-1], k - 1))
            p = np.append(p[: k - 1], self._mixed(k, runs, contexts, p[k - 1 :], unigram[k - 1 :]))
        with np.errstate(divide="ignore"):
            return np.log(p)

    def sample(self, prefix, tokens, seed=0):
        """The ids of `prefix` and `tokens` more, (len(prefix) + tokens,), drawn by their probabilities."""
        rng = np.random.default_rng(seed)
        found = as_ids("NgramModel.sample", list(prefix), self.size).tolist()
        for _ in range(tokens):
            total = np.cumsum(self.probabilities(found[max(len(found) - self.order + 1, 0) :]))
            found.append(int(np.searchsorted(total, rng.random() * total[-1], side="right")))
        return np.array(found, np.int64)

    def _mixed(self, k, runs, contexts, shorter, unigram):
        """The estimate from counts of runs and of their contexts, and from less context."""
        epsilon, less = self.epsilon[k - 1], shorter if self.backoff == "shorter" else unigram
        total = np.asarray(contexts + epsilon, np.float64)
        return np.where(total > 0, (runs + epsilon * less) / np.where(total > 0, total, 1), shorter)

    def _codes(self, ids, k):
        """The runs of k tokens as numbers to the base of the vocabulary's size."""
        if len(ids) < k:
            return np.zeros(0, np.int64)
        return np.lib.stride_tricks.sliding_window_view(ids, k) @ self.size ** np.arange(k - 1, -1, -1)


def _looked_up(table, codes):
    """The counts of codes, 0 where they do not occur."""
    known, counts = table
    if not len(known):
        return np.zeros(len(codes))
    places = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[places] == codes, counts[places], 0).astype(np.float64)
