"""Batch norm folded into the layer before it: the same predictions, and the net stays as it was."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, tape
from nbdl.errors import UsageError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(6, 2, 12, 12)).astype("f4")


def trained(net, x):
    """The net with random statistics, scales and shifts."""
    nn.init(net, x)
    for name, p in {**nn.named_parameters(net), **nn.named_buffers(net)}.items():
        values = RNG.uniform(0.5, 2, p.shape) if name.endswith(("var", "gamma")) else RNG.normal(size=p.shape)
        p.assign(values.astype(p.dtype) * (0.3 if name.endswith(".w") else 1))
    return net


def norms(net):
    return sum(name.endswith("running_var") for name in nn.named_buffers(net))


def conv(channels, **options):
    return nn.Conv2d(channels, 3, padding="same", **options)


NETS = {
    "convolutions": lambda: nn.Sequential(
        conv(4, bias=False), nn.BatchNorm(), nn.ReLU(), conv(4, groups=2), nn.BatchNorm(affine=False),
        nn.Flatten(), nn.Linear(5, bias=False), nn.BatchNorm(eps=0.1), nn.Linear(3),
    ),
    "residual": lambda: nn.Sequential(
        nn.Residual(
            nn.Sequential(conv(4), nn.BatchNorm(), nn.ReLU(), conv(4), nn.BatchNorm()),
            nn.Sequential(nn.Conv2d(4, 1), nn.BatchNorm()),
        ),
        nn.Concat(nn.Sequential(conv(2), nn.BatchNorm()), None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_predictions_are_the_same(name):
    net = trained(NETS[name](), IMAGES)
    with tape.no_grad():
        want = net(IMAGES).data
    before = nn.state_dict(net)
    folded = nn.fold_batch_norm(net, IMAGES)
    assert norms(net) > 0 == norms(folded)
    got = folded(IMAGES).data
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())
    assert all((a == b).all() for a, b in zip(before.values(), nn.state_dict(net).values()))


def test_a_folded_net_is_saved_and_predicts_in_compiled_code(tmp_path):
    net = trained(NETS["convolutions"](), IMAGES)
    step = nbdl.compile_step(net, example=(IMAGES, RNG.integers(0, 3, 6)), threads=1)
    folded = nn.fold_batch_norm(net, IMAGES)
    nbdl.save(folded, tmp_path / "folded.safetensors")
    again = nbdl.load(tmp_path / "folded.safetensors")
    np.testing.assert_array_equal(again(IMAGES).data, folded(IMAGES).data)
    want = folded(IMAGES).data
    step(IMAGES, RNG.integers(0, 3, 6))  # the net goes on; the copy does not
    np.testing.assert_array_equal(folded(IMAGES).data, want)
    np.testing.assert_allclose(nbdl.jit_predict(folded, IMAGES)(IMAGES), want, rtol=1e-5, atol=1e-6)


def test_resnet20_has_none_left():
    x = RNG.normal(size=(2, 3, 32, 32)).astype("f4")
    net = nn.init(models.resnet20(), x)
    folded = nn.fold_batch_norm(net, x)
    assert norms(folded) == 0
    np.testing.assert_allclose(folded(x).data, net(x).data, rtol=1e-4, atol=1e-4)


def test_what_is_used_twice_stays():
    shared = nn.Linear(4)
    net = trained(nn.Sequential(shared, nn.BatchNorm(), shared, nn.BatchNorm()), np.ones((2, 4)))
    with pytest.raises(UsageError, match="no BatchNorm follows"):
        nn.fold_batch_norm(net, np.ones((2, 4)))


def test_series_and_the_rows_of_a_sequence():
    x = RNG.normal(size=(5, 3, 9)).astype("f4")
    net = trained(nn.Sequential(nn.Conv1d(4, 3), nn.BatchNorm(), nn.ReLU()), x)
    np.testing.assert_allclose(nn.fold_batch_norm(net, x)(x).data, net(x).data, rtol=1e-5, atol=1e-5)
    x = RNG.normal(size=(5, 7, 6)).astype("f4")
    net = trained(nn.Sequential(nn.Linear(7), nn.BatchNorm()), x)  # its channels are the rows
    with pytest.raises(UsageError, match=r"predicts something else: .* whose channels are the T"):
        nn.fold_batch_norm(net, x)
    net = trained(nn.Sequential(nn.Linear(4), nn.BatchNorm()), x)
    with pytest.raises(UsageError, match="no BatchNorm follows"):
        nn.fold_batch_norm(net, x)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (nn.Sequential(nn.Linear(3), nn.BatchNorm()), "arrays without values"),
        (nn.Sequential(nn.ReLU()), "no BatchNorm follows"),
    ],
)
def test_nothing_to_fold(net, words):
    with pytest.raises(UsageError, match=words):
        nn.fold_batch_norm(net, IMAGES)
