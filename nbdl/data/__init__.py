"""Data sets: registered ones by name, your own from IDX, NPZ, CSV and text files.

`load` returns a `Data`: two `Split`s of plain NumPy arrays, the batch first. A `Preparation` is what a run
does to them before a net sees them. A `Vocabulary` numbers the tokens of a text.
"""
# ruff: noqa: F401 - the imports are the list of the public names, read by editors and by `_lazy`

from typing import TYPE_CHECKING

from nbdl import _lazy

if TYPE_CHECKING:
    from nbdl.data._data import Data, Split
    from nbdl.data._inputs import load_inputs
    from nbdl.data._label_noise import label_noise
    from nbdl.data._lags import lag_windows
    from nbdl.data._load import load
    from nbdl.data._ngrams import ngram_counts, zipf_exponent, zipf_picture
    from nbdl.data._partition import Partition
    from nbdl.data._polynomial import polynomial_features
    from nbdl.data._preparation import Preparation
    from nbdl.data._rows import is_table
    from nbdl.data._sampling import k_folds, random_split
    from nbdl.data._vocabulary import Vocabulary, tokenize

__all__, __getattr__, __dir__ = _lazy.pages(__spec__)
