"""How large activations and gradients are: by hand, and over a run with its files and its picture."""

import dataclasses
import json

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import DataError, NbdlError, UsageError
from nbdl.train import Config, _plot

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)).astype("f4"), np.arange(50) % 2
OPTIONS = {"model": "mlp", "data": "digits", "batch_size": 400, "model_options": {"hidden": [4]},
           "data_options": {"size": 8}}  # fmt: skip


def model():
    return nn.init(nn.Sequential(nn.Linear(4), nn.Sigmoid(), nn.Dropout(0.5), nn.ReLU(), nn.Linear(2)), X)


def rms(a):
    return np.sqrt(np.mean(np.square(a, dtype=float)))


def test_they_are_those_of_numpy():
    net = model()
    net[0].w[...] = 6 * net[0].w.data  # so that some are saturated
    found = nbdl.statistics(net, X, Y, seed=3, step=5)
    a, s, d, r, z = found.activations
    assert [(row.layer, row.op) for row in (a, s, d, r, z)] == [
        ("0", "linear"), ("", "sigmoid"), ("", "dropout"), ("", "relu"), ("4", "linear"),
    ]  # fmt: skip
    linear = X @ net[0].w.data + net[0].b.data
    sigmoid = 1 / (1 + np.exp(-linear.astype(float)))
    dropped = net[2](sigmoid, train=nn.Train(3, 5)).data
    logits = dropped @ net[4].w.data + net[4].b.data
    for row, values in ((a, linear), (s, sigmoid), (d, dropped), (r, dropped), (z, logits)):
        assert (row.mean, row.std) == pytest.approx((values.mean(), values.std()), rel=1e-4)
        assert row.zeros == np.mean(values == 0)
    assert s.saturated == np.mean((sigmoid < 0.01) | (sigmoid > 0.99)) > 0.05
    assert a.saturated is z.saturated is None and d.zeros > 0.3
    e = np.exp(logits)
    cotangent = (e / e.sum(axis=1, keepdims=True) - np.eye(2)[Y]) / 50
    assert z.gradient == pytest.approx(rms(cotangent), rel=1e-4)
    back = cotangent @ net[4].w.data.T
    assert r.gradient == pytest.approx(rms(back), rel=1e-4)
    assert d.gradient == pytest.approx(rms(back * (dropped > 0)), rel=1e-4)
    back = back * (dropped > 0) * 2
    assert s.gradient == pytest.approx(rms(back), rel=1e-4)
    assert a.gradient == pytest.approx(rms(back * sigmoid * (1 - sigmoid)), rel=1e-3)
    norms = {row.name: (row.norm, row.gradient) for row in found.parameters}
    assert norms["4.w"] == pytest.approx(
        (np.linalg.norm(net[4].w.data), np.linalg.norm(dropped.T @ cotangent)), rel=1e-4
    )
    assert "sigmoid" in str(found) and "4.w" in str(found)


def test_nothing_of_the_net_changes():
    net = nn.init(nn.Sequential(nn.Linear(4), nn.BatchNorm(), nn.Linear(2)), X)
    nn.softmax_cross_entropy(net(X), Y).backward()
    before, gradients = nn.state_dict(net), [np.array(p.grad) for p in nn.parameters(net)]
    found = nbdl.statistics(net, X, Y)
    assert all(np.array_equal(a, before[name]) for name, a in nn.state_dict(net).items())
    assert all(np.array_equal(p.grad, g) for p, g in zip(nn.parameters(net), gradients))
    assert found.parameters[0].gradient != pytest.approx(np.linalg.norm(gradients[0]), rel=1e-3)


def test_gradients_that_grow_and_shrink_from_layer_to_layer():
    """The product of many matrices of standard normal numbers: Zhang et al., section 5.4.1."""

    def normal(rng, shape, fan_in, fan_out):
        return rng.normal(size=shape)

    layers = [nn.Linear(4, bias=False) for _ in range(60)]
    net = nn.init(nn.Sequential(*layers), X, initializers={"*": normal}, dtype="float64")
    rows = nbdl.statistics(net, X, np.zeros((50, 4)), "mse").activations
    assert rows[-1].std > 1e8 * rows[0].std and rows[0].gradient > 1e8 * rows[-1].gradient
    nn.init(net, X, initializers={"*": lambda rng, shape, *fans: rng.normal(0, 0.05, shape)}, dtype="float64")
    rows = nbdl.statistics(net, X, np.ones((50, 4)), "mse").activations
    assert rows[0].gradient < 1e-20 * rows[-1].gradient


def test_what_has_no_gradient_has_none():
    found = nbdl.statistics(nn.freeze(model(), "0.*"), X, Y)
    assert [row.gradient is None for row in found.activations] == [True] * 4 + [False]
    assert [row.gradient is None for row in found.parameters] == [True, True, False, False]
    assert all(row.gradient is None for row in nbdl.statistics(model(), X).activations)
    ids = nbdl.statistics(nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(2)), np.ones((4, 2), int))
    assert [row.op for row in ids.activations] == ["embedding", "linear"]


@pytest.mark.parametrize("compiled", [True, False])
def test_a_run_measures_every_so_many_epochs(compiled, tmp_path):
    options = {"lr": 0.1, "epochs": 5, "batch_size": 16, "compiled": compiled}
    run = nbdl.fit(model(), (X, Y), statistics=2, out=tmp_path / "run", **options)
    assert [row["epoch"] for row in run.statistics] == [0, 2, 4]
    first = nbdl.statistics(model(), X[:16], Y[:16])
    assert run.statistics[0]["activations"] == [dataclasses.asdict(row) for row in first.activations]
    lines = (tmp_path / "run" / "statistics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run.statistics
    assert (tmp_path / "run" / "statistics.png").read_bytes().startswith(b"\x89PNG")
    plain = nbdl.fit(model(), (X, Y), **options)
    assert plain.statistics == []
    assert np.array_equal(plain.net[0].w.data, run.net[0].w.data)


def test_a_run_that_goes_on_keeps_what_was_measured(tmp_path):
    config = Config(**OPTIONS, statistics=1, epochs=1)
    train.train(config, out=tmp_path / "run")
    again = train.train(dataclasses.replace(config, epochs=2), resume=tmp_path / "run")
    whole = train.train(dataclasses.replace(config, epochs=2), out=tmp_path / "whole")
    assert again.statistics == whole.statistics and len(again.statistics) == 3
    (tmp_path / "run" / "statistics.jsonl").write_text(
        '{"epoch": 0, "activations": [{}], "parameters": []}\n'
    )
    with pytest.raises(DataError, match="statistics of a run"):
        train.train(dataclasses.replace(config, epochs=3), resume=tmp_path / "run")


def test_any_flow_can_be_drawn():
    pytest.importorskip("matplotlib")
    rows = [nbdl.statistics(nn.Sequential(nn.Tanh()), X)]
    for value in (0.0, np.nan, np.inf, 1e-300, 1e300):
        part = dataclasses.replace(rows[0].activations[0], std=value, gradient=value)
        row = train._flow.as_row(0, train.Statistics([part], []))
        assert _plot.flow([row], "title").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, None, "mse"), "a `loss` needs targets `y`"),
        ((X, Y, "mes"), "did you mean mse"),
        ((X, {"a": Y}), "targets of several names need a `loss`"),
        ((X, Y[:3]), "`target` must have shape"),
    ],
)
def test_what_cannot_be_is_named(arguments, message):
    with pytest.raises(NbdlError, match=message):
        nbdl.statistics(model(), *arguments)
    with pytest.raises(UsageError, match="`statistics` must be at least 0, got -1"):
        nbdl.fit(model(), (X, Y), statistics=-1)
