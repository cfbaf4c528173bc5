import pytest

from nbdl import optim
from nbdl.errors import OptionError


def test_ends():
    assert [optim.constant(s, 10) for s in (0, 9)] == [1, 1]
    assert optim.exponential(0, 10, decay=0.1) == 1 and optim.exponential(10, 10, decay=0.1) == pytest.approx(
        0.1
    )
    assert optim.polynomial(0, 10) == 1 and optim.polynomial(5, 10, power=2) == 0.25
    assert optim.polynomial(10, 10, last=0.2) == pytest.approx(0.2)


def test_cosine_warms_up_then_comes_down():
    rates = [optim.cosine(s, 100, last=0.1, warmup=0.1) for s in range(101)]
    assert rates[0] < 0.2 and max(rates) == rates[10] == 1
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.55) and rates[100] == pytest.approx(0.1)


def test_multi_factor():
    assert [optim.multi_factor(s, 100) for s in (0, 49, 50, 75)] == pytest.approx([1, 1, 0.1, 0.01])


def test_piecewise_takes_one_factor_after_the_other():
    rates = [optim.piecewise(s, 100, factors=(1, 0.5, 2), at=(0.2, 0.6)) for s in (0, 19, 20, 59, 60, 99)]
    assert rates == [1, 1, 0.5, 0.5, 2, 2]
    with pytest.raises(OptionError, match="`factors` must be one more than `at`, got 2 and 2"):
        optim.piecewise(0, 10, factors=(1, 0.5))


def test_factor_and_square_root():
    assert [optim.factor(s, 10, factor=0.5, last=0.1) for s in range(5)] == [1, 0.5, 0.25, 0.125, 0.1]
    assert [optim.square_root(s, 10) for s in (0, 3, 15)] == [1, 0.5, 0.25]
    assert optim.square_root(300, 10, every=100) == 0.5


@pytest.mark.parametrize("steps", [1, 2, 10, 333])
def test_one_cycle_is_that_of_torch(steps):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    other = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps)
    for step in range(steps):
        assert optim.one_cycle(step, steps) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        if step < steps - 1:
            other.step()


def test_one_cycle_ends_where_it_should():
    rates = [optim.one_cycle(s, 100) for s in range(100)]
    assert rates[0] == pytest.approx(0.04) and rates[29] == 1 and rates[99] == pytest.approx(4e-6)
