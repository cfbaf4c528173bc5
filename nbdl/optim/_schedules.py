"""Learning-rate schedules: ``rate(step, steps, **options)`` is the factor on `lr` at update `step`.

Updates count from 0 to `steps` - 1. Zhang et al., Dive into Deep Learning, section 12.11.
"""

import math


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
