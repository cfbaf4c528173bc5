"""Functions that are called while a net is trained: what they see, what they may do, and what they raise."""

import contextlib
import json
import types

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import NbdlError, OptionError, UsageError
from nbdl.train import Config

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype("f4"), np.arange(40) % 2


def fitted(callbacks=None, **options):
    net = nn.Sequential(nn.Linear(4), nn.ReLU(), nn.Linear(2))
    return nbdl.fit(net, (X, Y), **{"batch_size": 16, "epochs": 3, **options}, callbacks=callbacks)


def weights(run):
    return b"".join(a.tobytes() for a in nn.state_dict(run.net).values())


@pytest.mark.parametrize("compiled", [True, False])
def test_they_see_the_run_after_each_update_and_epoch(compiled):
    seen = []
    callbacks = {
        "step": lambda run: seen.append((run.steps, run.epoch, np.isfinite(run.loss))),
        "epoch": [lambda run: seen.append(run.history[-1]["epoch"]), lambda run: seen.append(run.epoch)],
    }
    run = fitted(callbacks, epochs=2, compiled=compiled)
    steps = [(step, (step - 1) // 3, True) for step in range(1, 7)]
    assert seen == [*steps[:3], 1, 1, *steps[3:], 2, 2]
    assert weights(run) == weights(fitted(epochs=2, compiled=compiled))  # looking on changes nothing


def test_they_end_the_run_after_an_epoch():
    run = fitted({"epoch": lambda run: run.stop() if run.epoch == 2 else None}, epochs=9)
    assert len(run.history) == 2 and run.steps == 6 and weights(run) == weights(fitted(epochs=2))


def test_they_end_the_run_within_an_epoch_and_it_can_go_on(tmp_path):
    config = Config(model="mlp", data="digits", epochs=3, batch_size=400, model_options={"hidden": [4]},
                    data_options={"size": 8})  # fmt: skip
    last = {"step": lambda run: run.stop() if run.steps == 6 else None}
    run = train.train(config, out=tmp_path / "run", callbacks=last)
    assert [row["step"] for row in run.history] == [4, 6] and not run.interrupted
    assert run.history[-1]["test_loss"] == run.evaluate(run.data.test)["loss"]
    assert (tmp_path / "run" / "model.safetensors").exists()
    again = train.train(None, resume=tmp_path / "run")
    assert [row["step"] for row in again.history] == [4, 6, 10]


def test_they_note_numbers(tmp_path):
    def largest(run):
        run.log("largest weight", max(abs(p.data).max() for p in nn.parameters(run.net)))

    def count(run):
        run.log("steps", run.steps)

    events = []
    run = fitted(
        {"epoch": largest, "step": count}, out=tmp_path / "run",
        progress=lambda event, **fields: events.append(fields) if event == "epoch" else None,
    )  # fmt: skip
    assert [row["steps"] for row in run.history] == [3, 6, 9]
    assert run.history[-1]["largest weight"] == max(abs(p.data).max() for p in nn.parameters(run.net))
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log == run.history == events and (tmp_path / "run" / "curves.png").exists()


def test_a_number_noted_once_does_not_keep_a_run_from_going_on(tmp_path):
    config = Config(model="mlp", data="digits", epochs=2, batch_size=400, model_options={"hidden": [4]},
                    data_options={"size": 8})  # fmt: skip
    once = {"epoch": lambda run: run.log("own", 1.5) if run.epoch == 1 else None}
    train.train(config, out=tmp_path / "run", callbacks=once)
    again = train.train(Config(**{**vars(config), "epochs": 3}), resume=tmp_path / "run")
    assert [row.get("own") for row in again.history] == [1.5, None, None]


@pytest.mark.parametrize("compiled", [True, False])
def test_they_set_the_learning_rate(compiled, tmp_path):
    def halve(run):
        run.lr = run.lr / 2

    run = fitted({"epoch": halve}, compiled=compiled, lr=0.4)
    assert run.lr == 0.05 and run.config.lr == 0.4
    theirs = fitted(
        epochs=3, compiled=compiled, lr=0.4, schedule="multi_factor",
        schedule_options={"factor": 0.5, "at": (1 / 3, 2 / 3)},
    )  # fmt: skip
    assert weights(run) == weights(theirs)


def test_a_rate_that_was_set_is_kept_for_going_on(tmp_path):
    config = Config(model="mlp", data="digits", epochs=1, lr=0.4, batch_size=400, data_options={"size": 8})

    def halve(run):
        run.lr = run.lr / 2

    train.train(config, out=tmp_path / "run", callbacks={"epoch": halve})
    again = train.train(Config(**{**vars(config), "epochs": 2}), resume=tmp_path / "run")
    assert again.lr == 0.2
    whole = train.train(
        Config(**{**vars(config), "epochs": 2}), out=tmp_path / "w", callbacks={"epoch": halve}
    )
    assert weights(again) == weights(whole)


def test_what_they_raise_names_them():
    def watch(run):
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone") as caught:
        fitted({"step": [lambda run: None, watch]})
    assert caught.value.__notes__[-1].endswith("watch`, called after step 1")
    for value, message in ((np.nan, "finite number, got nan"), ("a", "got 'a'"), (True, "got True")):
        with pytest.raises(OptionError, match=f"log: `value` of `own` must be a .*{message}") as caught:
            fitted({"epoch": lambda run, value=value: run.log("own", value)})
        assert "called after epoch 1" in caught.value.__notes__[-1]
    for name in ("", 3, "epoch", "valid_loss", "event"):
        with pytest.raises(UsageError, match="log: `name` must be text, and no figure"):
            fitted({"epoch": lambda run, name=name: run.log(name, 1.0)})
    for rate in (-1.0, np.inf, "a", None, True):
        with pytest.raises(OptionError, match="`lr` must be a finite number from 0"):
            fitted({"epoch": lambda run, rate=rate: setattr(run, "lr", rate)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([print], 'must be a dict of functions by event, as {"epoch": f}, got list'),
        ({"batch": print}, "there is no event 'batch', only step and epoch"),
        ({"epoch": 3}, "3 for `epoch` cannot be called"),
        ({"step": [print, "a"]}, "'a' for `step` cannot be called"),
    ],
)
def test_callbacks_that_cannot_be_are_named_before_a_folder_is_made(tmp_path, given, message):
    with pytest.raises(NbdlError, match=message):
        fitted(given, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_training_that_ctrl_c_ended_says_so(monkeypatch):
    asked = contextlib.nullcontext(types.SimpleNamespace(asked=True))
    monkeypatch.setattr("nbdl.train._loop.Interrupt", lambda: asked)
    with pytest.warns(UserWarning, match="interrupted after step 1: the net is as it was then"):
        assert fitted().interrupted
