r"""BLEU: how much of a translation stands in another one.

.. math:: \exp\Bigl(\min\bigl(0,\ 1 - \frac{l_{target}}{l_{prediction}}\bigr)\Bigr)
          \prod_{n=1}^{k} p_n^{1/2^n}

p_n is the share of the prediction's runs of n tokens that the target holds, each as often as it holds it.
Papineni, Roukos, Ward, Zhu 2002, in the form of Dive into Deep Learning, section 10.7: long runs count less
than there.
"""

import math
from collections import Counter

from nbdl.errors import OptionError


def bleu(prediction, target, k=2):
    """BLEU of one sentence, from 0 to 1.

    Parameters
    ----------
    prediction, target : str or sequence of tokens
        Text is cut at spaces.
    k : int
        The longest run that is counted, at most; a prediction of fewer tokens is compared up to its length.

    Returns
    -------
    float
        0 for a prediction without tokens.

    Examples
    --------
    >>> round(bleu("il est calme calme !", "il est calme ."), 3)
    0.651
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise OptionError("bleu: `k` must be an integer of at least 1, got {!r}", k)
    prediction, target = (t.split() if isinstance(t, str) else list(t) for t in (prediction, target))
    if not prediction:
        return 0.0
    score = math.exp(min(0.0, 1 - len(target) / len(prediction)))
    for n in range(1, min(k, len(prediction)) + 1):
        found, held = _runs(prediction, n), _runs(target, n)
        score *= ((found & held).total() / found.total()) ** 0.5**n
    return score


def _runs(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
