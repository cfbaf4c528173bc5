"""Learning-rate schedules: ``rate(step, steps, **options)`` is the factor on `lr` at update `step`.

Updates count from 0 to `steps` - 1, and the factor changes with each of them, not with each epoch. Zhang et
al., Dive into Deep Learning, section 12.11.
"""

import math

from nbdl.errors import OptionError


def constant(step, steps):
    """1."""
    return 1.0


def exponential(step, steps, decay=0.01):
    """From 1 down to `decay` at the last step, by the same factor each step."""
    return decay ** (step / steps)


def polynomial(step, steps, power=1.0, last=0.0):
    """From 1 down to `last`, as (1 - step / steps) ** power."""
    return last + (1 - last) * (1 - step / steps) ** power


def cosine(step, steps, last=0.0, warmup=0.0):
    """Up from 0 over the share `warmup` of the steps, then half a cosine down to `last`."""
    first = warmup * steps
    if step < first:
        return (step + 1) / (first + 1)
    return last + (1 - last) * (1 + math.cos(math.pi * (step - first) / max(steps - first, 1))) / 2


def multi_factor(step, steps, factor=0.1, at=(0.5, 0.75)):
    """Times `factor` after each of the shares `at` of the steps."""
    return factor ** sum(step >= share * steps for share in at)


def piecewise(step, steps, factors=(1.0, 0.1, 0.01), at=(0.5, 0.75)):
    """The first of `factors`, and from each of the shares `at` of the steps on the next one."""
    if len(factors) != len(at) + 1:
        text = "schedule `piecewise`: `factors` must be one more than `at`, got {} and {}"
        raise OptionError(text, len(factors), len(at))
    return factors[sum(step >= share * steps for share in at)]


def factor(step, steps, factor=0.999, last=0.0):
    """Times `factor` with each update, but never below `last`."""
    return max(last, factor**step)


def square_root(step, steps, every=1.0):
    """1 / sqrt(1 + step / every): slow enough to go on learning, fast enough for noise to die out."""
    return 1 / math.sqrt(1 + step / every)


def one_cycle(step, steps, warmup=0.3, first=0.04, last=4e-6):
    """From `first` up to 1 over the share `warmup` of the steps, then down to `last`: two halves of a cosine.

    Smith and Topin 2018; the numbers are those of torch.optim.lr_scheduler.OneCycleLR, whose factors are the
    quotients of its rates.
    """
    peak, end = warmup * steps - 1, steps - 1
    if step <= peak:
        return _half_cosine(first, 1.0, step / peak if peak > 0 else 1.0)
    return _half_cosine(1.0, last, (step - peak) / max(end - peak, 1e-12))


def _half_cosine(start, end, share):
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
