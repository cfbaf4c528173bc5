import numpy as np
import pytest

import nbdl
from nbdl import nn, registry, tape
from nbdl.errors import DataError, DtypeError, NumericError, ShapeError, UsageError
from nbdl.optim import Updater
from nbdl.train import load_run
from nbdl.train._checkpoint import read_checkpoint, restore

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 2


class Centre:
    """Subtracts the running mean of its inputs, and counts minibatches in the last place."""

    def __init__(self):
        self.scale, self.seen = nn.Parameter("ones"), nn.Buffer("zeros")

    def __call__(self, x, train=None):
        x = tape.as_tensor(x)
        if not self.scale.ready:
            self.scale.fill((x.shape[-1],))
        if not self.seen.ready:
            self.seen.fill((x.shape[-1],))
        if train is not None:
            train.keep(self.seen, 0.5 * train.value(self.seen) + 0.5 * x.mean(axis=0))
        return (nn._parameter.cast(x, self.scale) - self.seen) * self.scale


class Twice:
    """A body applied twice; a registered layer whose option is a layer."""

    def __init__(self, body, factor=1.0):
        self.body, self.factor = body, factor

    def __call__(self, x, train=None):
        return self.body(self.body(x, train=train), train=train) * self.factor


class Chosen:
    """Layers in a list, a tuple and a dict, before layers given one by one."""

    def __init__(self, options, *more):
        self.options, self.more = options, more

    def __call__(self, x, train=None):
        for layer in (*self.options["list"], self.options["dict"]["a"], *self.more):
            x = layer(x, train=train)
        return x


@pytest.fixture
def registered():
    """Twice and Chosen as layers of the registry."""
    fresh = registry.Registry(entries=[])
    records = fresh.plugins()[0].records
    for layer in (Twice, Chosen, Centre):
        records["layer", layer.__name__] = nbdl.Layer(layer.__name__, layer)
    former = registry.use(fresh)
    yield
    registry.use(former)


def net(dtype="float32"):
    return nn.init(nn.Sequential(nn.Linear(3), Centre(), nn.Linear(2)), X, dtype=dtype)


def test_buffers_are_found_by_their_paths_and_are_no_parameters():
    model = net("float64")
    assert list(nn.named_buffers(model)) == ["1.seen"]
    assert "1.seen" not in nn.named_parameters(model) and "1.scale" in nn.named_parameters(model)
    assert list(nn.state_dict(model)) == ["0.w", "0.b", "1.scale", "1.seen", "2.w", "2.b"]
    buffer = model[1].seen
    assert buffer.dtype == np.float64 and buffer.shape == (3,) and not buffer.requires_grad
    assert "no shape yet" in repr(nn.Buffer("ones")) and "Buffer" in repr(nn.Buffer("ones"))


def test_init_gives_new_values_and_keep_leaves_them():
    model = net()
    model[1].seen[...] = 3.0
    nn.init(model, X, keep=True)
    assert (model[1].seen.data == 3).all()
    nn.init(model, X)
    assert (model[1].seen.data == 0).all()


def test_a_call_writes_to_no_buffer_and_commit_does():
    model, train = net(), nn.Train()
    hidden = model[0](X).data
    model(X, train=train)
    assert (model[1].seen.data == 0).all()
    assert [b for b, _ in train.kept] == [model[1].seen]
    train.commit()
    np.testing.assert_allclose(model[1].seen.data, hidden.mean(axis=0) / 2, rtol=1e-5)
    assert train.kept == []
    before = model[1].seen.data.copy()
    train.commit()
    model(X)
    assert (model[1].seen.data == before).all()


def test_a_second_call_within_a_step_sees_what_the_first_handed_over():
    layer, train = nn.init(Centre(), np.ones((1, 3)), dtype="float64"), nn.Train()
    layer(np.ones((2, 3)), train=train)
    layer(np.ones((2, 3)), train=train)
    assert len(train.kept) == 1
    train.commit()
    assert (layer.seen.data == 0.75).all()


def test_buffers_may_change_places():
    a, b, train = nn.Buffer(), nn.Buffer("ones"), nn.Train()
    a.fill((2,)), b.fill((2,))
    train.keep(a, b), train.keep(b, a)
    train.commit()
    assert (a.data == 1).all() and (b.data == 0).all()


def test_what_does_not_fit_is_refused_by_its_name():
    buffer, train = nn.Buffer(), nn.Train()
    with pytest.raises(UsageError, match=r"`buffer` must be a nn\.Buffer that has values, got Buffer"):
        train.keep(buffer, np.zeros(2))
    with pytest.raises(UsageError, match="`buffer` must be"):
        train.keep(nn.Parameter(), np.zeros(2))
    buffer.fill((2,))
    with pytest.raises(ShapeError, match=r"`value` must have shape \(2,\).*got \(3,\)"):
        train.keep(buffer, np.zeros(3, np.float32))
    with pytest.raises(DtypeError, match=r"`value` must have dtype float32.*got float64"):
        train.keep(buffer, np.zeros(2))
    with pytest.raises(ShapeError, match="the buffer has shape"):
        buffer.assign(np.zeros(3, np.float32))
    assert train.kept == []


def test_buffers_are_never_optimised():
    model = net()
    updater = Updater("sgd", model, lr=1.0)
    assert "1.seen" not in updater.parameters
    model[1].seen[...] = 2.0
    model(X, train=nn.Train()).sum().backward()
    updater.step()
    assert (model[1].seen.data == 2).all() and model[1].seen.grad is None


def test_state_goes_into_another_net_and_must_fit():
    one, other = net(), net()
    one[1].seen[...] = 5.0
    nn.load_state_dict(other, nn.state_dict(one))
    assert (other[1].seen.data == 5).all()
    without = {k: v for k, v in nn.state_dict(one).items() if k != "1.seen"}
    with pytest.raises(DataError, match=r"missing \['1.seen'\]"):
        nn.load_state_dict(other, without)
    with pytest.raises(DataError, match=r"`1\.seen` of the net"):
        nn.load_state_dict(other, {**without, "1.seen": np.zeros(4, np.float32)})


def test_fit_trains_saves_and_resumes_buffers(tmp_path, registered):
    model = net()
    run = nbdl.fit(model, (X, Y), epochs=2, batch_size=10, compiled=False, out=tmp_path / "run")
    assert (model[1].seen.data != 0).all()
    back, _, _ = load_run(tmp_path / "run")
    assert (back[1].seen.data == model[1].seen.data).all()
    assert (back(X).data == model(X).data).all()
    again = nbdl.load(run.folder / "model.safetensors")
    assert (nn.state_dict(again)["1.seen"] == model[1].seen.data).all()


def test_a_checkpoint_holds_buffers(tmp_path):
    run = nbdl.fit(net(), (X, Y), epochs=1, batch_size=10, compiled=False, out=tmp_path / "run")
    arrays, document = read_checkpoint(tmp_path / "run")
    kept = arrays["net/1.seen"].copy()
    run.net[1].seen[...] = 0.0
    restore(run, arrays, document)
    assert (run.net[1].seen.data == kept).all() and (kept != 0).all()


def test_a_step_that_fails_commits_nothing():
    model = net()
    model[2].w[...] = [3e38, -3e38]
    with pytest.raises(NumericError), np.errstate(all="ignore"):  # for the run without the JIT
        nbdl.fit(model, (X, Y), epochs=1, batch_size=40, compiled=False)
    assert (model[1].seen.data == 0).all()


def test_a_net_whose_buffer_has_no_values_is_not_saved(tmp_path):
    model = net()
    model.layers.append(nn.Sequential())
    model[3].extra = nn.Buffer()
    with pytest.raises(UsageError, match="no weights yet"):
        nbdl.save(model, tmp_path / "net")


def test_the_dtype_of_a_net_of_buffers_alone():
    class Only:
        def __init__(self):
            self.shift = nn.Buffer("ones")

        def __call__(self, x, train=None):
            if not self.shift.ready:
                self.shift.fill((3,))
            return tape.as_tensor(x) + self.shift

    only = nn.init(Only(), X, dtype="float64")
    assert nn._parameter.dtype_of(only, X.astype("float32")) == np.float64


# --- options that are layers ------------------------------------------------------------------------------


def test_layers_among_the_options_are_saved_with_the_net(tmp_path, registered):
    model = nn.Sequential(Twice(nn.Sequential(nn.Linear(3), Centre()), factor=0.5), nn.Linear(2))
    nn.init(model, X)
    document = nn.config(model)
    assert document["layers"][0]["body"]["layers"][1] == {"layer": "Centre"}
    nbdl.save(model, tmp_path / "net")
    again = nbdl.load(tmp_path / "net")
    assert type(again[0]) is Twice and again[0].factor == 0.5
    assert (again(X).data == model(X).data).all()
    assert list(nn.named_buffers(again)) == ["0.body.1.seen"]
    assert "Twice(body=Sequential(" in repr(again) and "Linear(out_features=3" in repr(again)


def test_layers_in_lists_and_dicts_and_one_by_one(tmp_path, registered):
    options = {"list": [nn.Linear(3), nn.Tanh()], "dict": {"a": nn.Linear(4)}, "number": np.float32(0.5)}
    model = nn.init(Chosen(options, nn.ReLU(), nn.Linear(2)), X)
    nbdl.save(model, tmp_path / "net")
    again = nbdl.load(tmp_path / "net")
    assert (again(X).data == model(X).data).all()
    assert set(nn.named_parameters(again)) == set(nn.named_parameters(model))
    assert again.options["number"] == 0.5


@pytest.mark.parametrize(
    "option", [np.ones(2), len, np.tanh, nn.Linear, nn.Linear(2).__call__, object(), {"layer": 3}]
)
def test_an_option_that_is_neither_a_layer_nor_plain_data(registered, option):
    layer = Twice(nn.Linear(2), factor=option)
    with pytest.raises(UsageError):
        nn.config(layer)
    assert "Twice(body=Linear(" in repr(nn.Sequential(layer))
