"""`check_plugin`: what works passes, what would fail in use is refused or warned of by its field."""

import dataclasses
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry
from nbdl.data import Data, Split
from nbdl.errors import PluginError, VerificationError
from nbdl.testing import check_plugin


@pytest.fixture
def check():
    """``check(record, ...)``: of a plugin called zoo that offers these records."""
    former = registry._current

    def check(*records):
        kinds = {record_class: hook for hook, record_class in registry.KINDS.values()}
        module = SimpleNamespace()
        for record in records:
            setattr(module, kinds[type(record)], nbdl.hookimpl(_hook(kinds[type(record)], record)))
        entry = SimpleNamespace(name="zoo", dist=None, load=lambda: module)
        registry.use(registry.Registry(entries=[entry]))
        return check_plugin("zoo")

    yield check
    registry.use(former)


def _hook(name, record):
    def hook():
        yield record

    hook.__name__ = name
    return hook


def data(x=(20, 3), y=(20, 1), dtype=np.float32, classes=None, **fields):
    train = Split(np.ones(x, np.float32), np.ones(y, dtype))
    return Data("toy", **{"train": train, "test": train, "classes": classes, **fields})


WRONG_DATA = {
    "no axis": (
        data(y=()),
        r"`train\.y` must be \(N, Q\) floats where `classes` is None, got shape \(\), float32",
    ),
    "integers without classes": (data(dtype=np.int64), r"`train\.y` must be \(N, Q\) floats"),
    "floats with classes": (
        data(y=20, classes=3),
        r"`train\.y` must be \(N, \.\.\.\) integers below `classes`",
    ),
    "label out of range": (
        data(y=20, dtype=np.int64, classes=1),
        r"`train\.y` must be from 0 to 0, got 1 to 1",
    ),
    "flat inputs": (data(x=20), r"`train\.x` must be \(N, \.\.\.\)"),
    "no samples": (data(x=(0, 3), y=(0, 1)), r"`train\.x` must be"),
    "lengths": (data(y=(19, 1)), r"`train\.y` has 19 targets, `train\.x` 20 samples"),
    "test of another shape": (
        data(test=Split(np.ones((2, 4), np.float32), np.ones((2, 1), np.float32))),
        r"`test\.x` is \(N, \*\(4,\)\)",
    ),
    "list": (
        data(test=Split([[1.0, 2.0, 3.0]], [[1.0]])),
        r"`test\.x` must be an array of numbers, got list",
    ),
    "pair": (data(test=(np.ones((2, 3)), np.ones((2, 1)))), "`test` must be a Split, got tuple"),
    "text": (data(y=(20, 1), dtype="U3"), r"`train\.y` must be an array of numbers, got <U3"),
    "classes": (data(y=20, dtype=np.int64, classes=2.5), "`classes` must be a positive integer or None"),
    "order": (dataclasses.replace(data(), order=[1, 0]), "`order` must be a Partition or None, got list"),
    "vocabularies": (
        dataclasses.replace(data(), vocabularies={"text": ("a", "b")}),
        "`vocabularies` must be Vocabularies by name, got tuple of `text`",
    ),
    "nothing": (None, "must load a Data, got NoneType"),
}


@pytest.mark.parametrize(("loaded", "message"), WRONG_DATA.values(), ids=WRONG_DATA)
def test_a_data_set_that_nothing_could_train_on_is_refused(check, loaded, message):
    with pytest.raises(PluginError, match=message):
        check(nbdl.Dataset("toy", lambda: loaded))
    with pytest.raises(PluginError, match=message):  # and where it is used
        nbdl.data.load("toy")


@pytest.mark.filterwarnings("ignore:.*to predict the mean of the targets")
def test_values_of_one_axis_are_those_of_one_output(check):
    assert check(nbdl.Dataset("toy", lambda: data(y=20))) == [("dataset", "toy")]
    run = nbdl.fit(nn.Sequential(nn.Linear(1)), nbdl.data.load("toy"), epochs=1)
    assert np.isfinite(run.history[-1]["train_loss"])


def test_a_data_set_with_numbers_that_are_none_is_refused(check):
    bad = data()
    bad.train.x[3, 1] = np.nan
    with pytest.raises(VerificationError, match=r"data set `toy`: `train\.x` must be finite"):
        check(nbdl.Dataset("toy", lambda: bad))


def test_a_data_set_must_be_what_its_record_says(check):
    with pytest.raises(VerificationError, match=r"its record says `shape` is \(4,\), loaded it is \(3,\)"):
        check(nbdl.Dataset("toy", data, shape=(4,)))
    with pytest.raises(VerificationError, match="its record says `classes` is 2, loaded it is 0"):
        check(nbdl.Dataset("toy", data, classes=2))


def net(outputs=1, width=4):
    return nn.Sequential(nn.Linear(width), nn.Linear(outputs))


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ({"epoch": 3}, "unknown key `epoch` in it: did you mean `epochs`"),
        ({"epochs": "3"}, "`epochs` must be int, got '3'"),
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"optimizer": "rmspro"}, "unknown optimizer `rmspro`"),
        ({"loss": "hubber"}, "unknown loss `hubber`"),
        ({"schedule": "cosin"}, "unknown schedule `cosin`; did you mean cosine"),
        ({"model_options": {"widht": 3}}, "has no option `widht`"),
        ({"optimizer_options": {"beta": 3}}, "has no option `beta`"),
        ({"schedule": "cosine", "schedule_options": {"warmup": "a"}}, "`warmup` must be like its default"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_preset_that_names_what_there_is_not_is_refused(check, preset, message):
    with pytest.raises((PluginError, VerificationError), match=message):
        check(nbdl.Model("toy", net, presets={"digits": {"epochs": 2}, "mnist": preset}))


def test_a_model_that_builds_no_net_is_refused(check):
    with pytest.raises(VerificationError, match="model `toy`: `build` must return a net"):
        check(nbdl.Model("toy", lambda: 3))


def item(prediction, target):
    loss = ((prediction - target) ** 2).mean()
    return loss if loss.item() > 0 else -loss


def compares(prediction, target):
    loss = ((prediction - target) ** 2).mean()
    return loss if loss > 0 else -loss


def by_numpy(prediction, target):
    return ((prediction - target.numpy().astype(prediction.dtype)) ** 2).mean()


def plain(prediction, target):
    return ((prediction - target) ** 2).mean()


def gaussian(prediction, target):
    mean, log_scale = prediction
    return (((mean - target) * (-log_scale).exp()) ** 2 / 2 + log_scale).mean()


def by_name(prediction, target):
    logs = nbdl.apply("log_softmax", prediction["scores"])
    picked = nbdl.take_along_axis(logs, target["kind"].reshape(-1, 1))
    return (prediction["size"] ** 2).mean() - picked.mean()


@pytest.mark.parametrize("loss", [gaussian, by_name])
def test_a_loss_of_several_outputs_is_tried_on_them(check, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(nbdl.Loss("mine", loss)) == [("loss", "mine")]


def test_a_gradient_of_one_output_that_is_not_finite_is_refused(check):
    def half(prediction, target):
        return (prediction[0] ** 2).mean() + (prediction[1] * 0.0).sqrt().sum()

    with pytest.raises(VerificationError, match=r"loss `mine` must have a finite gradient .* got"):
        check(nbdl.Loss("mine", half))


def test_a_loss_that_fails_in_evaluation_is_refused(check):
    text = "loss `mine` fails in evaluation: AttributeError"
    with pytest.raises(VerificationError, match=text):
        check(nbdl.Loss("mine", plain, count=lambda prediction, target: prediction.nothing))
    with pytest.raises(VerificationError, match="loss `mine`: `count` must be positive for 4 samples, got 0"):
        check(nbdl.Loss("mine", plain, count=lambda prediction, target: 0))


@pytest.mark.parametrize("loss", [item, compares, by_numpy])
def test_a_loss_that_cannot_be_compiled_is_warned_of(check, loss):
    with pytest.warns(UserWarning, match=r"loss `mine` cannot become part .* compiled=false"):
        assert check(nbdl.Loss("mine", loss)) == [("loss", "mine")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(nbdl.Loss("mine", plain))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (nbdl.Loss("l", lambda p, t: p.nothing), "loss `l` takes neither labels nor numbers: AttributeError"),
        (nbdl.Metric("m", lambda p, t: p), "metric `m` must return one finite number"),
        (nbdl.Metric("m", lambda p, t: np.nan), "metric `m` must return one finite number, got nan"),
        (nbdl.Schedule("s", lambda step, steps: [1.0]), "schedule `s` must return one finite number"),
        (nbdl.Schedule("s", lambda step, steps: 1 / step), "schedule `s` failed while it was tried: Zero"),
        (nbdl.Initializer("i", lambda rng, shape, a, b: np.ones(3)), r"shape \(3, 4\) .* got shape \(3,\)"),
        (nbdl.Layer("y", lambda: 3), "layer `y`: `build` must return a layer"),
        (nbdl.Measure("u", lambda x, y: x), "measure `u` must return one finite number"),
    ],
    ids=lambda value: value.name if not isinstance(value, str) else "",
)
def test_parts_that_do_not_do_what_their_kind_says_are_refused(check, record, message):
    with pytest.raises(VerificationError, match=message):
        check(record)


def test_what_works_passes(check):
    records = [
        nbdl.Metric("m", lambda p, t: 1.0),
        nbdl.Schedule("s", lambda step, steps: 1.0),
        nbdl.Initializer("i", lambda rng, shape, a, b: rng.random(shape)),
        nbdl.Layer("y", nn.ReLU),
        nbdl.Measure("u", lambda x, y: 1.0),
        nbdl.Dataset("toy", data, shape=(3,)),
        nbdl.Model("n", net, presets={"toy": {"optimizer": "adam", "model_options": {"width": 3}}}),
    ]
    assert {name for _, name in check(*records)} == {record.name for record in records}
