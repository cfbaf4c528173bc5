"""The LSTM layer."""

from functools import partial

import numpy as np

from nbdl.errors import OptionError, UsageError
from nbdl.nn._options import by_name, is_number, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.nn._sequences import sequences, state_before, without_padding
from nbdl.tape import apply, apply_all


class LSTM:
    """A long short-term memory over sequences: x (N, T, D) to y (N, T, hidden) and (h, c), (N, hidden) each.

    Its gates i, f, g, o are made of ``x_t wx + h_(t-1) wh + b``; y are the states of all steps, h and c the
    last state and memory. It is `linear` for all steps at once, then `nbdl.kernels.lstm_scan`; the formula is
    that of `nbdl.kernels.lstm_cell`. Zhang et al., Dive into Deep Learning, section 10.1.

    Parameters
    ----------
    hidden : int
        Numbers of a state, and of a memory.
    reverse : bool
        Walk from the last step to the first.
    peephole : bool
        Let the gates see the memory: parameter `peepholes` (3, hidden), zeros at first, of i, f and o.
    state : bool
        Return (y, (h, c)), else y alone, as a `Sequential` needs it.
    bias : bool
    forget_bias : float
        Where the part of b that the forget gate gets begins; the others begin at zero. 1 keeps the memory,
        and with it the gradient, of many steps (Gers and Schmidhuber 2000; Jozefowicz et al. 2015).
    init : str
        Initializer of wx (D, 4 hidden) and wh (hidden, 4 hidden), as for each gate alone; D is read from the
        first input. PyTorch has two biases, of which b is the sum; `nbdl.kernels.lstm_gates` brings weights
        of other libraries into this form.

    ``layer(x, state, lengths)`` starts from the state (h0, c0), (N, hidden) each, else from zeros; and takes
    as many steps of each sequence as `lengths` (N,) says: behind them y is 0, and h and c stay as they are.
    """

    @by_name("nbdl finds the input size itself: nn.LSTM(32), nn.LSTM(32, reverse=True)")
    def __init__(
        self, hidden, *, reverse=False, peephole=False, state=True, bias=True, forget_bias=1.0,
        init="xavier_uniform",
    ):  # fmt: skip
        if not is_number(forget_bias) or not np.isfinite(forget_bias):
            raise OptionError("LSTM: `forget_bias` must be a finite number, got {!r}", forget_bias)
        self.hidden, self.reverse = positive("LSTM: `hidden`", hidden), bool(reverse)
        self.peephole, self.state, self.bias = bool(peephole), bool(state), bool(bias)
        self.forget_bias, self.init = float(forget_bias), init
        self.wx, self.wh = Parameter(init), Parameter(init)
        self.b = Parameter(partial(_biases, forget=self.forget_bias)) if bias else None
        self.peepholes = Parameter("zeros") if peephole else None

    def __call__(self, x, state=None, lengths=None, train=None):
        (x, lengths), H = sequences("LSTM", x, lengths), self.hidden
        self._fill(x.shape[2], H)
        h0, c0 = self._before(state, (x.shape[0], H))
        x = without_padding(cast(x, self.wx), lengths)
        z = apply("linear", x, self.wx, self.b)
        y, h, c = apply_all("lstm_scan", z, h0, c0, self.wh, self.peepholes, lengths, reverse=self.reverse)
        return (y, (h, c)) if self.state else y

    def _fill(self, D, H):
        if not self.wx.ready:
            self.wx.fill((D, 4 * H), D, H)
            self.wh.fill((H, 4 * H), H, H)
        if self.bias and not self.b.ready:
            self.b.fill((4 * H,))
        if self.peephole and not self.peepholes.ready:
            self.peepholes.fill((3, H))

    def _before(self, state, shape):
        if state is None:
            return None, None
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            text = "LSTM: `state` must be a pair (h0, c0), each of shape {} or None, got {}"
            raise UsageError(text, shape, type(state).__name__)
        names = "LSTM: `h0` of `state`", "LSTM: `c0` of `state`"
        return (state_before(name, a, shape, self.wx) for name, a in zip(names, state))


def _biases(rng, shape, fan_in, fan_out, forget):
    """Zeros, but for the second of four gates."""
    b = np.zeros((4, shape[0] // 4))
    b[1] = forget
    return b.reshape(shape)
