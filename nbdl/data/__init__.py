"""Data sets: registered ones by name, your own from IDX, NPZ and CSV files.

`load` returns a `Data`: two `Split`s of plain NumPy arrays, the batch first. A `Preparation` is what a run
does to them before a net sees them.
"""

from nbdl.data._data import Data, Split
from nbdl.data._inputs import load_inputs
from nbdl.data._label_noise import label_noise
from nbdl.data._load import load
from nbdl.data._preparation import Preparation
from nbdl.data._rows import is_table

__all__ = ["Data", "Preparation", "Split", "is_table", "label_noise", "load", "load_inputs"]
