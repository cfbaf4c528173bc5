"""A finite loss whose gradient is not: the update spoils the net, which is said, and never saved."""

import os
import signal

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import NumericError
from nbdl.train._checkpoint import read_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:.* encountered in")  # of NumPy, on the tape
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = np.abs(X).sum(axis=1, keepdims=True)
TRY = r"Try a smaller learning rate than 0\.01, or look for what has a value but no gradient, as sqrt at 0"
BOTH = pytest.mark.parametrize("compiled", [True, False])


class Distance:
    """The length of x @ w: its gradient at x = 0 is 0 / 0."""

    def __init__(self):
        self.layer = nn.Linear(4, bias=False)

    def __call__(self, x, train=None):
        return (self.layer(x) ** 2).sum(axis=1, keepdims=True) ** 0.5


def fit(x, size, compiled, net=None, **options):
    net = net or Distance()
    return nbdl.fit(net, (x, Y), lr=0.01, batch_size=size, compiled=compiled, **{"epochs": 2, **options})


@BOTH
@pytest.mark.parametrize("size", [8, 40])
def test_a_gradient_without_a_value(tmp_path, compiled, size):
    """Said at the next loss, or where the epoch ends before that; nothing is saved."""
    x = X.copy()
    x[17] = 0
    said = r"`layer\.w` is not finite after step 1, though the loss of each step was"
    if size == 8:
        said = r"the loss is nan at step \d: `layer\.w` was no longer finite, though the loss .* before was"
    with pytest.raises(NumericError, match=rf"^{said}\. {TRY}$"):
        fit(x, size, compiled, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def spoil(net, epoch, step, then=lambda: None):
    """A `progress` after which a weight is NaN once this step is done."""

    def progress(event, **fields):
        if event == "step" and (fields["epoch"], fields["step"]) == (epoch, step):
            net.layer.w[0, 0] = np.nan
            then()

    return progress


@BOTH
def test_a_good_checkpoint_stays(tmp_path, monkeypatch, compiled):
    """At the end of an epoch and at Ctrl-C; and its step is named."""
    monkeypatch.setattr("nbdl.train._loop._some", lambda steps, seconds: 1)
    press = lambda: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
    for name, step, then in (("end", 5, lambda: None), ("stop", 2, press)):
        net, folder = Distance(), tmp_path / name
        with pytest.raises(NumericError, match=rf"after step {5 + step}, .* {TRY}") as caught:
            fit(X, 8, compiled, net, progress=spoil(net, 2, step, then), out=folder, epochs=3)
        assert caught.value.__notes__ == [f"where: {folder}, whose checkpoint is that of step 5"]
        arrays, document = read_checkpoint(folder)
        assert document["steps"] == 5 and np.isfinite(arrays["net/layer.w"]).all()
        assert not (folder / "model.safetensors").exists()


@BOTH
def test_a_net_that_was_spoilt_before(compiled):
    net = nn.init(Distance(), X)
    net.layer.w[1, 2] = np.inf
    said = r"at step 1, before any update: `layer\.w` is not finite\. Draw the weights anew with nbdl"
    with pytest.raises(NumericError, match=said):
        fit(X, 8, compiled, net)


def test_a_step_of_ones_own():
    x = X.copy()
    x[3] = 0
    step = nbdl.compile_step(nn.init(Distance(), x), "mse", example=(x, Y), lr=0.01)
    assert np.isfinite(step(x, Y))
    with pytest.raises(NumericError, match=r"the loss is nan at step 2: `layer\.w` was no longer finite"):
        step(x, Y)


def test_a_net_that_is_saved_all_the_same(tmp_path):
    net = nn.init(Distance(), X)
    net.layer.w[1, 2] = np.nan
    with pytest.warns(UserWarning, match=r"`layer\.w` of the net is not finite; it is saved as it is"):
        nbdl.save(net, tmp_path / "net.safetensors")
    back = nbdl.load(tmp_path / "net.safetensors", into=Distance())
    np.testing.assert_array_equal(back.layer.w.data, net.layer.w.data)
