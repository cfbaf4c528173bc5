"""Positions that are learned."""

import numpy as np

from nbdl.errors import ShapeError
from nbdl.nn._activations import Dropout
from nbdl.nn._attention import _probability
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Buffer, Parameter, carried, cast
from nbdl.tape import apply, as_tensor


class PositionalEmbedding:
    """x (N, T, D) plus a learned row for each position; then dropout, if `p` is above 0.

    Radford et al. 2018, Improving Language Understanding by Generative Pre-Training, section 3.1; Dosovitskiy
    et al. 2021, An Image is Worth 16x16 Words, section 3.1.

    Parameters
    ----------
    length : int, optional
        How many positions there are: T may be less. None: as many as the first x has.
    p : float
    init : str
        Initializer of w (length, D).

    A prediction that carries a state (``nbdl.jit_predict(net, x, state=True)``) goes on from the position
    where the one before ended, and raises an error behind the last.

    Examples
    --------
    >>> nn.PositionalEmbedding(64)(np.zeros((2, 9, 16))).shape
    (2, 9, 16)
    """

    @by_name("nbdl finds the size D itself: nn.PositionalEmbedding(64), nn.PositionalEmbedding(64, p=0.1)")
    def __init__(self, length=None, *, p=0.0, init="normal"):
        self.length = None if length is None else positive("PositionalEmbedding: `length`", length)
        self.p, self.init = _probability("PositionalEmbedding", p), init
        self.w, self.seen = Parameter(init), Buffer(per_sample=True)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim != 3:
            raise ShapeError("PositionalEmbedding: `x` must have shape (N, T, D), got {}", x.shape)
        _, T, D = x.shape
        if not self.w.ready:
            length = T if self.length is None else self.length
            self.w.fill((length, D), length, D)
        length = len(self.w)
        if T > length:
            text = "PositionalEmbedding: `x` may have up to {} positions (`length`), got {}"
            raise ShapeError(text, length, T)
        x = cast(x, self.w)
        rows = self._next(x) if carried(train) else self.w if T == length else self.w[:T]
        y = x + rows
        return Dropout(self.p)(y, train=train) if self.p else y

    def _next(self, x):
        """The rows of the positions behind those that were read."""
        seen, T = self.seen.rows((1,), like=x, train=None, dtype=x.dtype), x.shape[1]
        places = apply("next_places", seen, count=T, room=len(self.w))
        self.seen.keep(seen + np.float32(T), train=None)
        return apply("embedding", places, self.w)
