"""How fast the kernels and the training steps are on this machine, and how fast they could be."""

from nbdl.bench._ceilings import Ceilings, ceilings
from nbdl.bench._picture import picture
from nbdl.bench._run import PEERS, rows, run

__all__ = ["PEERS", "Ceilings", "ceilings", "picture", "rows", "run"]
