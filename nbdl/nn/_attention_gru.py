"""The GRU layer that attends to keys at each step."""

from nbdl.errors import ShapeError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.nn._sequences import sequences, state_before, without_padding
from nbdl.tape import apply, apply_all, as_tensor


class AttentionGRU:
    """A gated recurrent unit that attends to keys: x (N, T, D) and keys (N, S, K) to y (N, T, hidden), h.

    At each step additive attention (`AdditiveAttention`) of the state before it to the keys gives their
    weighted mean c, and ``x_t wx + c wc + b`` goes into the gates of `GRU`. It is `linear` for all steps and
    keys at once, then `nbdl.kernels.attention_gru_scan`, which has the formula. Bahdanau et al. 2015; Zhang
    et al., Dive into Deep Learning, section 11.4.

    Parameters
    ----------
    hidden : int
        Numbers of a state.
    units : int, optional
        Of the net that scores keys; None: `hidden`.
    init : str
        Initializer of wx (D, 3 hidden), wc (K, 3 hidden), wh (hidden, 3 hidden), wk (K, units), wq (hidden,
        units) and wv (units,). The biases b and bh (3 hidden,) start at zero.

    ``layer(x, keys, h0, lengths)`` starts from the state h0 (N, hidden), else from zeros; `lengths` (N,) says
    how many keys of each sequence count: padding behind them may hold anything.
    """

    @by_name("nbdl finds the input sizes itself: nn.AttentionGRU(32), nn.AttentionGRU(32, units=16)")
    def __init__(self, hidden, *, units=None, init="xavier_uniform"):
        self.hidden = positive("AttentionGRU: `hidden`", hidden)
        self.units = hidden if units is None else positive("AttentionGRU: `units`", units)
        self.init = init
        self.wx, self.wc, self.wh, self.wk, self.wq, self.wv = (Parameter(init) for _ in range(6))
        self.b, self.bh = Parameter("zeros"), Parameter("zeros")

    def __call__(self, x, keys, h0=None, lengths=None, train=None):
        (x, _), H, U = sequences("AttentionGRU", x, None), self.hidden, self.units
        keys = as_tensor(keys)
        if keys.ndim != 3 or keys.shape[0] != x.shape[0] or keys.shape[1] == 0:
            text = "AttentionGRU: `keys` must have shape ({}, S, K) and at least 1 key, got {}"
            raise ShapeError(text, x.shape[0], keys.shape)
        keys, lengths = sequences("AttentionGRU", keys, lengths)
        D, K = x.shape[2], keys.shape[2]
        if not self.wx.ready:
            for w, shape in (
                (self.wx, (D, 3 * H)), (self.wc, (K, 3 * H)), (self.wh, (H, 3 * H)),
                (self.wk, (K, U)), (self.wq, (H, U)), (self.wv, (U,)),
            ):  # fmt: skip
                w.fill(shape, shape[0], {3 * H: H, U: U}[shape[1]] if len(shape) == 2 else 1)
            self.b.fill((3 * H,))
            self.bh.fill((3 * H,))
        h0 = state_before("AttentionGRU: `h0`", h0, (x.shape[0], H), self.wx)
        keys = without_padding(cast(keys, self.wx), lengths)
        z, units = apply("linear", cast(x, self.wx), self.wx, self.b), apply("linear", keys, self.wk, None)
        values = apply("linear", keys, self.wc, None)
        y, h, _ = apply_all(
            "attention_gru_scan", z, units, values, h0, self.wq, self.wv, self.wh, self.bh, lengths
        )
        return y, h
