"""Fully connected layer."""

from nbdl.errors import ShapeError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class Linear:
    """``y = x w + b`` on the last axis: x (..., D) to y (..., out_features). See `nbdl.kernels.linear`.

    Parameters
    ----------
    out_features : int
    bias : bool
    init : str
        Initializer of w (D, out_features); D is read from the first input. b starts at zero.
    """

    @by_name("nbdl finds the input size itself: nn.Linear(8), nn.Linear(8, bias=False)")
    def __init__(self, out_features, *, bias=True, init="xavier_uniform"):
        self.out_features = positive("Linear: `out_features`", out_features)
        self.bias, self.init = bias, init
        self.w = Parameter(init)
        self.b = Parameter("zeros") if bias else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        if x.ndim < 2:
            raise ShapeError("Linear: `x` must have at least 2 dimensions (N, D), got shape {}", x.shape)
        features = x.shape[-1]
        if not self.w.ready:
            self.w.fill((features, self.out_features), features, self.out_features)
        if self.bias and not self.b.ready:
            self.b.fill((self.out_features,))
        return apply("linear", cast(x, self.w), self.w, self.b)
