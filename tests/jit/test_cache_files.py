"""The folder and the files of the cache: places, broken files, several writers."""

import ast
import os
import stat
import sys
from pathlib import Path

import numba
import pytest

from nbdl import _jit
from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
@pytest.mark.parametrize("size", [0, 20])
def test_files_that_are_cut_short_are_compiled_over(tree, suffix, size):
    assert tree.call("outer") == (20, 0)
    files = list((tree / "cache").rglob(f"*{suffix}"))
    assert files
    for file in files:
        file.write_bytes(file.read_bytes()[:size])
    assert tree.call("outer") == (20, 0)
    assert tree.call("outer") == (20, 1)


def flipped(data, place):
    """The bytes with one bit of the one at `place`, which counts round the end, turned over."""
    place %= len(data)
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def test_any_changed_byte_of_a_file_is_noticed_before_it_is_read(tmp_path):
    """A damaged pickle may do anything, damaged machine code too: the digest comes first."""
    files = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    files.save(("a",), b"code of a" * 300)
    index, code = tmp_path / files._index_name, tmp_path / files._load_index()[("a",)]
    for path, load in ((index, files._load_index), (code, lambda: files.load(("a",)))):
        whole = path.read_bytes()
        for changed in (
            *(flipped(whole, 7 * i) for i in range(600)),
            b"",
            whole[:-1],
            whole + b"x",
            whole[1:],
        ):
            path.write_bytes(changed)
            assert not load()
        path.write_bytes(whole)
        assert load()


@pytest.mark.parametrize("suffix", [".nbc", ".nbi"])
def test_files_with_a_changed_byte_are_compiled_over(tree, suffix):
    assert tree.call("outer") == (20, 0)
    for file in (tree / "cache").rglob(f"*{suffix}"):
        file.write_bytes(flipped(file.read_bytes(), file.stat().st_size // 2))
    assert tree.call("outer") == (20, 0)
    assert tree.call("outer") == (20, 1)


def test_an_empty_name_of_the_folder_is_none(tree):
    (tree / "own").mkdir(mode=0o700)
    code = "from nbdl import _cache\nprint(_cache.cache_folder())"
    for name in ("", "  "):
        said = tree.run(code, NBDL_CACHE=name, HOME=str(tree / "own"), XDG_CACHE_HOME="")
        assert Path(said.strip()).is_relative_to(tree / "own")
    assert sorted(p.name for p in tree.iterdir()) == ["alone.py", "own", "shop"]


def test_a_relative_folder_stays_the_same_when_the_current_one_changes(tree):
    (tree / "elsewhere").mkdir()
    code = "import os\nfrom nbdl import _cache\nfrom shop.outer import outer, by_module\nprint(outer(1))\n"
    code += "os.chdir('elsewhere')\nprint(by_module(1), _cache.cache_folder())"
    assert tree.run(code, NBDL_CACHE="mine") == f"20\n109 {tree / 'mine'}\n"
    assert not list((tree / "elsewhere").iterdir())
    assert stat.S_IMODE((tree / "mine").stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks no environment for the home folder")
def test_without_a_home_it_works_uncached_with_one_warning(tree, monkeypatch):
    """No HOME, and a user without an entry in the table of users, as in a container."""

    def nobody(uid):
        raise KeyError(uid)

    def homeless():
        monkeypatch.setattr("pwd.getpwuid", nobody)
        for name in ("NBDL_CACHE", "HOME", "XDG_CACHE_HOME"):
            os.environ.pop(name, None)

    value, hits, warning = tree.call("by_module", before=homeless)
    assert (value, hits) == (109, 0)
    assert warning == (
        "nbdl: compiled code is not cached in the home folder: HOME is not set, and the user has none. "
        "Set NBDL_CACHE to a private folder."
    )
    assert sorted(p.name for p in tree.iterdir()) == ["alone.py", "shop"]


def test_the_folder_is_private(tree):
    tree.call("outer")
    folders = [tree / "cache", *(p for p in (tree / "cache").iterdir() if p.is_dir())]
    assert len(folders) >= 2
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_writable_folder_it_works_uncached_with_one_warning(tree):
    (tree / "file").write_text("")
    value, hits, warning = tree.call("by_module", cache="file/cache")
    assert (value, hits) == (109, 0)
    assert "not cached in" in warning and "Set NBDL_CACHE" in warning


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners and modes here")
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_is_refused(tree, mode):
    (tree / "open").mkdir()
    (tree / "open").chmod(mode)
    value, hits, warning = tree.call("outer", cache="open")
    assert (value, hits) == (20, 0) and list((tree / "open").iterdir()) == []
    assert "can be written by other users" in warning


def test_a_disk_that_refuses_is_one_warning(tree, monkeypatch):
    def full(self, data_name, data):
        raise OSError("no space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_data", full)
    value, hits, warning = tree.call("by_module")
    assert (value, hits, warning) == (109, 0, "nbdl: compiled code is not cached: no space left on device")


def test_private_names_of_numba_that_moved_cost_the_cache_and_one_warning(tree, monkeypatch):
    monkeypatch.delattr("numba.core.caching.FunctionCache._impl_class")
    value, hits, warning = tree.call("by_module")
    assert (value, hits) == (109, 0) and "Numba's cache has changed" in warning


def test_private_names_of_numba_that_are_gone_cost_the_cache(tree):
    code = (
        "import numba.core.caching as c\ndel c._CacheLocator\nfrom shop.outer import outer\nprint(outer(1))"
    )
    assert tree.run(code) == "20\n" and not (tree / "cache").exists()


def test_info_and_clear(tree):
    tree.call("outer")
    (tree / "cache" / "mine.txt").write_text("not of the cache")
    (tree / "cache" / "my-important-project").mkdir()  # as long as the name of a fingerprint
    (tree / "cache" / "my-important-project" / "a.nbi").write_text("")
    shared = next(p for p in (tree / "cache").iterdir() if len(p.name) == 20 and "-" not in p.name)
    (shared / "note.txt").write_text("put there by someone")
    (shared / "f.nbi.tmp.0a1b").write_text("left by a process that was killed")
    (shared / "f.0a1b.nbl").write_text("a leaf")
    code = "from nbdl import _cache\na, b = _cache.cache_clear(), _cache.cache_info()\nprint(a, b, sep='\\n')"
    before, after = map(ast.literal_eval, tree.run(code).splitlines())
    assert before["functions"] == 2 and before["bytes"] > 1000  # `outer`, which has `inner` in it; a leaf
    assert after["functions"] == 0 and after["folder"] == before["folder"] == str(tree / "cache")
    left = sorted(
        p.relative_to(tree / "cache").as_posix() for p in (tree / "cache").rglob("*") if p.is_file()
    )
    assert left == sorted(["mine.txt", "my-important-project/a.nbi", f"{shared.name}/note.txt"])
    assert len(list((tree / "cache").iterdir())) == 3


def test_processes_that_save_at_once_never_take_each_others_code(tmp_path, monkeypatch):
    """Both read the index before the other has written it; then each must load its own entry, or none."""
    one, two = (_jit._Entries(str(tmp_path), "module.f-1", "stamp") for _ in range(2))
    monkeypatch.setattr(two, "_load_index", dict)  # the index as it was before `one` saved
    one.save(("int64",), "code for integers")
    two.save(("omitted",), "code for the default")
    fresh = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    assert fresh.load(("int64",)) in (None, "code for integers")
    assert fresh.load(("omitted",)) in (None, "code for the default")


def test_an_entry_under_the_wrong_name_is_not_used(tmp_path):
    files = _jit._Entries(str(tmp_path), "module.f-1", "stamp")
    files.save(("a",), "code of a")
    files.save(("b",), "code of b")
    a, b = (tmp_path / files._load_index()[k,] for k in "ab")
    a.write_bytes(b.read_bytes())
    assert files.load(("a",)) is None and files.load(("b",)) == "code of b"
