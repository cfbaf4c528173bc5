"""A program trains as the tape does: losses and parameters, for nets, batch sizes and wrong arguments."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import (
    DataError,
    DtypeError,
    LabelError,
    NumericError,
    OptionError,
    ShapeError,
    UsageError,
)


def mlp():
    return models.mlp(3, (8,))


def dropout():
    return models.mlp(3, (16,), dropout=0.5)


@pytest.mark.parametrize("make", [mlp, dropout, lambda: models.softmax_regression(3)])
def test_classes(twins, x, labels, shuffled, make):
    twins(make, x, labels).agree(shuffled(50 * 20), 20)


@pytest.mark.parametrize("half", [False, True])
def test_numbers(twins, x, numbers, shuffled, half):
    make = lambda: models.linear_regression(2)  # noqa: E731
    twins(make, x, numbers, loss="mse", loss_options={"half": half}).agree(shuffled(50 * 20), 20)


def test_integers_are_numbers_to_a_loss_of_numbers(twins, x, labels, shuffled):
    y = np.stack([labels, -labels], axis=1)
    twins(lambda: models.linear_regression(2), x, y, loss="mse").agree(shuffled(10 * 20), 20)


def test_options_of_the_loss(twins, x, labels, shuffled):
    labels[labels == 2] = -1
    options = {"weight": np.array([1.0, 2.0, 3.0]), "label_smoothing": 0.1, "ignore_index": -1}
    twins(mlp, x, labels, loss_options=options).agree(shuffled(20 * 20), 20)


def test_soft_labels(twins, x, shuffled):
    y = np.random.default_rng(2).dirichlet([1, 1, 1], len(x))
    twins(mlp, x, y).agree(shuffled(10 * 20), 20)


@pytest.mark.parametrize(
    "model, lr, dtype, within",
    [
        ("lenet", 0.9, "float32", 1e-5),
        # which of two pixels is the largest turns on the last bit: in float32 curves part after some steps
        ("lenet_modern", 0.02, "float64", 1e-9),
    ],
)
def test_images(twins, shuffled, model, lr, dtype, within):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 10, 96)
    x = (rng.normal(size=(96, 1, 28, 28)) / 4 + rng.normal(size=(10, 1, 28, 28))[y]).astype(np.float32)
    both = twins(getattr(models, model), x, y, lr=lr, dtype=dtype)
    both.agree(shuffled(50 * 24, 96), 24, within=within)  # one and a half blocks of 16


def test_adam_in_float64(twins, x, labels, shuffled):
    both = twins(dropout, x, labels, optimizer="adam", lr=0.01, dtype="float64")
    both.agree(shuffled(50 * 20), 20, within=1e-9)


@pytest.mark.parametrize("size", [1, 5, 16, 19, 40, 130])
def test_any_batch_size(twins, x, labels, shuffled, size):
    twins(mlp, x, labels).agree(shuffled(10 * size), size)


def test_the_batch_size_may_change(twins, x, labels, shuffled):
    """One program: more samples, fewer, and the short last minibatch of an epoch."""
    both, order = twins(dropout, x, labels, optimizer="adam", lr=0.01), shuffled(200)
    for size in (19, 130, 7, 64, 1):
        both.agree(order[: 2 * size] if size == 19 else order[:size], size)
    both.agree(order[:192], 64)
    both.agree(order[192:], 8)


def test_one_step_is_a_call(x, labels):
    step = nbdl.compile_step(mlp(), optimizer="momentum", example=(x, labels), lr=0.1, seed=1)
    other = nbdl.compile_step(mlp(), optimizer="momentum", example=(x, labels), lr=0.1, seed=1)
    losses = [step(x[:20], labels[:20]), step(x[20:40], labels[20:40], lr=0.05)]
    assert losses == list(other.run(x, labels, np.arange(40), 20, [0.1, 0.05]))
    assert isinstance(losses[0], float) and losses[1] < losses[0] * 1.5
    assert step.updater.steps == 2


def test_calls_and_runs_of_any_size_take_turns(x, labels, weights):
    """What a call keeps for the next one is never taken for another: sizes, samples, rates."""
    rng = np.random.default_rng(7)
    step, other = (nbdl.compile_step(dropout(), "softmax_cross_entropy", "adam", example=(x, labels), seed=1)
                   for _ in range(2))  # fmt: skip
    for _ in range(60):
        n, lr = int(rng.choice([1, 16, 20, 33])), float(rng.choice([0.01, 0.02]))
        rows = rng.permutation(len(x))[: 2 * n] if rng.random() < 0.5 else np.arange(2 * n)
        if rng.random() < 0.5:
            found = list(step.run(x, labels, rows, n, lr))
        else:
            found = [step(x[part], labels[part], lr=lr) for part in rows.reshape(2, n)]
        truth = [other.run(x[part].copy(), labels[part].copy(), np.arange(n), n, lr)[0]
                 for part in rows.reshape(2, n)]  # fmt: skip
        assert found == truth
    assert weights(step.net) == weights(other.net)


def test_a_single_call_takes_arrays_of_any_kind(x, labels):
    step = nbdl.compile_step(mlp(), example=(x, labels), lr=0.0)
    loss = step(x[:20], labels[:20])
    wide = np.repeat(x[:20], 2, axis=1)[:, ::2]
    frozen = x[:20].copy()
    frozen.flags.writeable = False
    for given in (wide, frozen, np.asfortranarray(x[:20]), x[:20].astype(float), x[:20].tolist()):
        assert step(given, labels[:20]) == loss
    for given in (labels[:20].astype(np.int8), labels[:20].astype(np.uint64), np.repeat(labels[:20], 2)[::2]):
        assert step(x[:20], given) == loss
    assert step(x[:20], labels[:20], lr=np.float32(0)) == step(x[:20], labels[:20], lr=0) == loss


@pytest.mark.parametrize(
    ("x_", "y_", "lr", "error", "message"),
    [
        (np.zeros((0, 8), np.float32), [], 0.1, (ShapeError, DtypeError), "at least one sample|integer y"),
        (
            np.zeros((2, 7), np.float32),
            [0, 1],
            0.1,
            ShapeError,
            r"x \(N, 8\) and y \(N,\), got .2, 7. and .2,.",
        ),
        (np.zeros((2, 8), np.float32), [0], 0.1, ShapeError, "got .2, 8. and .1,."),
        (np.zeros((2, 8), np.float32), [0.0, 1.0], 0.1, DtypeError, "compiled for integer y, got float64"),
        (np.zeros((2, 8), np.float32), [0, 3], 0.1, LabelError, "from 0 to 2 .* got 3 at position 1"),
        (np.zeros((2, 8), np.float32), [0, 1], -0.1, OptionError, "`lr` must be one or 1 finite"),
        (np.zeros((2, 8), np.float32), [0, 1], np.inf, OptionError, "`lr` must be .* got inf"),
        (np.zeros((2, 8), np.float32), [0, 1], "a", OptionError, "`lr` must be .* got 'a'"),
        (np.zeros((2, 8), np.float32), [0, 1], True, OptionError, "`lr` must be .* got True"),
        (
            np.ma.masked_array(np.zeros((2, 8), np.float32), np.eye(2, 8)),
            [0, 1],
            0.1,
            DataError,
            "`x` must not hold masked values",
        ),
        (np.full((2, 8), np.nan, np.float32), [0, 1], 0.1, NumericError, "the loss is nan at step 1"),
    ],
)
def test_a_single_call_names_what_is_wrong(x, labels, weights, x_, y_, lr, error, message):
    step = nbdl.compile_step(mlp(), example=(x, labels))
    before = weights(step.net)
    for _ in range(2):
        with pytest.raises(error, match=message):
            step(x_, np.asarray(y_), lr=lr)
    assert weights(step.net) == before and step.updater.steps == 0
    assert step(x, labels) > 0


def test_gradients_are_those_of_the_tape(twins, x, labels):
    both = twins(mlp, x, labels)
    both.step(x[:40], labels[:40], lr=0.0)
    nn.softmax_cross_entropy(both.nets[1](x[:40], train=nn.Train()), labels[:40]).backward()
    for name, p in nn.named_parameters(both.nets[1]).items():
        np.testing.assert_allclose(both.step.gradients[name], p.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": np.zeros((20, 7), np.float32)}, ShapeError, r"compiled for x \(N, 8\) and y \(N,\), got"),
        ({"x": np.zeros((19, 8), np.float32)}, ShapeError, "got .19, 8. and .20,"),
        ({"y": np.zeros((20, 1), int)}, ShapeError, r"y \(N,\), got .20, 8. and .20, 1."),
        ({"y": np.zeros(20)}, DtypeError, "compiled for integer y, got float64"),
        ({"order": [0, 20]}, DataError, "sample numbers from 0 to 19, got 0 to 20"),
        ({"order": [-1, 3]}, DataError, "got -1 to 3"),
        ({"order": [0.0, 1.0]}, DtypeError, "`order` must hold integers, got float64"),
        ({"order": [0, 1, 2]}, ShapeError, r"positive multiple of `batch_size` \(2\)"),
        ({"order": []}, ShapeError, "got shape .0,."),
        ({"order": [[0, 1]]}, ShapeError, "got shape .1, 2."),
        ({"batch_size": 0}, OptionError, "`batch_size` must be an integer of at least 1, got 0"),
        ({"batch_size": 2.0}, OptionError, "`batch_size` must be an integer"),
        ({"lr": -0.1}, OptionError, "`lr` must be one or 1 finite numbers, none negative, got -0.1"),
        ({"lr": [0.1, 0.1]}, OptionError, "`lr` must be one or 1 finite"),
        ({"lr": np.nan}, OptionError, r"`lr` must be .* got nan"),
    ],
)
def test_wrong_arguments_are_named(x, labels, weights, arguments, error, message):
    step = nbdl.compile_step(mlp(), example=(x, labels))
    before = weights(step.net)
    given = {"x": x[:20], "y": labels[:20], "order": [0, 1], "batch_size": 2, "lr": 0.1, **arguments}
    with pytest.raises(error, match=message):
        step.run(**given)
    assert weights(step.net) == before and step.updater.steps == 0


def test_what_cannot_be_compiled_is_named(x, labels, numbers):
    example = x, labels
    with pytest.raises(UsageError, match="the net has no parameters"):
        nbdl.compile_step(nn.Sequential(nn.ReLU()), example=example)
    with pytest.raises(OptionError, match='`threads` must be an integer > 0 or "auto", got 0'):
        nbdl.compile_step(mlp(), example=example, threads=0)
    for one in (x[:2], x, (x,), {"x": x, "y": labels}):
        with pytest.raises(UsageError, match=r"`example` must be \(x, y\), some samples and their targets"):
            nbdl.compile_step(mlp(), example=one)
    for seed in (-1, 2**63, 1.5, True, None, "a"):
        with pytest.raises(OptionError, match=r"compile_step: `seed` must be an integer from 0 to 2\^63 - 1"):
            nbdl.compile_step(mlp(), example=example, seed=seed)
        with pytest.raises(OptionError, match=r"init: `seed` must be an integer from 0 to 2\^63 - 1, got"):
            nn.init(mlp(), x, seed=seed)
    with pytest.raises(UsageError, match="did you mean adam"):
        nbdl.compile_step(mlp(), optimizer="adamm", example=example)
    with pytest.raises(UsageError, match="loss `mse` has no option `foo`"):
        nbdl.compile_step(mlp(), loss="mse", example=(x, numbers), loss_options={"foo": 1})
    with pytest.raises(ShapeError, match="`target` must have"):
        nbdl.compile_step(mlp(), loss="mse", example=(x, numbers))
    mixed = nn.Sequential(nn.init(nn.Linear(4), x, dtype="float64"), nn.Linear(3))
    with pytest.raises(DtypeError, match=r"parameters of one dtype, got .*float32.*float64"):
        nbdl.compile_step(mixed, example=example)
