"""IDX files, the format of MNIST: a big-endian header, then the numbers.

Bytes 0 and 1 are zero, byte 2 codes the dtype, byte 3 is the number of dimensions; then each size as a
32-bit integer. Files may be compressed with gzip. LeCun, Cortes and Burges, The MNIST database.
"""

import gzip
import math
import re

import numpy as np

from nbdl.data._data import check_task, from_splits
from nbdl.data._fault import AGAIN, check_size, fault, reading

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx\d-ubyte(\.gz)?")
_INFLATION = 1040  # deflate never compresses better than 1032 to 1


def is_idx(path):
    """Whether the file's name is one of the four of an MNIST-like data set."""
    return _NAME.fullmatch(path.name) is not None


def idx(path, task=None):
    """Read the four IDX files of an MNIST-like data set.

    Parameters
    ----------
    path : Path
        The folder that holds them, or one of them: ``train-images-idx3-ubyte`` (also with ``.gz``, also
        with a dot for the second dash), ``train-labels-...``, ``t10k-images-...``, ``t10k-labels-...``.
    task : {"classification", "regression"}, optional
        What the targets are; without it integers are labels.
    """
    check_task(task)
    folder = path if path.is_dir() else path.parent
    files = [_find(folder, name) for name in FILES]
    arrays = [read_idx(file) for file in files]
    return from_splits(folder.resolve().name, arrays[:2], arrays[2:], files, task, f"IDX files of {folder}")


def _find(folder, name):
    names = [name, name.replace("-idx", ".idx")]
    for candidate in (folder / (n + end) for n in names for end in ("", ".gz")):
        if candidate.is_file():
            return candidate
    raise fault(
        f"the file {name} (or {name}.gz) is missing",
        folder,
        f"a folder with the four files {', '.join(FILES)}, or an .npz or .csv file",
    )


def read_idx(path):
    """The array of one IDX file, plain or gzipped."""
    compressed = path.suffix == ".gz"
    with reading(path, "IDX file"):
        with gzip.open(path) if compressed else open(path, "rb") as file:
            header = file.read(4)
            if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in DTYPES or not 0 < header[3] < 9:
                raise fault(
                    f"it is not an IDX file: it starts with {header.hex(' ') or 'nothing'}",
                    path,
                    "a file whose name and contents are as published, unpacked or gzipped",
                )
            dtype, sizes = np.dtype(DTYPES[header[2]]), file.read(4 * header[3])
            shape = tuple(int(n) for n in np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4"))
            n = math.prod(shape) * dtype.itemsize
            # the promised size is checked before that much memory is asked for
            room = path.stat().st_size * (_INFLATION if compressed else 1)
            if n <= room:
                check_size(n, path)
            data = file.read(n + 1) if n <= room else b""
        if len(shape) != header[3] or len(data) != n:
            what = "longer than" if len(data) > n else "cut short of"
            raise fault(f"it is {what} the {n} bytes that its header promises (shape {shape})", path, AGAIN)
        return np.frombuffer(data, dtype).astype(dtype.newbyteorder("=")).reshape(shape)
