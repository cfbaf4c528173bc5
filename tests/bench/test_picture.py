"""The picture of a benchmark: a bar beyond its ceiling is cut off and says its number."""

import pytest

from nbdl.bench import picture


@pytest.fixture
def axes(monkeypatch):
    """``axes(fractions)``: what is drawn for rows that reach so much of their ceilings."""
    figure = pytest.importorskip("matplotlib.figure", reason="the picture needs matplotlib")
    drawn = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *args, **options: drawn.append(self))

    def axes(*fractions):
        rows = [
            {"name": "linear", "size": "N=4", "limit": "fma", "fraction": f, "peers": {}} for f in fractions
        ]
        settings, machine = {"against": []}, {"processor": "znver5"}
        limits = [{"threads": 1, "fma": 2e11, "bandwidth": 2e10}]
        picture({"rows": rows, "settings": settings, "machine": machine, "ceilings": limits})
        return drawn[-1].axes[0]

    return axes


def test_a_bar_beyond_its_ceiling_says_its_number_and_ends(axes):
    found = axes(0.5, 1.07, 1.85)
    widths = [bar.get_width() for bar in found.patches]
    assert widths == [0.5, 1.07, 1.2]
    assert [text.get_text() for text in found.texts] == ["1.07", "1.85 (cut off)"]
    assert found.get_xlim()[1] > 1.2


def test_bars_below_their_ceilings_need_no_more(axes):
    found = axes(0.5, 0.9)
    assert not found.texts and found.get_xlim()[1] < 1.1
