"""Recurrent layer."""

from nbdl.errors import OptionError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.nn._sequences import sequences, state_before, without_padding
from nbdl.tape import apply, apply_all

ACTIVATIONS = "tanh", "relu"


class RNN:
    """A simple recurrent net (Elman's) over sequences: x (N, T, D) to y (N, T, hidden) and h (N, hidden).

    ``h_t = tanh(x_t wx + h_(t-1) wh + b)``; y are the states of all steps, h is the last one. It is `linear`
    for all steps at once, then `nbdl.kernels.rnn_scan`. Zhang et al., Dive into Deep Learning, section 9.4.

    Parameters
    ----------
    hidden : int
        Numbers of a state.
    activation : "tanh" or "relu"
    reverse : bool
        Walk from the last step to the first.
    state : bool
        Return (y, h), else y alone, as a `Sequential` needs it.
    bias : bool
    init : str
        Initializer of wx (D, hidden) and wh (hidden, hidden); D is read from the first input. b starts at
        zero. PyTorch has two biases, of which b is the sum.

    ``layer(x, h0, lengths)`` starts from the state h0 (N, hidden), else from zeros; and takes as many steps
    of each sequence as `lengths` (N,) says: behind them y is 0, and the state stays as it is.
    """

    @by_name("nbdl finds the input size itself: nn.RNN(32), nn.RNN(32, activation='relu')")
    def __init__(
        self, hidden, *, activation="tanh", reverse=False, state=True, bias=True, init="xavier_uniform"
    ):
        if activation not in ACTIVATIONS:
            raise OptionError("RNN: `activation` must be one of tanh, relu, got {!r}", activation)
        self.hidden, self.activation = positive("RNN: `hidden`", hidden), activation
        self.reverse, self.state, self.bias, self.init = bool(reverse), bool(state), bool(bias), init
        self.wx, self.wh = Parameter(init), Parameter(init)
        self.b = Parameter("zeros") if bias else None

    def __call__(self, x, h0=None, lengths=None, train=None):
        (x, lengths), H = sequences("RNN", x, lengths), self.hidden
        if not self.wx.ready:
            self.wx.fill((x.shape[2], H), x.shape[2], H)
            self.wh.fill((H, H), H, H)
        if self.bias and not self.b.ready:
            self.b.fill((H,))
        h0 = state_before("RNN: `h0`", h0, (x.shape[0], H), self.wx)
        x = without_padding(cast(x, self.wx), lengths)
        z = apply("linear", x, self.wx, self.b)
        y, h = apply_all(
            "rnn_scan", z, h0, self.wh, lengths, activation=self.activation, reverse=self.reverse
        )
        return (y, h) if self.state else y
