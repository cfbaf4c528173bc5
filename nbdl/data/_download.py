"""Public files, downloaded once by pooch and checked against pinned hashes."""

from pathlib import Path

from nbdl.data._fault import fault


def downloaded(name, home, hashes, hint):
    """The folder with the files of a data set.

    Parameters
    ----------
    name : str
        Of the data set.
    home : str
        Address of the folder that they come from.
    hashes : dict
        SHA-256 by file name.
    hint : str
        What to try where they cannot be had.
    """
    try:
        import pooch
    except ImportError as error:
        raise fault(
            f"{name} is downloaded with pooch, which is not installed",
            f"data set `{name}`",
            'pip install "nbdl[data]", or --data with the path of files that you have',
        ) from error
    folder = Path(pooch.os_cache("nbdl")) / "data" / name
    for file, sha256 in hashes.items():
        try:
            pooch.retrieve(f"{home}{file}", f"sha256:{sha256}", file, folder)
        except (OSError, ValueError) as error:  # no network, no such page, disk full; a wrong hash
            raise fault(
                f"{name} could not be downloaded: {_reason(error)}", f"{home}{file}, to {folder}", hint
            ) from error
    return folder


def _reason(error):
    """The innermost cause: what the network said, without the layers of its library."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
