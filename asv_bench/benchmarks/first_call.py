import os
import subprocess
import sys

import numpy as np

from . import kernel, normal

# What a fresh process has done before the clock starts: imports and data. Nothing is compiled at import.
PREPARE = """
import os, tempfile
{cache}
import numba, numpy as np
from nbdl import kernels
x, w = np.ones((2, 3, 8, 8), np.float32), np.ones((4, 3, 3, 3), np.float32)
dy = np.ones((2, 4, 6, 6), np.float32)
"""
CALLS = {
    "conv2d": "kernels.conv2d(x, w)",
    "conv2d_backward": "kernels.conv2d_backward(dy, x, w)",
    "from njit": "numba.njit(lambda x, w: kernels.conv2d(x, w))(x, w)",
}


def prepare(cache):
    return PREPARE.format(cache=cache)


class FirstCall:
    """The first call in a fresh process, on tiny arrays: compiling (cold) or loading from disk (cached)."""

    params = tuple(CALLS)
    param_names = ("call",)
    repeat = (1, 3, 30.0)
    timeout = 300

    def setup_cache(self):
        """A folder, in asv's temporary one, with all that the calls compile."""
        folder = os.path.abspath("compiled")
        os.mkdir(folder, mode=0o700)
        source = prepare("") + "\n".join(CALLS.values())
        subprocess.run([sys.executable, "-c", source], check=True, env=os.environ | {"NBDL_CACHE": folder})
        return folder

    def timeraw_cold(self, folder, call):
        # the object deletes its folder when the process ends
        fresh = "folder = tempfile.TemporaryDirectory(); os.environ['NBDL_CACHE'] = folder.name"
        return CALLS[call], prepare(fresh)

    def timeraw_cached(self, folder, call):
        return CALLS[call], prepare(f"os.environ['NBDL_CACHE'] = {folder!r}")


class Cores:
    """How often the core of conv2d is compiled in ordinary use: once for each dtype, whatever the options."""

    unit = "compiled cores"

    def track_conv2d(self):
        conv2d = kernel("conv2d")
        from nbdl.kernels.convolution.conv2d import _conv2d

        for dtype in ("float32", "float64"):
            x, w, b = normal(2, 4, 8, 8, dtype=dtype), normal(6, 4, 3, 3, dtype=dtype), normal(6, dtype=dtype)
            frozen = x.copy()
            frozen.flags.writeable = False
            conv2d(x, w)
            conv2d(x, w, b, 2, 1)
            conv2d(x, w, stride=(1, 2), padding=(1, 0), dilation=(2, 1))
            conv2d(x, w, padding=(1, 0, 2, 1), out=np.empty((2, 6, 7, 9), dtype))
            conv2d(x, w[:, :2], groups=2)
            conv2d(frozen, w)
            conv2d(x[:, :, ::-1, ::2], np.asfortranarray(w))
        return len(_conv2d.inner().signatures)
