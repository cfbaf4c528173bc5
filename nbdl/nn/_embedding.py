"""Embedding layer."""

from nbdl.errors import DtypeError, ShapeError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter
from nbdl.tape import apply, as_tensor


class Embedding:
    """The row of a learned table for each id: ids (N, ...) to (N, ..., features).

    See `nbdl.kernels.embedding`.

    Parameters
    ----------
    vocabulary : int
        How many ids there are; they count from 0.
    features : int
    init : str
        Initializer of w (vocabulary, features).
    """

    @by_name('nbdl has no other options by position: nn.Embedding(1000, 32), init="normal" by name')
    def __init__(self, vocabulary, features, *, init="normal"):
        self.vocabulary = positive("Embedding: `vocabulary`", vocabulary)
        self.features = positive("Embedding: `features`", features)
        self.init = init
        self.w = Parameter(init)

    def __call__(self, ids, train=None):
        ids = as_tensor(ids)
        if ids.dtype.kind not in "iu":
            text = "Embedding: `ids` must be integers, from 0 to {}, got {}"
            raise DtypeError(text, self.vocabulary - 1, ids.dtype)
        if ids.ndim < 1:
            raise ShapeError(
                "Embedding: `ids` must have at least 1 dimension (N, ...), got shape {}", ids.shape
            )
        if not self.w.ready:
            self.w.fill((self.vocabulary, self.features), self.vocabulary, self.features)
        return apply("embedding", ids, self.w)
