"""What the tests of files and folders share: a finished run."""

import numpy as np
import pytest

from nbdl import train

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A finished run of two epochs on a small file, and that file."""
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "data.npz", x=X, y=Y)
    config = train.resolve(
        "mlp",
        overrides={
            "data": str(folder / "data.npz"), "epochs": 2, "batch_size": 10, "optimizer": "momentum",
            "model_options.hidden": [4],
        },
    )  # fmt: skip
    train.train(config, out=folder / "run")
    return folder / "run"
