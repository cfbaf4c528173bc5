"""The rows of prediction for one sample: a net as a function, batch norms folded into the layers before them.

FLOPs are those of convolutions and linear layers. Bytes are those of the image and the parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from nbdl import _calls, nn
from nbdl.bench._rows import normal
from nbdl.models import lenet, resnet18


@dataclass(frozen=True)
class Predict:
    """A row: the net that `build` makes predicts one image of `shape`, by `jit_predict`."""

    build: Callable
    shape: tuple

    kind: ClassVar = "predict"
    size: ClassVar = "N=1"
    threads: ClassVar = 1
    samples: ClassVar = 1
    written: ClassVar = ()
    random: ClassVar = False
    check_after: ClassVar = 1

    name = property(lambda self: f"predict_{self.build.__name__}")

    def arguments(self):
        """One image."""
        return {"x": normal(1, *self.shape)}

    def kernels(self):
        """A net is compiled anew for each row."""
        return []

    @cached_property
    def net(self):
        """The net that predicts."""
        x = normal(1, *self.shape)
        net = nn.init(self.build(), x, seed=0)
        norms = any(name.endswith("running_var") for name in nn.named_buffers(net))
        return nn.fold_batch_norm(net, x) if norms else net

    def start(self, arguments):
        """``run(n)``: n predictions, then the last one."""
        from nbdl import jit_predict

        x = arguments["x"]
        predict = jit_predict(self.net, x)

        def run(n):
            for _ in range(n):
                y = predict(x)
            return y

        return run

    @cached_property
    def flops(self):
        """Of one image."""
        total = 0
        for call in _calls.history(self.net(normal(1, *self.shape))):
            if call.record.name in ("conv2d", "linear"):
                w, axis = call.inputs[1], 0 if call.record.name == "conv2d" else 1
                total += 2 * call.outputs[0].size * w.size // w.shape[axis]
        return total

    def bytes(self, arguments):
        """Moved by one prediction at least."""
        return arguments["x"].nbytes + sum(p.data.nbytes for p in nn.parameters(self.net))


def predict_cases(quick=False):
    """All rows of prediction; `quick` leaves out the deep net, which takes long to compile."""
    nets = [Predict(lenet, (1, 28, 28)), Predict(resnet18, (3, 96, 96))]
    return nets[:1] if quick else nets
