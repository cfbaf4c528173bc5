"""The picture of the curves: what spans decades is on a logarithmic axis."""

import pytest

from nbdl.train import _plot


@pytest.mark.parametrize(
    ("values", "shares", "scale"),
    [
        ([2.3, 1.1, 0.9], False, "linear"),
        ([0.6, 3e4, 8e30], False, "log"),  # it diverges
        ([0.9, 0.01, 0.0001], False, "log"),  # it converges
        ([0.5, 0.0, 1e-9], False, "log"),  # one is zero: it is left out
        ([-1.0, 0.1, 1e6], False, "linear"),
        ([0.0, 0.0], False, "linear"),
        ([0.001, 0.9], True, "linear"),  # an accuracy
        ([0.1, 900.0], True, "log"),  # a mean absolute error
        ([float("nan"), 0.5], True, "linear"),
    ],
    ids=str,
)
def test_scale(values, shares, scale):
    assert _plot._scale(values, shares) == scale


@pytest.mark.parametrize("last", [0.5, 1e300, 0.0, float("nan")])
def test_any_history_can_be_drawn(last):
    pytest.importorskip("matplotlib")
    rows = [
        {"epoch": i + 1, "train_loss": v, "test_loss": v, "test_accuracy": v}
        for i, v in enumerate((1.0, last))
    ]
    assert _plot.curves(rows, "mlp on digits").startswith(b"\x89PNG")


def test_each_figure_has_a_panel_of_its_own():
    row = {"epoch": 1, "step": 9, "seconds": 0.1, "rate": 0.5}  # what a callback has noted is not drawn
    row |= {f"{part}_{name}": 1.0 for part in ("train", "test") for name in ("loss", "perplexity")}
    row |= {"test_accuracy": 0.5}
    assert _plot._panels(row) == {
        "loss": ["train_loss", "test_loss"],
        "perplexity": ["train_perplexity", "test_perplexity"],
        "accuracy": ["test_accuracy"],
    }
