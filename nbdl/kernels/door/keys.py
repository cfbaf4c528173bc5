"""What random numbers depend on: the seed, which operation of a net it is, and the training step."""

from nbdl._jit import jit
from nbdl.errors import OptionError

_WORDS = 2**32  # `op` and `step` are a random word each


@jit
def check_key(kernel, seed, op, step):
    """Raise `OptionError` unless the integers `seed`, `op` and `step` are in their ranges."""
    if seed < 0:
        raise OptionError("{}: `seed` must be from 0 to 2^63 - 1, got {}", kernel, seed)
    if op < 0 or op >= _WORDS:
        raise OptionError("{}: `op` must be from 0 to 2^32 - 1, got {}", kernel, op)
    if step < 0 or step >= _WORDS:
        raise OptionError("{}: `step` must be from 0 to 2^32 - 1, got {}", kernel, step)
