"""The GRU layer."""

from nbdl.errors import OptionError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.nn._sequences import sequences, state_before, without_padding
from nbdl.tape import apply, apply_all

RESETS = "after", "before"


class GRU:
    """A gated recurrent unit over sequences: x (N, T, D) to y (N, T, hidden) and h (N, hidden).

    Its reset gate r, update gate u and candidate n are made of ``x_t wx + b`` and ``h_(t-1) wh + bh``, and
    ``h_t = (1 - u) n + u h_(t-1)``; y are the states of all steps, h is the last one. It is `linear` for all
    steps at once, then `nbdl.kernels.gru_scan`, which has the formula. Zhang et al., Dive into Deep Learning,
    section 10.2.

    Parameters
    ----------
    hidden : int
        Numbers of a state.
    reset : "after" or "before"
        Whether the reset gate acts after the product of state and weights, as in PyTorch and Keras, or before
        it, on the state, as in the book. After it, r scales the bias bh (3 hidden,) too; before, there is
        none, as b does the same.
    reverse : bool
        Walk from the last step to the first.
    state : bool
        Return (y, h), else y alone, as a `Sequential` needs it.
    bias : bool
    init : str
        Initializer of wx (D, 3 hidden) and wh (hidden, 3 hidden), as for each gate alone; D is read from the
        first input. Biases start at zero. `nbdl.kernels.gru_gates` brings weights of other libraries into
        this form.

    ``layer(x, h0, lengths)`` starts from the state h0 (N, hidden), else from zeros; and takes as many steps
    of each sequence as `lengths` (N,) says: behind them y is 0, and the state stays as it is.
    """

    @by_name("nbdl finds the input size itself: nn.GRU(32), nn.GRU(32, reset='before')")
    def __init__(self, hidden, *, reset="after", reverse=False, state=True, bias=True, init="xavier_uniform"):
        if reset not in RESETS:
            raise OptionError("GRU: `reset` must be one of after, before, got {!r}", reset)
        self.hidden, self.reset = positive("GRU: `hidden`", hidden), reset
        self.reverse, self.state, self.bias, self.init = bool(reverse), bool(state), bool(bias), init
        self.wx, self.wh = Parameter(init), Parameter(init)
        self.b = Parameter("zeros") if bias else None
        self.bh = Parameter("zeros") if bias and reset == "after" else None

    def __call__(self, x, h0=None, lengths=None, train=None):
        (x, lengths), H = sequences("GRU", x, lengths), self.hidden
        if not self.wx.ready:
            self.wx.fill((x.shape[2], 3 * H), x.shape[2], H)
            self.wh.fill((H, 3 * H), H, H)
        for bias in (self.b, self.bh):
            if bias is not None and not bias.ready:
                bias.fill((3 * H,))
        h0 = state_before("GRU: `h0`", h0, (x.shape[0], H), self.wx)
        x = without_padding(cast(x, self.wx), lengths)
        z = apply("linear", x, self.wx, self.b)
        y, h = apply_all("gru_scan", z, h0, self.wh, self.bh, lengths, reset=self.reset, reverse=self.reverse)
        return (y, h) if self.state else y
