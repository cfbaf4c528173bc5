"""The peer computes what ours computes: otherwise the comparison is of two different things."""

import numba
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from nbdl import nn  # noqa: E402
from nbdl.bench import _torch  # noqa: E402
from nbdl.bench._cases import kernel_cases  # noqa: E402
from nbdl.bench._measure import difference  # noqa: E402
from nbdl.bench._steps import step_cases  # noqa: E402
from nbdl.optim import Updater  # noqa: E402

COMPILED = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="the JIT is disabled: plain Python takes minutes"
)

WITHOUT = {"yogi_update", "lars_update", "lamb_update"}  # torch has no such optimizers


@pytest.mark.parametrize("case", kernel_cases(quick=True), ids=lambda case: case.name)
def test_kernels(case):
    arguments = case.arguments()
    theirs = {k: a.copy() if k in case.written else a for k, a in arguments.items()}
    forms = _torch.competitors(case, theirs, quick=True)
    before = arguments[case.written[0]].copy() if case.written else np.zeros(1)
    result = case.start(arguments)(1)
    assert not np.array_equal(result, before)
    for start in (form.start for form in forms[: 1 if case.written else None]):  # each form writes there
        assert difference(result, start()(1)) < 1e-5
    images = any(getattr(a, "ndim", 0) == 4 for a in arguments.values())
    labels = ["eager", "channels last"][: 1 + images]
    assert [form.label for form in forms] == ([] if case.name in WITHOUT else labels)


def test_a_kernel_that_torch_does_not_have():
    case = next(c for c in kernel_cases(quick=True) if c.name == "linear")
    unknown = type(case)("unknown", "", 0, case.arguments, case.written)
    assert _torch.competitors(unknown, {}, quick=True) == []


def by_the_tape(step, arguments, steps):
    """The loss after so many steps of the eager tape."""
    net = nn.init(step.build(), arguments["x"][:1], seed=0)
    updater = Updater(step.optimizer, net, lr=step.lr)
    for i in range(steps):
        rows = arguments["order"][i * step.batch :][: step.batch]
        prediction = net(arguments["x"][rows], train=nn.Train(0, i))
        loss = nn.softmax_cross_entropy(prediction, arguments["y"][rows])
        loss.backward()
        updater.step()
    return loss.data


@COMPILED
@pytest.mark.parametrize("step", step_cases(quick=True), ids=lambda step: step.name)
def test_steps(step):
    arguments = step.arguments()
    competitors = _torch.competitors(step, arguments, quick=True)
    assert [c.label for c in competitors] == ["eager"]
    loss = competitors[0].start()(step.check_after)
    if step.random:
        assert np.isfinite(loss)
    else:
        assert difference(by_the_tape(step, arguments, step.check_after), loss) < 1e-4


def test_a_net_with_branches_computes_the_same():
    net = nn.Sequential(
        nn.Conv2d(4, 3, stride=2, padding=1, bias=False), nn.BatchNorm(), nn.MaxPool2d(3, 2, 1),
        nn.Residual(nn.Conv2d(4, 3, padding=1)), nn.Concat(None, nn.Sequential(nn.Conv2d(2, 1), nn.ReLU())),
        nn.GlobalAvgPool2d(), nn.Linear(3, bias=False),
    )  # fmt: skip
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 8), np.float32)
    nn.init(net, x)
    assert difference(_torch.module(net).eval()(torch.from_numpy(x)).detach().numpy(), net(x).data) < 1e-5


def test_torch_has_the_threads_of_the_row():
    former = torch.get_num_threads()
    for threads in (2, 1):
        step = step_cases(threads, quick=True)[0]
        forms = _torch.competitors(step, {}, quick=False)
        labels = ["eager", "channels last", "compile"]
        assert torch.get_num_threads() == threads and [c.label for c in forms] == labels
    torch.set_num_threads(former)
