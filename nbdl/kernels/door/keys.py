"""What random numbers depend on: the seed, which operation of a net it is, and the training step.

Those of one call are counted by sample and element.
"""

from nbdl._jit import jit
from nbdl.errors import OptionError

_WORDS = 2**32  # `op` and `step` are a random word each


@jit
def check_key(kernel, seed, op, step):
    """Raise `OptionError` unless the integers `seed`, `op` and `step` are in their ranges."""
    check_seed(kernel, seed)
    check_word(kernel, "op", op)
    check_word(kernel, "step", step)


@jit
def check_seed(kernel, seed):
    if seed < 0:
        raise OptionError("{}: `seed` must be from 0 to 2^63 - 1, got {}", kernel, seed)


@jit
def check_word(kernel, name, word):
    """Raise `OptionError` unless the integer `word`, an argument of this name, is one of 32 bits."""
    if word < 0 or word >= _WORDS:
        raise OptionError("{}: `{}` must be from 0 to 2^32 - 1, got {}", kernel, name, word)


@jit
def samples_and_elements(shape, size):
    """A shape as (samples, elements of one); a number is one sample."""
    if len(shape) == 0:
        return 1, size
    return shape[0], size // max(shape[0], 1)
