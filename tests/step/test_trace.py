"""What a recording tells: how a net depends on the number of samples, and what cannot be a program."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, tape
from nbdl.errors import ShapeError, TapeError, UsageError
from nbdl.step import CompiledPredict, _trace
from nbdl.step._lowering import lower


def compiled(net, x, y):
    return nbdl.compile_step(net, example=(x, y))


@pytest.mark.parametrize(
    ("look", "what"),
    [
        (lambda h: float(h.sum()), r"float\(\)"),
        (lambda h: h.mean().item(), r"item\(\)"),
        (lambda h: bool(h.max()), r"bool\(\)"),
        (lambda h: bool(h.sum() > 0), "a comparison"),
        (lambda h: (h > 0).any(), "`any` of a comparison"),
        (lambda h: h[h > 0], "the values of a tensor"),
        (lambda h: np.asarray(h), "the values of a tensor"),
        (lambda h: h.__setitem__(0, 0.0), "a write to a tensor"),
    ],
)
def test_a_net_must_not_look_at_its_values(any_net, x, labels, look, what):
    def forward(net, x, train):
        h = net.a(x)
        look(h)
        return h

    line = look.__code__.co_firstlineno
    with pytest.raises(TapeError, match=rf"{what}, in test_trace\.py:{line}, while the net and its loss are"):
        compiled(any_net(forward, a=nn.Linear(3)), x, labels)


def test_a_net_must_not_look_at_its_input(any_net, x, labels):
    """What it saw would be a constant of the program."""
    net = any_net(lambda net, x, train: net.a(x) * nbdl.tape.as_tensor(x).numpy().std(), a=nn.Linear(3))
    with pytest.raises(TapeError, match=r"the values of a tensor, in test_trace\.py"):
        compiled(net, x, labels)
    assert nbdl.fit(net, (x, labels), epochs=1, compiled=False).steps == 2


def test_a_net_must_not_look_at_what_is_trained(any_net, x, labels):
    net = any_net(lambda net, x, train: net.a(x) * float(net.b.max()), a=nn.Linear(3), b=nn.Parameter("ones"))
    net.b.fill((3,))
    with pytest.raises(TapeError, match=r"float\(\), in test_trace\.py"):
        compiled(net, x, labels)


def test_a_comparison_is_part_of_the_program(any_net, twins, x, labels, shuffled):
    """Of values, and of parameters: the mask follows both."""

    def forward(net, x, train):
        h = net.a(x)
        if not net.b.ready:
            net.b.fill((3,))
        return h * (h > 0) + nbdl.where(net.b > 0, net.b, 2 * net.b) * 3.0

    make = lambda: any_net(forward, a=nn.Linear(3), b=nn.Parameter("zeros"))  # noqa: E731
    both = twins(make, x, labels, lr=0.5)
    both.agree(shuffled(5 * 20), 20, within=1e-4)
    assert (nn.state_dict(both.nets[0])["b"] > 0).any()  # it was not


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_comparisons_and_indices_have_the_dtype_of_the_net(any_net, x, dtype):
    def forward(net, x, train):
        h = net.a(x)
        mask = h > 0
        some = mask * 0.1 + mask.mean(axis=1, keepdims=True) + mask.sum(axis=1, keepdims=True) * 0.3
        return nbdl.concatenate([some, h.argmax(axis=1, keepdims=True) * 0.7, h], axis=1)

    net = nn.init(any_net(forward, a=nn.Linear(3)), x, seed=1, dtype=dtype)
    eager = net(x)
    for found in (CompiledPredict(net, x)(x), nbdl.jit_predict(net, x)(x)):
        assert found.dtype == eager.dtype == dtype
        np.testing.assert_allclose(found, eager.data, rtol=1e-5 if dtype == "float32" else 1e-12)


def test_numbers_of_another_dtype_that_the_net_computed(any_net, x):
    """They are cast where they are needed, not read as a constant of the recording."""
    wide = np.linspace(0, 1, 3)

    def forward(net, x, train):
        return net.b(nbdl.apply("astype", net.a(x), dtype="float64").mean(axis=0) * wide + net.a(x))

    net = nn.init(any_net(forward, a=nn.Linear(3), b=nn.Linear(2)), x, seed=1)
    np.testing.assert_allclose(CompiledPredict(net, x)(x), net(x).data, rtol=1e-5, atol=1e-6)


def test_the_line_that_looks_is_named(any_net, x, labels):
    def forward(net, x, train):
        h = net.a(x)
        return h if h.sum() > 0 else -h

    line = forward.__code__.co_firstlineno + 2
    with pytest.raises(TapeError, match=rf"a comparison, in test_trace.py:{line}, while"):
        compiled(any_net(forward, a=nn.Linear(3)), x, labels)
    with pytest.raises(TapeError, match=r"compiled=False"):
        nbdl.fit(any_net(forward, a=nn.Linear(3)), (x, labels), epochs=1)
    assert nbdl.fit(any_net(forward, a=nn.Linear(3)), (x, labels), epochs=1, compiled=False).steps == 2


def test_a_branch_that_only_large_minibatches_take_is_seen(any_net, x, labels):
    def forward(net, x, train):
        h = net.a(x)
        return h if x.shape[0] < 100 else h * 2.0

    net = any_net(forward, a=nn.Linear(3))
    with pytest.raises(TapeError, match=r"for 3 samples and `mul`, in test_trace.py:\d+, for 200"):
        compiled(net, x, labels)
    with pytest.raises(TapeError, match=r"and `mul`, in .* for 128"):
        nbdl.fit(net, (x, labels), epochs=1, batch_size=128)
    assert nbdl.fit(net, (x, labels), epochs=1, batch_size=50).steps == 4


def test_a_net_must_not_choose_kernels_by_the_number_of_samples(any_net, x, labels):
    def forward(net, x, train):
        h = net.a(x)
        return h if x.shape[0] % 5 else h * 2.0

    line = forward.__code__.co_firstlineno + 2
    net = any_net(forward, a=nn.Linear(3))
    with pytest.raises(TapeError, match=rf"for 3 samples and `mul`, in test_trace.py:{line}, for 5"):
        compiled(net, x, labels)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda net, x, train: net.a(x) * float(x.shape[0] ** 2), "a number, in .* no multiple"),
        (lambda net, x, train: net.a(x) + np.full((len(x), 1), len(x), "f4"), "an array that depends on"),
        (lambda net, x, train: net.a(x) + np.arange(len(x))[:, None], "an array that depends on"),
        (lambda net, x, train: net.a(x).reshape(-1), r"shapes .* are not of the form \(samples, \.\.\.\)"),
        (lambda net, x, train: net.a(x)[: x.shape[0] - 1], r"`index` of `getitem`, in test_trace.py"),
    ],
)  # fmt: skip
def test_other_dependence_on_the_number_of_samples_is_refused(any_net, x, labels, forward, message):
    net = nn.init(any_net(forward, a=nn.Linear(3)), x)
    with pytest.raises(TapeError, match=message):
        _trace.trace(net, (x, None), np.float32)


def test_an_array_with_the_same_rows_for_all_samples_is_a_constant(any_net, x):
    """That of one sample; in another recording it must be the same again."""
    net = any_net(lambda net, x, train: net.a(x) + np.tile([1.0, 2.0, 3.0], (len(x), 1)), a=nn.Linear(3))
    graph = _trace.trace(nn.init(net, x), (x, None), np.float32)
    (value,) = [v for v in graph.values if v.source == "constant"]
    assert value.batched and value.shape == (3,) and value.array.tolist() == [1, 2, 3]
    other = any_net(lambda net, x, train: net.a(x) + np.full((len(x), 1), len(x) > 64), a=net.a)
    with pytest.raises(TapeError, match=r"`add` for 200 samples does not follow from that for 3 and 5"):
        _trace.trace(other, (x, None), np.float32)


@pytest.mark.parametrize(
    "factor", [lambda n: 1 / n, lambda n: 3.0 / n, lambda n: n / 64, lambda n: float(n), lambda n: n]
)
def test_numbers_may_be_multiples_and_fractions_of_the_samples(twins, any_net, x, labels, shuffled, factor):
    def forward(net, x, train):
        h = net.a(x)
        return h + h.sum(axis=0) * factor(x.shape[0]) * (0.01 / x.shape[0])

    both = twins(lambda: any_net(forward, a=nn.Linear(3)), x, labels)
    both.agree(shuffled(5 * 20), 20)
    both.agree(shuffled(5 * 7), 7)


@pytest.mark.parametrize(
    ("loss", "allowed", "refused"),
    [
        (lambda p, y: p.sum() / max(len(p), 2), 2, 1),
        (lambda p, y: p.sum() / min(len(p), 6), 6, 16),
        (lambda p, y: p[:3].sum(), 3, 2),
        (lambda p, y: p[1:3].sum(), 4, 1),
    ],
)
def test_what_counts_samples_is_looked_at_again_for_each_size(x, labels, loss, allowed, refused):
    """Recordings of 3 and 5 samples do not tell it: a wrong number would come out."""
    net = nn.init(nn.Linear(3), x)
    step = nbdl.compile_step(net, loss, example=(x[:4], labels[:4]), lr=0.0)
    expected = loss(net(x[:allowed]), None).item()
    assert step(x[:allowed], labels[:allowed]) == pytest.approx(expected, rel=1e-5)
    weights = net.w.data.copy()
    with pytest.raises(TapeError, match=rf"in test_trace.py:\d+: .* for {refused} samples does not follow"):
        step(x[:refused], labels[:refused])
    assert np.array_equal(net.w.data, weights)


def test_a_value_that_nobody_needs_is_not_computed(any_net, x, labels):
    net = any_net(lambda net, x, train: (net.b(net.a(x)), net.a(x))[1], a=nn.Linear(3), b=nn.Linear(4))
    step = compiled(net, x, labels)
    assert [node.record.name for node in step.graph.nodes] == ["linear", "softmax_cross_entropy"]
    assert set(step.gradients) == {"a.w", "a.b"}


def test_the_result_must_be_computed(any_net, x, labels):
    with pytest.raises(TapeError, match="no kernel computed"):
        nbdl.jit_predict(any_net(lambda net, x, train: x), x)
    aside = any_net(lambda net, x, train: nn.ReLU()(x[:, :3]), a=nn.init(nn.Linear(3), x))
    with pytest.raises(UsageError, match="the loss depends on no parameter"):
        compiled(aside, x, labels)


def test_a_loss_must_be_one_number(plugin, any_net, x, numbers):
    plugin(losses=[nbdl.Loss("each", lambda prediction, target: (prediction - target) * 2.0)])
    with pytest.raises(ShapeError, match=r"loss `each` must be one number, got an array of shape \(N, 2\)"):
        nbdl.compile_step(nn.Sequential(nn.Linear(2)), loss="each", example=(x, numbers))


def test_data_may_be_read_as_integers_and_as_floats(plugin, x, labels):
    def both(prediction, target):
        return nn.softmax_cross_entropy(prediction, target) + tape.cast(target, np.float32).mean()

    plugin(losses=[nbdl.Loss("both", both)])
    net = nn.init(nn.Sequential(nn.Linear(3)), x)
    wanted = both(net(x), labels).item()
    step = nbdl.compile_step(net, loss="both", example=(x, labels))
    assert step(x, labels, lr=0.0) == pytest.approx(wanted, rel=1e-6)


def test_no_kernel_runs_while_a_net_is_traced(monkeypatch, x, labels):
    """The twins say what comes out: tracing compiles nothing."""
    from nbdl import registry

    net = nn.init(nn.Sequential(nn.Linear(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3)), x)
    record = registry.kernel("linear")
    forward = tape._forward
    monkeypatch.setattr(tape, "_forward", lambda record: (None, *forward(record)[1:]))  # it has no kernel
    graph = _trace.trace(net, (x, labels), np.float32, nn.softmax_cross_entropy)
    assert record.lanes and not any(form.python for form in lower(graph).values())


def test_a_last_axis_of_one_is_a_view():
    """Targets (N,) beside a prediction (N, 1): nothing of the step is left to Python."""
    x = np.zeros((7, 3))
    for y in (np.zeros(7), np.zeros((7, 1))):
        step = nbdl.compile_step(nn.Sequential(nn.Linear(1)), "mse", example=(x, y))
        assert step.program.native and step.run(x, y, np.arange(7), 7).shape == (1,)


def test_a_shape_error_names_no_size_of_the_recording():
    """Sizes that follow the number of samples are N; those that happen to be 3 or 5 stay."""
    x, y = np.zeros((7, 3)), np.zeros((7, 5))
    with pytest.raises(ShapeError, match=r"prediction \(N, 3\), got \(N, 5\)"):
        _trace.trace(nn.init(nn.Sequential(nn.Linear(3)), x), (x, y), np.float32, nn.mse)
