"""Data sets: registered ones by name, your own from IDX, NPZ, CSV and text files.

`load` returns a `Data`: two `Split`s of plain NumPy arrays, the batch first. A `Preparation` is what a run
does to them before a net sees them. A `Vocabulary` numbers the tokens of a text.
"""

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

__all__ = [
    "Data",
    "Partition",
    "Preparation",
    "Split",
    "Vocabulary",
    "is_table",
    "k_folds",
    "label_noise",
    "lag_windows",
    "load",
    "load_inputs",
    "ngram_counts",
    "polynomial_features",
    "random_split",
    "tokenize",
    "zipf_exponent",
    "zipf_picture",
]
