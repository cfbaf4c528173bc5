"""MNIST and Fashion-MNIST, downloaded once from their public homes and checked against pinned hashes.

LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017.
"""

import dataclasses

from nbdl.data._download import downloaded
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
    files = {f"{file}.gz": sha256 for file, sha256 in zip(FILES, hashes)}
    hint = "--data with the path of an .npz file or of a folder with the four IDX files"
    return dataclasses.replace(idx(downloaded(name, home, files, hint)), name=name, about=about)
