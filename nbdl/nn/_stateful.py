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
        ``body(x, *states, train=None)`` must return y and the states, and have the attribute `hidden`: each
        state is (N, hidden). `RNN` has one.
    states : int
        How many arrays its state has.
    carry : bool
        Whether minibatches of training carry it. False: each begins with zeros, as the windows of a text
        need it that come in random order.
    """

    @by_name("the options of the layer are its own: nn.Stateful(nn.RNN(32), carry=False)")
    def __init__(self, body, *, states=1, carry=True):
        if not callable(body) or not hasattr(body, "hidden"):
            raise UsageError("Stateful: `body` must be a recurrent layer, nn.RNN(32) say, got {!r}", body)
        self.body, self.states, self.carry = body, positive("Stateful: `states`", states), bool(carry)
        self.state = [Buffer(per_sample=True) for _ in range(self.states)]

    def __call__(self, x, train=None):
        if train is not None and not self.carry:
            return self._parts(self.body(x, train=train))[0]
        dtype = next((p.dtype for p in parameters(self.body) if p.ready), None)
        wanted = (self.body.hidden,)
        given = [b.rows(wanted, like=x, train=train, dtype=dtype) for b in self.state]
        y, *states = self._parts(self.body(x, *given, train=train))
        for buffer, state in zip(self.state, states):
            buffer.keep(state, train=train)
        return y

    def _parts(self, found):
        """y and the states, if that is what the body gave."""
        if isinstance(found, tuple) and len(found) == 1 + self.states:
            return found
        gave = f"{len(found) - 1} states" if isinstance(found, tuple) else "none"
        text = "Stateful: `body` must return y and {} of `states`, got {}. Try RNN(...) with state=True"
        raise ShapeError(text, self.states, gave)
