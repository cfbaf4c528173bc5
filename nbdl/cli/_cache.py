"""``nbdl cache``: the folder of compiled code."""

import click

from nbdl.cli._output import common_options, emit, pairs


@click.group()
@common_options
def cache():
    """Compiled code is kept on disk and found again by the next process, until its sources change."""


@cache.command()
@common_options
def info():
    """Show the folder and what is in it. NBDL_CACHE in the environment names another folder."""
    from nbdl import _cache

    found = _cache.cache_info()
    emit(found, lambda: _report(found))


@cache.command()
@common_options
def clear():
    """Delete all compiled code of nbdl."""
    from nbdl import _cache

    found = _cache.cache_clear()
    emit(
        {"deleted": found},
        lambda: (
            f"deleted {found['functions']} functions, {found['bytes'] / 1e6:.1f} MB, in {found['folder']}"
        ),
    )


def _report(found):
    if found["folder"] is None:
        return "no folder can be used: nothing is cached"
    return pairs(
        [
            ("folder", found["folder"]),
            ("functions", found["functions"]),
            ("size", f"{found['bytes'] / 1e6:.1f} MB"),
        ]
    )
