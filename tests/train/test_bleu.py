"""BLEU against the figures of the book's sentences, and at its ends."""

import pytest

from nbdl.errors import OptionError
from nbdl.train import bleu


@pytest.mark.parametrize(
    ("prediction", "target", "value"),
    [
        ("je perdu .", "j'ai perdu .", 0.687),
        ("il est mouill\u00e9 .", "il est calme .", 0.658),
        ("il court .", "il est calme .", 0.0),
        ("il est calme calme !", "il est calme .", 0.651),
        ("je suis en retard ?", "je suis chez moi .", 0.447),
    ],
)
def test_the_book(prediction, target, value):
    assert bleu(prediction, target) == pytest.approx(value, abs=5e-4)
    assert bleu(prediction.split(), target.split(), 2) == bleu(prediction, target)


def test_the_ends():
    assert bleu("va !", "va !") == bleu("va !", "va !", 9) == 1.0
    assert bleu("", "va !") == 0.0 and bleu("va", "") == 0.0
    assert bleu("va", "va !", 1) == pytest.approx(0.36787944)  # exp(-1): half of it is missing
    assert bleu("a a a a", "a b", 1) == pytest.approx(0.5)  # each counts as often as the target holds it
    with pytest.raises(OptionError, match="`k` must be an integer of at least 1, got 0"):
        bleu("a", "a", 0)
