"""The moving average of a net's parameters while it trains."""

import contextlib

import numpy as np

from nbdl.errors import OptionError, UsageError
from nbdl.nn import named_parameters
from nbdl.nn._options import is_number


class WeightAverage:
    r"""An exponential moving average of the parameters of `net`, which often predicts better than the last.

    .. math:: a \leftarrow \beta a + (1 - \beta) w

    with each call, usually after each update; :math:`\beta` is `decay`, and a starts as w at the first call,
    so there is no bias to correct. Buffers (the means of a batch norm) are not averaged. Polyak and Juditsky
    1992; Tarvainen and Valpola 2017.

    Examples
    --------
    ``average = WeightAverage(net)``, ``nbdl.fit(net, data, callbacks={"step": average})``, then

    >>> with average.applied():  # doctest: +SKIP
    ...     print(run.evaluate(run.data.test))
    """

    def __init__(self, net, decay=0.999):
        if not is_number(decay) or not 0 <= decay < 1:
            raise OptionError("WeightAverage: `decay` must be at least 0 and below 1, got {!r}", decay)
        self.net, self.decay, self.updates, self.values = net, float(decay), 0, {}

    def __call__(self, run=None):
        """Take in the parameters as they are now; `run` is what a callback of `nbdl.fit` is given."""
        for name, p in named_parameters(self.net).items():
            if self.updates:
                mean = self.values[name]
                mean += (1 - self.decay) * (p.data - mean)
            else:
                self.values[name] = np.array(p.data)
        self.updates += 1

    @contextlib.contextmanager
    def applied(self):
        """Within it the net has the averages for parameters: to measure, predict with, or save them."""
        if not self.updates:
            raise UsageError("WeightAverage: nothing was averaged yet: call it after each update")
        parameters = named_parameters(self.net)
        kept = {name: np.array(p.data) for name, p in parameters.items()}
        try:
            for name, p in parameters.items():
                p[...] = self.values[name]
            yield self.net
        finally:
            for name, p in parameters.items():
                p[...] = kept[name]
