"""Files of numbers: safetensors behind our own contiguity, checksum and fsync layer.

A file holds arrays and one JSON document, never code. It is written beside its final place, flushed to the
disk, read back, and renamed: an interrupted or failed save leaves the old file as it was. The safetensors
writer stores wrong values for arrays that are not C-contiguous and notices no flipped byte when reading;
both are prevented here.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from nbdl.errors import DataError, SaveError

FORMAT = "nbdl-1"


def write(path, arrays, document):
    """Save `arrays` (by name) and `document` (JSON data) at `path`, whole or not at all."""
    arrays = {k: np.array(a, order="C") for k, a in arrays.items()}
    text = json.dumps(document, sort_keys=True, default=lambda number: number.item())  # of NumPy
    # one entry: safetensors writes several in any order, and equal contents shall be equal bytes
    label = json.dumps({"format": FORMAT, "document": text, "sha256": _digest(arrays, text)})
    data = pack(arrays, {"nbdl": label})
    write_bytes(path, data)


def write_bytes(path, data):
    """Save bytes at `path`, whole or not at all; `SaveError` says why it could not be."""
    path, temporary = Path(path), None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if Path(temporary).read_bytes() != data:
            raise OSError("what was read back differs from what was written")
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise SaveError("cannot write {}: {}; the former file, if any, is unchanged", path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def read(path):
    """The arrays and the document of a file that `write` made; `DataError` if it is anything else."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError("cannot read {}: {}", path, error.strerror or error) from error
    try:
        arrays = unpack(data)
        size = int.from_bytes(data[:8], "little")
        label = json.loads(json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("nbdl", "{}"))
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError("{} is no safetensors file, or it is cut short: {}", path, error) from error
    if not isinstance(label, dict) or label.get("format") != FORMAT:
        raise DataError("{} was not written by this version of nbdl: it is no {} file", path, FORMAT)
    text = str(label.get("document", ""))
    if _digest(arrays, text) != label.get("sha256"):
        raise DataError("{} is damaged: its checksum does not fit its contents", path)
    document = json.loads(text)
    if not isinstance(document, dict):
        raise DataError("{} was not written by nbdl: its document is no table", path)
    return arrays, document


def _digest(arrays, text):
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        a = arrays[name]
        digest.update(f"{name}\0{a.dtype.str}\0{a.shape}\0".encode())
        digest.update(a.tobytes())
    return digest.hexdigest()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder):
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
