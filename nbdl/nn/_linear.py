"""Fully connected layer."""

from nbdl.errors import ShapeError, UsageError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor

INIT = "xavier_uniform"


class Linear:
    """``y = x w + b`` on the last axis: x (..., D) to y (..., out_features). See `nbdl.kernels.linear`.

    Parameters
    ----------
    out_features : int
    bias : bool
    init : str
        Initializer of w (D, out_features); D is read from the first input. b starts at zero. Not beside
        `weight`.
    weight : Parameter, optional
        The matrix of another layer instead, (out_features, D): ``y = x weight^T + b``, as
        `nbdl.kernels.linear_transposed` has it. With the table of an embedding a language model has as few
        numbers again for its output (Press & Wolf 2017); its gradient is the sum of both uses.

    Examples
    --------
    >>> embedding = nn.Embedding(1000, 32)
    >>> head = nn.Linear(1000, weight=embedding.w)
    """

    @by_name("nbdl finds the input size itself: nn.Linear(8), nn.Linear(8, bias=False)")
    def __init__(self, out_features, *, bias=True, init=INIT, weight=None):
        if weight is not None and not isinstance(weight, Parameter):
            text = "Linear: `weight` must be the parameter of another layer, as embedding.w, got {}"
            raise UsageError(text, type(weight).__name__)
        if weight is not None and init != INIT:
            text = "Linear: `init` is for a matrix of its own, and `weight` brings one, got init={!r} too"
            raise UsageError(text + ". Try `init` in the layer that has the matrix", init)
        self.out_features = positive("Linear: `out_features`", out_features)
        self.bias, self.init = bias, init
        self.w = Parameter(init) if weight is None else weight
        self.b = Parameter("zeros") if bias else None
        self.weight = weight

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 2:
            raise ShapeError("Linear: `x` must have at least 2 dimensions (N, D), got shape {}", x.shape)
        features, own = x.shape[-1], self.weight is None
        shape = (features, self.out_features) if own else (self.out_features, features)
        if not self.w.ready:
            self.w.fill(shape, features, self.out_features)
        if self.bias and not self.b.ready:
            self.b.fill((self.out_features,))
        if own and self.w.shape[-1] != self.out_features:
            text = "Linear: `w` must be (D, out_features), here {}, got shape {}: values of another net?"
            raise ShapeError(text, shape, self.w.shape)
        if not own and self.w.shape != shape:
            text = "Linear: `weight` must be (out_features, D), here {}, got shape {}"
            raise ShapeError(text, shape, self.w.shape)
        return apply("linear" if own else "linear_transposed", cast(x, self.w), self.w, self.b)
