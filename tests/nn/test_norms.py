"""The layers of norms: sizes found at the first call, config, errors, and gradients of what they call."""

import numpy as np
import pytest

import nbdl
from nbdl import kernels, nn
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.testing import gradcheck

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 2, 5)) * 2 + 1
LAYERS = {
    "LayerNorm": (nn.LayerNorm(eps=1e-3), 5, lambda g, b: kernels.layer_norm(X, g, b, 1e-3)),
    "axes": (nn.LayerNorm(axes=3), 40, lambda g, b: kernels.layer_norm(X, g, b, axes=3)),
    "RMSNorm": (nn.RMSNorm(), 5, lambda g, b: kernels.rms_norm(X, g)),
    "GroupNorm": (nn.GroupNorm(2), 4, lambda g, b: kernels.group_norm(X, g, b, 2)),
    "InstanceNorm": (nn.InstanceNorm(), 4, lambda g, b: kernels.instance_norm(X, g, b)),
    "LocalResponseNorm": (
        nn.LocalResponseNorm(3, k=2.0),
        0,
        lambda g, b: kernels.local_response_norm(X, 3, k=2.0),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_calls_its_kernel_and_is_saved_and_loaded(name, tmp_path):
    layer, size, want = LAYERS[name]
    net = nn.init(nn.Sequential(layer), X, dtype="float64")
    assert [p.shape for p in nn.parameters(net)] == [(size,)] * (
        0 if not size else 1 if name == "RMSNorm" else 2
    )
    for p in nn.parameters(net):
        p[...] = RNG.normal(size=p.shape)
    gamma, beta = (getattr(layer, n).data if getattr(layer, n, None) is not None and size else None
                   for n in ("gamma", "beta"))  # fmt: skip
    np.testing.assert_array_equal(net(X).data, want(gamma, beta))
    np.testing.assert_array_equal(net(X, train=nn.Train()).data, net(X).data)
    nbdl.save(net, tmp_path / "net.safetensors")
    again = nbdl.load(tmp_path / "net.safetensors")
    assert repr(again) == repr(net) and nn.config(again) == nn.config(net)
    np.testing.assert_array_equal(again(X).data, net(X).data)


def test_gradients():
    for name in ("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm"):
        layer, *_ = LAYERS[name]
        nn.init(layer, X, dtype="float64")
        assert gradcheck(lambda x, layer=layer: layer(x) ** 2, X)


def test_without_scale_and_shift():
    for layer in (
        nn.LayerNorm(affine=False), nn.RMSNorm(affine=False), nn.GroupNorm(2, affine=False),
        nn.InstanceNorm(affine=False),
    ):  # fmt: skip
        y = nn.init(layer, X)(X.astype("f"))
        assert nn.parameters(layer) == [] and y.dtype == np.float32 and y.shape == X.shape


def test_what_is_refused():
    for layer, x, match in (
        (
            nn.LayerNorm(axes=2),
            X[0, 0],
            r"LayerNorm: `x` must have at least 3 dimensions, .*axes=2, got shape",
        ),
        (nn.GroupNorm(2), X[0, 0, 0], r"GroupNorm: `x` must have at least 2 dimensions"),
        (nn.InstanceNorm(), X[0, 0], r"InstanceNorm: `x` must have at least 3 dimensions \(N, C, L\)"),
    ):
        with pytest.raises(ShapeError, match=match):
            layer(x)
    with pytest.raises(
        OptionError, match="GroupNorm: `groups` must be a divisor of the number of channels, 4, got 3"
    ):
        nn.GroupNorm(3)(X)
    layer, groups = nn.init(nn.RMSNorm(), X), nn.init(nn.GroupNorm(2), X)
    with pytest.raises(ShapeError, match=r"RMSNorm: the last 1 of the axes of `x` must have 5 elements"):
        layer(X[..., :4])
    with pytest.raises(ShapeError, match="GroupNorm: `x` must have 4 channels in axis 1"):
        groups(X[:, :2])
    for make, match in (
        (lambda: nn.LayerNorm(axes=0), "LayerNorm: `axes` must be an integer of at least 1, got 0"),
        (lambda: nn.RMSNorm(eps=0), "RMSNorm: `eps` must be positive, got 0"),
        (lambda: nn.LocalResponseNorm(5, alpha=-1), "LocalResponseNorm: `alpha` must not be negative"),
        (lambda: nn.LocalResponseNorm(5, k=0), "LocalResponseNorm: `k` must be positive, got 0"),
    ):
        with pytest.raises(OptionError, match=match):
            make()
    with pytest.raises(
        UsageError, match=r"LayerNorm takes nothing by position.*finds the size of a row itself"
    ):
        nn.LayerNorm(512)


def test_batch_norm_by_the_share_of_the_old_averages():
    x = np.array([[0.0], [2.0]])
    layer, train = nn.init(nn.BatchNorm(decay=0.75, unbiased=False), x, dtype="float64"), nn.Train()
    layer(x, train=train)
    train.commit()
    assert (layer.running_mean.data[0], layer.running_var.data[0]) == (0.25 * 1, 0.75 * 1 + 0.25 * 1)
    assert nn.config(layer)["momentum"] == 0.25 and nn.config(nn.build(nn.config(layer))) == nn.config(layer)
    with pytest.raises(OptionError, match=r"`momentum` .* and `decay` .* say the same.*got 0.1 and 0.9"):
        nn.BatchNorm(momentum=0.1, decay=0.9)  # also where momentum is what it is if not given
    with pytest.raises(OptionError, match=r"BatchNorm: `decay` must be from 0 to 1, got 1\.1"):
        nn.BatchNorm(decay=1.1)
