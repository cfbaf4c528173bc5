"""The data sets."""

from nbdl.hookspecs import hookimpl
from nbdl.records import Dataset


@hookimpl
def nbdl_datasets():
    yield Dataset(
        "digits", "nbdl.data._digits:digits", "handwritten digits, bundled with scikit-learn; size=28 or 8"
    )
    yield Dataset(
        "fashion_mnist", "nbdl.data._mnist:fashion_mnist", "pictures of clothing, 28 x 28 (30 MB download)",
        shape=(1, 28, 28), classes=10,
    )  # fmt: skip
    yield Dataset(
        "mnist", "nbdl.data._mnist:mnist", "handwritten digits, 28 x 28 (12 MB download)",
        shape=(1, 28, 28), classes=10,
    )  # fmt: skip
    yield Dataset(
        "synthetic_regression", "nbdl.data._synthetic:synthetic_regression", "points about a known plane"
    )
    yield Dataset(
        "timemachine",
        "nbdl.data._text:timemachine",
        "text for language models, by H. G. Wells (180 kB download)",
    )
