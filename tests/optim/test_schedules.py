import pytest

from nbdl import optim


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
