"""Buffers with a row for each sample of a minibatch, on the tape, and in runs that stop and go on."""

import copy

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry, tape, train
from nbdl.errors import DataError, ShapeError, UsageError
from nbdl.train import _files
from nbdl.train._checkpoint import read_checkpoint

X = np.random.default_rng(0).normal(size=(40, 2))


class Sums:
    """The sum of all that was seen at a place of the minibatch, times a number that is learnt."""

    def __init__(self, again=False):
        self.w, self.total, self.again = nn.Parameter("ones"), nn.Buffer(per_sample=True), again

    def __call__(self, x, train=None):
        if not self.w.ready:
            self.w.fill((2,))
        x = nn._parameter.cast(x, self.w)
        for _ in range(1 + self.again):
            total = x + self.total.rows((2,), like=x, train=train)
            if train is not None:
                train.keep(self.total, total)
        return total * self.w


def step(net, x, commit=True):
    train = nn.Train()
    y = net(x, train=train)
    if commit:
        train.commit()
    return y.data


@pytest.fixture
def net():
    return nn.init(Sums(), X, dtype="float64")


def test_a_sample_finds_what_its_place_left(net):
    assert not net.total.ready and "no shape yet" in repr(net.total)
    np.testing.assert_array_equal(step(net, X[:3]), X[:3])
    np.testing.assert_array_equal(step(net, X[3:6]), X[:3] + X[3:6])
    np.testing.assert_array_equal(net.total.data, X[:3] + X[3:6])


def test_fewer_samples_leave_further_rows_alone_and_more_begin_with_zeros(net):
    step(net, X[:4])
    assert step(net, X[:2]).tolist() == (2 * X[:2]).tolist()
    np.testing.assert_array_equal(net.total.data, np.r_[2 * X[:2], X[2:4]])
    np.testing.assert_array_equal(step(net, X), np.r_[3 * X[:2], 2 * X[2:4], X[4:]])
    assert net.total.shape == (40, 2)


def test_nothing_is_written_before_the_commit_and_a_second_read_sees_what_is_pending():
    net = nn.init(Sums(again=True), X, dtype="float64")
    np.testing.assert_array_equal(step(net, X, commit=False), 2 * X)
    assert not net.total.ready
    step(net, X)
    np.testing.assert_array_equal(step(net, X, commit=False), 4 * X)
    np.testing.assert_array_equal(net.total.data, 2 * X)


def test_a_prediction_reads_zeros_and_disturbs_nothing(net):
    step(net, X)
    for predicted in (net(X).data, nbdl.jit_predict(net, X)(X), train.predict(net, X)):
        np.testing.assert_array_equal(predicted, X)
    assert train.evaluate(net, nbdl.data.Split(X, X), "mse")["loss"] == 0
    np.testing.assert_array_equal(net.total.data, X)


def test_the_gradient_stays_in_its_minibatch(net):
    step(net, X)
    x = nbdl.tensor(X, requires_grad=True)
    net(x, train=nn.Train()).sum().backward()
    np.testing.assert_array_equal(x.grad, np.ones((40, 2)))


def test_it_is_reset_and_forgotten(net):
    step(net, X[:3])
    nn.reset_state(net)
    np.testing.assert_array_equal(net.total.data, np.zeros((3, 2)))
    nn.init(net, X, dtype="float32")
    assert not net.total.ready
    step(net, X)
    assert net.total.dtype == np.float32


def test_it_is_no_part_of_a_saved_net_but_of_all_that_training_needs(net, tmp_path):
    step(net, X[:3])
    assert list(nn.named_buffers(net)) == [] and list(nn.state_dict(net)) == ["w"]
    nbdl.save(net, tmp_path / "net")
    other, state = Sums(), nn.state_dict(net, per_sample=True)
    assert nbdl.load(tmp_path / "net", into=other) is other and not other.total.ready
    step(other, X)
    nn.load_state_dict(other, state)
    np.testing.assert_array_equal(other.total.data, np.r_[X[:3], np.zeros((37, 2))])
    nn.load_state_dict(other, nn.state_dict(net))  # which says nothing of it
    np.testing.assert_array_equal(other.total.data[:3], X[:3])
    with pytest.raises(DataError, match="`total` of the net is float64"):
        nn.load_state_dict(other, {**state, "total": np.zeros((3, 5))})
    twin = copy.deepcopy(net)
    step(twin, X[:3])
    np.testing.assert_array_equal(twin.total.data, 2 * X[:3])
    np.testing.assert_array_equal(net.total.data, X[:3])


def test_messages(net):
    step(net, X)
    with pytest.raises(UsageError, match="every row begins with zeros, got init='ones'"):
        nn.Buffer("ones", per_sample=True)
    with pytest.raises(UsageError, match="nothing to fill: read it by `rows`"):
        net.total.fill((2,))
    with pytest.raises(ShapeError, match=r"has rows float64 \(2,\), and is read as float64 \(3,\)"):
        net.total.rows((3,), like=X, train=nn.Train())
    with pytest.raises(ShapeError, match=r"has rows of float64 \(2,\), got float64 \(3,\)"):
        net.total.assign(np.zeros((1, 3)))
    with pytest.raises(UsageError, match="read the buffer per sample first"):
        nn.Train().keep(net.total, X)
    given = nn.Train()
    net.total.rows((2,), like=X, train=given)
    with pytest.raises(ShapeError, match=r"`value` must have shape \(40, 2\), .* got \(3, 2\)"):
        given.keep(net.total, X[:3])
    with pytest.raises(UsageError, match=r"`value` is float32, .* was read as float64. Try `dtype` there"):
        given.keep(net.total, X.astype("float32"))
    given.keep(net.total, X)
    with pytest.raises(ShapeError, match=r"has rows float64 \(40, 2\), and is read as float64 \(3, 2\)"):
        net.total.rows((2,), like=X[:3], train=given)
    with pytest.raises(UsageError, match=r"rows: `train` must be None or nn.Train"):
        net.total.rows((2,), like=X, train=True)


# --- runs -------------------------------------------------------------------------------------------------


class Drift(Sums):
    """A model of the registry: what it predicts depends on all minibatches of an epoch."""

    def __call__(self, x, train=None):
        return 0.1 * super().__call__(x, train=train)


@pytest.fixture
def drift(monkeypatch, tmp_path):
    """``drift(compiled, epochs)``: the settings of a run of it, on a file of 40 samples, 12 at a time."""
    fresh = registry.Registry(entries=[])
    fresh.plugins()[0].records["model", "drift"] = nbdl.Model("drift", Drift)
    former = registry._current
    registry.use(fresh)
    np.savez(tmp_path / "data.npz", x=X.astype("f4"), y=X.astype("f4"))
    overrides = {"data": str(tmp_path / "data.npz"), "batch_size": 12, "loss": "mse"}

    def settings(compiled, epochs):
        return train.resolve("drift", overrides={**overrides, "compiled": compiled, "epochs": epochs})

    yield settings
    registry.use(former)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(drift, compiled, tmp_path, monkeypatch):
    """In the middle of an epoch; each epoch begins with zeros, and the last minibatch is a smaller one."""
    straight = train.train(drift(compiled, 2), out=tmp_path / "straight")
    monkeypatch.setattr("nbdl.train._loop._some", lambda steps, seconds: 1)

    class Stopped:
        """Ctrl-C after the second step of the second epoch."""

        asked = False

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return False

    stopped = Stopped()

    def progress(event, **fields):
        stopped.asked = event == "step" and (fields["epoch"], fields["step"]) == (2, 2)

    monkeypatch.setattr("nbdl.train._loop.Interrupt", lambda: stopped)
    first = train.train(drift(compiled, 2), out=tmp_path / "part", progress=progress)
    assert first.interrupted and first.steps == 5
    carried = read_checkpoint(tmp_path / "part")[0]["net/total"]
    assert carried.shape == (12, 2) and carried.any()
    stopped.asked = False
    second = train.train(None, resume=tmp_path / "part")
    ends = [nn.state_dict(run.net, per_sample=True) for run in (straight, second)]
    assert ends[0].keys() == {"w", "total"}
    for name in ends[0]:
        assert ends[0][name].tobytes() == ends[1][name].tobytes(), name
    assert [r["train_loss"] for r in straight.history] == [r["train_loss"] for r in second.history]
    assert list(_files.read(tmp_path / "part" / "model.safetensors")[0]) == ["w"]
    assert not train.load_run(tmp_path / "part")[0].total.data[12:].any()


def test_an_epoch_begins_with_zeros(drift):
    """All samples in one minibatch: then no epoch differs from the first, but in its weights."""
    run = nbdl.fit(Drift(), (X, X), lr=0.0, epochs=2, batch_size=40, compiled=False)
    assert run.history[0]["train_loss"] == pytest.approx(run.history[1]["train_loss"], rel=1e-6)
    assert np.abs(run.net.total.data).max() == pytest.approx(np.abs(X).max(), rel=1e-6)


def test_a_value_that_was_read_is_not_looked_at_by_a_traced_net():
    class Looks(Sums):
        def __call__(self, x, train=None):
            y = super().__call__(x, train=train)
            return y if train is None or self.total.rows((2,), like=x, train=train).sum() > 0 else -y

    net = nn.init(Looks(), X)
    with pytest.raises(nbdl.errors.TapeError, match="a comparison"):
        nbdl.compile_step(net, loss="mse", example=(X, X))
    assert tape.computed(tape.as_tensor(X)).shape == X.shape
