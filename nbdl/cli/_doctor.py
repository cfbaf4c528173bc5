"""``nbdl doctor``: is this installation sound, and what would an extra bring?"""

import importlib.metadata
import platform
import sys
import time
import warnings

import click

from nbdl._cores import cores
from nbdl.cli._output import common_options, emit, table

LIBRARIES = ("numba", "llvmlite", "numpy", "pluggy", "click", "rich", "safetensors", "platformdirs")
EXTRAS = (
    ("matplotlib", "plot", "the picture of the curves of a run"),
    ("scikit-learn", "data", "the data set `digits`"),
    ("pooch", "data", "downloads of `mnist` and `fashion_mnist`"),
)
WIDTHS = (("avx512f", 512), ("avx2", 256), ("avx", 256), ("sse2", 128), ("neon", 128))


@click.command()
@common_options
def doctor():
    """Check this installation: one line for each thing, ok, warn or fail; exit code 1 if one fails."""
    rows = [row for check in CHECKS for row in _guarded(check)]
    fields = [dict(zip(("state", "what", "text"), row)) for row in rows]
    emit(fields, lambda: table(["state", "what", ""], rows))
    if any(state == "fail" for state, _, _ in rows):
        click.get_current_context().exit(1)


def _guarded(check):
    """The rows of a check; whatever it raises is a failed row."""
    name = check.__name__.strip("_")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = list(check())
    except Exception as error:
        return [("fail", name, f"{type(error).__name__}: {error}")]
    return rows + [("warn", name, str(w.message)) for w in caught]


def _python():
    state = "ok" if sys.version_info >= (3, 11) else "fail"
    yield state, "python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"


def _libraries():
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
            yield "ok", name, importlib.metadata.version(name)
        except Exception as error:  # a broken installation raises anything
            yield "fail", name, f"cannot be imported: {type(error).__name__}: {error}"


def _processor():
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    width = next((bits for name, bits in WIDTHS if features.get(name)), None)
    text = f"{llvm.get_host_cpu_name()}, vectors of {width or 'unknown'} bits"
    yield "ok" if width else "warn", "processor", text
    yield "ok", "threads", f"{cores()} usable"


def _compiler():
    import numba

    if numba.config.DISABLE_JIT:
        yield "warn", "compiler", "switched off by NUMBA_DISABLE_JIT: kernels run as plain Python"
        return
    start = time.perf_counter()
    compiled = numba.njit(lambda x: x + 1)
    state = "ok" if compiled(1) == 2 else "fail"
    yield state, "compiler", f"works; {time.perf_counter() - start:.1f} s for a function of one line"


def _cache():
    from nbdl import _cache

    found = _cache.cache_info()
    if found["folder"] is None:
        yield "warn", "cache", "no folder can be used: kernels are compiled in every process. Set NBDL_CACHE"
    else:
        size = f"{found['functions']} functions, {found['bytes'] / 1e6:.1f} MB"
        yield "ok", "cache", f"{found['folder']} can be written; {size}"


def _extras():
    for name, extra, gives in EXTRAS:
        try:
            yield "ok", name, f"{importlib.metadata.version(name)}: {gives}"
        except importlib.metadata.PackageNotFoundError:
            yield "warn", name, f'not installed; gives {gives}: pip install "nbdl[{extra}]"'


def _plugins():
    from nbdl import registry

    for plugin in registry.default().plugins():
        where = f"{plugin.distribution} {plugin.version}".strip()
        text = f"{plugin.name} ({where}) is {plugin.state}" if where else f"{plugin.name} is {plugin.state}"
        yield "warn" if plugin.state == "broken" else "ok", "plugin", f"{text}: {plugin.reason}".rstrip(": ")


CHECKS = (_python, _libraries, _processor, _compiler, _cache, _extras, _plugins)
