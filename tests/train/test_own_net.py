"""Runs of a net of the user's own class: loaded, resumed, and used from the command line."""

import numpy as np
import pytest
from click.testing import CliRunner

import nbdl
from nbdl import nn, train
from nbdl.cli import main
from nbdl.errors import DataError, SaveError, UsageError

CODE = """
from nbdl import nn

class Own:
    def __init__(self, hidden=6):
        self.first, self.last = nn.Linear(hidden), nn.Linear(3)

    def __call__(self, x, train=None):
        return self.last(nn.Tanh()(self.first(x)))

def small():
    return Own()

def wrong(n):
    return Own(n)
"""

rng = np.random.default_rng(0)
x = rng.standard_normal((60, 4)).astype(np.float32)
y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)


class Own:
    def __init__(self, hidden=6):
        self.first, self.last = nn.Linear(hidden), nn.Linear(3)

    def __call__(self, x, train=None):
        return self.last(nn.Tanh()(self.first(x)))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_code.py").write_text(CODE)
    np.savez("own.npz", x=x, y=y)
    return tmp_path


def fitted(net=None, data=None, epochs=2, **options):
    options = {"lr": 0.3, "batch_size": 16, "threads": 1, "compiled": False} | options
    return nbdl.fit(net or Own(), data or (x, y), epochs=epochs, **options)


def values(net):
    return {name: a.tobytes() for name, a in nn.state_dict(net).items()}


def command(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_a_run_is_loaded_into_a_net_of_its_class(place):
    run = fitted(out="run")
    assert values(nbdl.load("run", into=Own())) == values(run.net)
    net, config, preparation = train.load_run("run", into=Own())
    assert (values(net), config.epochs, bool(preparation)) == (values(run.net), 2, False)
    assert values(train.load_run("run/model.safetensors", into=Own())[0]) == values(run.net)
    with pytest.raises(DataError, match="it holds weights alone") as caught:
        nbdl.load("run")
    assert "into=Own()" in caught.value.__notes__[1] and "test_own_net:Own" in caught.value.__notes__[1]
    with pytest.raises(DataError, match=r"first\.w"):
        nbdl.load("run", into=nn.Sequential(nn.Linear(3)))


@pytest.mark.parametrize(
    "options", [{}, {"groups": lambda name, p: {"lr_factor": 0.5} if p.ndim == 1 else None}]
)
def test_a_run_goes_on_to_the_same_bits(place, options):
    options |= {"validation": 0.2, "optimizer": "adam", "lr": 0.01}
    whole = fitted(epochs=4, **options)
    fitted(out="run", **options)
    run = fitted(epochs=4, resume="run", **options)
    assert values(run.net) == values(whole.net)
    assert [row["valid_loss"] for row in run.history] == [row["valid_loss"] for row in whole.history]
    assert run.folder.name == "run" and values(nbdl.load("run", into=Own())) == values(whole.net)


def test_an_interrupted_run_of_registered_layers_needs_no_model_file(place):
    run = fitted(nn.Sequential(nn.Linear(3)), out="run")
    (place / "run" / "model.safetensors").unlink()
    assert values(nbdl.load("run")) == values(run.net)


def test_what_differs_is_said(place):
    def halved(prediction, y):
        return nn.softmax_cross_entropy(prediction, y) / 2

    fitted(out="run", loss=halved, groups=lambda name, p: {"frozen": True} if p.ndim == 1 else None)
    for words, changes in [
        ("lr = 0.3, not 0.1", {"lr": 0.1}),
        ("loss = ", {"loss": "mse"}),
        ("groups = ", {"groups": lambda name, p: None}),
        ("leave out `out`", {"out": "other"}),
        ("without samples for `test`", {"test": (x, y)}),
        ("without samples for `validation`", {"validation": (x, y)}),
    ]:
        given = {"loss": halved, "groups": lambda name, p: {"frozen": True} if p.ndim == 1 else None}
        with pytest.raises(UsageError, match=words):
            fitted(epochs=3, resume="run", **(given | changes))
    with pytest.raises(DataError, match="of the net is"):
        fitted(Own(7), epochs=3, resume="run", loss=halved, groups=given["groups"])
    with pytest.raises(SaveError, match=r"--resume run, in Python resume='run'"):
        fitted(out="run")


def test_commands_take_the_class_or_a_function(place):
    run = fitted(out="run", data="own.npz")
    expected = f"{run.history[-1]['test_loss']:.4f}"
    for net in ("own_code:Own", "own_code.py:small"):
        result = command("eval", "run", "--net", net)
        assert result.exit_code == 0 and expected in result.stdout
    result = command("predict", "run", "own.npz", "-o", "out.csv", "--net", "own_code:Own")
    assert result.exit_code == 0 and len((place / "out.csv").read_text().splitlines()) == 61
    result = command("train", "--resume", "run", "--net", "own_code:Own", "--epochs", 3)
    assert result.exit_code == 0, result.stderr
    assert values(train.load_run("run", Own())[0]) == values(fitted(data="own.npz", epochs=3).net)


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["eval", "run", "--data", "own.npz"], 3, "test_own_net:Own, the class of the net"),
        (["eval", "run", "--net", "own_code:Own"], 2, "a run on arrays does not say what it was trained on"),
        (["train", "--resume", "run"], 3, "nbdl.fit(net, (x, y), resume='run')"),
        (["train", "run/config.toml"], 2, "the settings name no model"),
        (["train", "mlp", "--net", "own_code:Own"], 2, "begins with nbdl.fit"),
        (["eval", "run", "--data", "own.npz", "--net", "own_code"], 2, "must be MODULE:NAME"),
        (["eval", "run", "--data", "own.npz", "--net", "own_code:Other"], 2, "has no attribute 'Other'"),
        (["eval", "run", "--data", "own.npz", "--net", "nowhere:Own"], 2, "No module named 'nowhere'"),
        (["eval", "run", "--data", "own.npz", "--net", "own_code:wrong"], 2, "a function without arguments"),
    ],
)
def test_hints_lead_on(place, arguments, code, text):
    fitted(out="run", epochs=1)
    result = command(*arguments)
    assert result.exit_code == code and text in result.stderr, result.stderr


def test_the_vocabulary_is_at_hand(place):
    (place / "rhyme.txt").write_text("how much wood would a woodchuck chuck " * 9)
    data = nbdl.data.load("rhyme.txt", text=True, length=8)
    net = nn.Sequential(nn.Embedding(28, 4), nn.Linear(28))
    run = fitted(net, data, epochs=1, out="run")
    assert run.vocabulary.decode(run.vocabulary.encode("how much")) == "how much"
    assert train.load_run("run")[2].vocabularies["text"] == run.vocabulary
    assert fitted().vocabulary is None
