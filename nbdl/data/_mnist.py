"""MNIST and Fashion-MNIST, downloaded once from their public homes and checked against pinned hashes.

LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017.
"""

import dataclasses
from pathlib import Path

from nbdl.data._fault import fault
from nbdl.data._idx import FILES, idx

MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_SHA256 = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_SHA256 = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)


def mnist():
    """Handwritten digits, x (60000 + 10000, 1, 28, 28) in [0, 1], 10 classes."""
    return _download("mnist", MNIST, MNIST_SHA256, "handwritten digits, 28 x 28")


def fashion_mnist():
    """Pictures of clothing, x (60000 + 10000, 1, 28, 28) in [0, 1], 10 classes."""
    return _download("fashion_mnist", FASHION, FASHION_SHA256, "pictures of clothing, 28 x 28")


def _download(name, home, hashes, about):
    try:
        import pooch
    except ImportError as error:
        raise fault(
            f"{name} is downloaded with pooch, which is not installed",
            f"data set `{name}`",
            'pip install "nbdl[data]", or --data with the path of files that you have',
        ) from error
    folder = Path(pooch.os_cache("nbdl")) / "data" / name
    for file, sha256 in zip(FILES, hashes):
        try:
            pooch.retrieve(f"{home}{file}.gz", f"sha256:{sha256}", f"{file}.gz", folder)
        except (OSError, ValueError) as error:  # no network, no such page, disk full; a wrong hash
            raise fault(
                f"{name} could not be downloaded: {_reason(error)}",
                f"{home}{file}.gz, to {folder}",
                "--data with the path of an .npz file or of a folder with the four IDX files",
            ) from error
    return dataclasses.replace(idx(folder), name=name, about=about)


def _reason(error):
    """The innermost cause: what the network said, without the layers of its library."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
