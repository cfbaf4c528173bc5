"""Data sets: registered ones by name, your own from IDX, NPZ and CSV files.

`load` returns a `Data`: two `Split`s of plain NumPy arrays, the batch first.
"""

from nbdl.data._data import Data, Split
from nbdl.data._inputs import load_inputs
from nbdl.data._load import load

__all__ = ["Data", "Split", "load", "load_inputs"]
