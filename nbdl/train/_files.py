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
import re
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from nbdl.data._fault import AGAIN, fault, reading
from nbdl.errors import SaveError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FORMAT = "nbdl-1"
END = ".tmp"  # of the name of a file that is being written
OURS = "a file that nbdl.save or a training run wrote"


def write(path, arrays, document):
    """Save `arrays` (by name) and `document` (JSON data) at `path`, whole or not at all."""
    arrays = {k: np.array(a, order="C") for k, a in arrays.items()}
    text = json.dumps(document, sort_keys=True, default=lambda number: number.item())  # of NumPy
    # one entry: safetensors writes several in any order, and equal contents shall be equal bytes
    label = json.dumps({"format": FORMAT, "document": text, "sha256": _digest(arrays, text)})
    try:
        data = pack(arrays, {"nbdl": label})
    except SafetensorError as error:  # the document is longer than a header can be
        raise SaveError("cannot write {}: {}", path, error) from error
    write_bytes(path, data)


def write_bytes(path, data):
    """Save bytes at `path`, whole or not at all; `SaveError` says why it could not be."""
    path, temporary = Path(path), None
    try:
        with _writing(path):
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=END)
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


@contextlib.contextmanager
def _writing(path):
    """A block that makes a temporary file beside `path`; those that a killed writer has left are removed.

    Writers share a lock on the folder, which the system takes from a process that dies. Who has it alone
    knows that no one else is writing.
    """
    folder = None
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks: nothing is removed
                folder = os.open(path.parent, os.O_RDONLY)
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left = re.compile(re.escape(f".{path.name}.") + r"\w{8}" + re.escape(END))
                    for name in filter(left.fullmatch, os.listdir(folder)):
                        os.unlink(path.with_name(name))
                fcntl.flock(folder, fcntl.LOCK_SH)
        yield
    finally:
        if folder is not None:
            os.close(folder)


def read(path, kind="model file"):
    """The arrays and the document of a file that `write` made; `DataError` if it is anything else."""
    with reading(path, f"{kind} (safetensors)", OURS):
        data = Path(path).read_bytes()
        arrays = unpack(data)
        size = int.from_bytes(data[:8], "little")
        label = json.loads(json.loads(data[8 : 8 + size]).get("__metadata__", {}).get("nbdl", "{}"))
        if not isinstance(label, dict) or label.get("format") != FORMAT:
            raise fault(f"it was not written by this version of nbdl: it is no {FORMAT} file", path, OURS)
        text = str(label.get("document", ""))
        if _digest(arrays, text) != label.get("sha256"):
            raise fault("it is damaged: its checksum does not fit its contents", path, AGAIN)
        document = json.loads(text)
        if not isinstance(document, dict):
            raise fault("it was not written by nbdl: its document is no table", path, OURS)
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
