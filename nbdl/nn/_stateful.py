"""A recurrent layer whose state goes on from call to call."""

from nbdl.errors import ShapeError, UsageError
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Buffer, parameters


class Stateful:
    """A recurrent layer that goes on where it stopped: x (N, T, D) to its states y (N, T, hidden).

    Sample i begins with the state in which sample i of the minibatch before left it, and no gradient flows
    from one minibatch into another: truncated backpropagation through time. `nbdl.nn.reset_state` makes all
    begin with zeros again; so does `nbdl.fit` at each epoch. A prediction begins with zeros and keeps
    nothing, unless it is asked to (``nbdl.jit_predict(net, x, state=True)``, `nbdl.generate`): then
    the net reads a text token by token.
    Zhang et al., Dive into Deep Learning, section 9.7; Keras calls it ``stateful``.

    Parameters
    ----------
    body : callable
        ``body(x, state, train=None)`` must return (y, state), and have the attribute `hidden`. A state is an
        array (N, hidden), or a tuple of them. Of layers above each other each is one such layer.
    states : int
        How many arrays a state has: 1 of `RNN` and `GRU`, 2 of `LSTM`.
    carry : bool
        Whether minibatches of training carry it. False: each begins with zeros, as the windows of a text
        need it that come in random order.
    """

    @by_name("the options of the layer are its own: nn.Stateful(nn.RNN(32), carry=False)")
    def __init__(self, body, *, states=1, carry=True):
        if not callable(body) or not hasattr(body, "hidden"):
            raise UsageError("Stateful: `body` must be a recurrent layer, nn.RNN(32) say, got {!r}", body)
        if getattr(body, "reverse", False):
            raise UsageError("Stateful: `body` must walk forwards: in `reverse` it ends where texts begin")
        self.body, self.states, self.carry = body, positive("Stateful: `states`", states), bool(carry)
        self.state = [Buffer(per_sample=True) for _ in range(self.states)]

    def __call__(self, x, train=None):
        if train is not None and not self.carry:
            return self._parts(self.body(x, train=train))[0]
        dtype = next((p.dtype for p in parameters(self.body) if p.ready), None)
        wanted = (self.body.hidden,)
        given = tuple(b.rows(wanted, like=x, train=train, dtype=dtype) for b in self.state)
        y, state = self._parts(self.body(x, given if self.states > 1 else given[0], train=train))
        for buffer, array in zip(self.state, state):
            buffer.keep(array, train=train)
        return y

    def _parts(self, found):
        """y, and the arrays of the state, if that is what the body gave."""
        if not isinstance(found, tuple) or len(found) != 2:
            raise ShapeError("Stateful: `body` must return (y, state), got y alone. Try state=True for it")
        y, state = found
        state = state if isinstance(state, tuple) else (state,)
        if len(state) != self.states:
            text = "Stateful: the state of `body` has {} arrays, and `states` is {}"
            raise ShapeError(text, len(state), self.states)
        return y, state
