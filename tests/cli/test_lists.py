"""`kernels`, `plugins`, `models`, `data`, `cache`, `doctor`."""

import json
from types import SimpleNamespace
from unittest import SkipTest

import pytest

import nbdl
from nbdl import _cache, registry, testing
from nbdl.cli import _doctor
from nbdl.errors import VerificationError


def test_a_model_of_pairs_says_so(run):
    reads = rows(run("models", "show", "seq2seq", "--format", "json"))["reads"]
    assert reads == "pairs of sentences: a file of lines, with a tab between the two languages"


def rows(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def plugins():
    """A registry with a good plugin, a broken one and one that tries to end the program."""

    def load(yields=None, raises=None):
        def load():
            if raises:
                raise raises
            module = SimpleNamespace(nbdl_optimizers=yields)
            return module

        return load

    @nbdl.hookimpl
    def nbdl_optimizers():
        yield nbdl.Optimizer("still", lambda w, dw: None)

    dist = SimpleNamespace(name="nbdl-good", version="1.2")
    entries = [
        SimpleNamespace(name="good", dist=dist, load=load(nbdl_optimizers)),
        SimpleNamespace(name="broken", dist=None, load=load(raises=ImportError("no torch"))),
        SimpleNamespace(name="exits", dist=None, load=load(raises=SystemExit(3))),
    ]
    former = registry.use(registry.Registry(entries=entries))
    yield
    registry.use(former)


def test_kernels_list(run):
    found = {row["name"]: row for row in rows(run("kernels", "list", "--format", "json"))}
    assert found["conv2d"] == {
        "name": "conv2d", "op": "conv2d", "target": "cpu", "gradients": ["x", "w", "b"], "plugin": "nbdl",
    }  # fmt: skip
    assert set(found) == set(registry.default().names("kernel"))
    assert run("kernels", "list").stdout.splitlines()[0].split()[0] == "name"


@pytest.mark.parametrize(
    "name, reads, option",
    [("mlp", "tables", "hidden"), ("googlenet", "images", "width"), ("window_lm", "text", "vocabulary")],
)
def test_models_show(run, name, reads, option):
    shown = rows(run("models", "show", name, "--format", "json"))
    assert shown["reads"].startswith(reads) and option in shown["options"] and shown["plugin"] == "nbdl"
    assert list(shown["presets"]) == list(registry.default().get("model", name).presets)
    page = run("models", "show", name).stdout
    assert f"model_options.{option}" in page and "for your " in page
    assert run("models", "show", "leent").exit_code == 2


@pytest.mark.parametrize("name", ["conv2d", "linear", "add"])
def test_kernels_show(run, name):
    shown = rows(run("kernels", "show", name, "--format", "json"))
    assert shown["call"].startswith(f"{name}(") and shown["plugin"] == "nbdl"
    assert shown["documentation"] or shown["target"] == "numpy"
    assert all(call.startswith(f"{name}_d{i}(") for i, call in shown["gradients"].items())
    page = run("kernels", "show", name).stdout
    assert page.startswith(shown["call"]) and shown["import"] in page


def test_kernels_verify(run, monkeypatch):
    def fail():
        raise VerificationError("kernel `linear`, check b: 1 is not 2")

    def skip():
        raise SkipTest("no fork here")

    twins = []
    monkeypatch.setattr(testing, "check_twin", lambda record: twins.append(record.name))
    monkeypatch.setattr(testing, "checks", lambda record: [("a", lambda: None), ("b", fail), ("c", skip)])
    result = run("kernels", "verify", "linear", "conv2d", "cumsum")
    assert result.exit_code == 6
    assert "linear: FAILED, 2 passed, 1 skipped, 1 failed\n" in result.stdout
    assert "cumsum: FAILED, 1 passed, 1 skipped, 1 failed\n" in result.stdout
    assert twins == ["linear", "conv2d"]  # cumsum has none
    assert "  kernel `linear`, check b: 1 is not 2\n" in result.stderr
    assert "error: 3 of 3 kernels failed: linear, conv2d, cumsum\n" in result.stderr
    result = run("kernels", "verify", "linear", "--format", "json")
    assert result.exit_code == 6
    assert json.loads(result.stdout) == [
        {"name": "linear", "passed": 2, "skipped": [{"check": "c", "reason": "no fork here"}],
         "failed": [{"check": "b", "error": "kernel `linear`, check b: 1 is not 2"}]}
    ]  # fmt: skip
    monkeypatch.setattr(testing, "checks", lambda record: [("a", lambda: None)])
    result = run("kernels", "verify")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == len(registry.default().names("kernel"))
    monkeypatch.setattr(testing, "check_twin", lambda record: fail())
    assert run("kernels", "verify", "relu").stdout == "relu: FAILED, 1 passed, 1 failed\n"


def test_kernels_verify_for_real(run):
    result = run("kernels", "verify", "neg", "relu")
    assert result.exit_code == 0, result.stderr
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["neg: ok", "relu: ok"]


def test_plugins_list(run, plugins):
    found = {row["name"]: row for row in rows(run("plugins", "list", "--format", "json"))}
    assert [row["state"] for row in found.values()] == ["active", "active", "broken", "broken"]
    assert found["nbdl"]["version"] == nbdl.__version__
    assert (found["good"]["distribution"], found["good"]["records"]) == ("nbdl-good", {"optimizer": 1})
    assert found["broken"]["reason"] == "ImportError: no torch" and "SystemExit" in found["exits"]["reason"]
    text = run("plugins", "list").stdout
    assert "ImportError: no torch" in text and "1 optimizer\n" in text


def test_plugins_are_blocked_by_the_option(run, plugins):
    found = rows(run("--no-plugins", "--format", "json", "plugins", "list"))
    assert all(row["state"] == "blocked" for row in found if row["name"] != "nbdl")


def test_plugins_check(run, plugins, monkeypatch):
    result = run("plugins", "check", "broken")
    assert result.exit_code == 5 and "ImportError: no torch" in result.stderr
    result = run("plugins", "check", "good")  # its update kernel has no effect
    assert result.exit_code == 5 and "does not do what it says" in result.stderr
    monkeypatch.setattr(testing, "check_plugin", lambda name: [("optimizer", "still")])
    assert run("plugins", "check", "good").stdout == "optimizer still: ok\nplugin good: ok\n"
    assert rows(run("plugins", "check", "good", "--format", "json"))["checked"] == [
        {"kind": "optimizer", "name": "still"}
    ]


def test_models_and_data(run):
    models = {row["name"]: row for row in rows(run("models", "list", "--format", "json"))}
    assert (
        next(iter(models["lenet"]["presets"])) == "digits"
        and "epochs" in models["lenet"]["presets"]["digits"]
    )
    assert "digits, mnist" in run("models", "list").stdout
    assert {row["name"] for row in rows(run("data", "list", "--format", "json"))} >= {"digits", "mnist"}
    assert "scikit-learn" in run("data", "list").stdout


def test_cache(run, monkeypatch, tmp_path):
    info = {"folder": str(tmp_path), "functions": 3, "bytes": 4_000_000}
    monkeypatch.setattr(_cache, "cache_info", lambda: info)
    monkeypatch.setattr(_cache, "cache_clear", lambda: info)
    assert rows(run("cache", "info", "--format", "json")) == info
    assert str(tmp_path) in run("cache", "info").stdout
    assert rows(run("cache", "clear", "--format", "json")) == {"deleted": info}
    assert run("cache", "clear").stdout == f"deleted 3 functions, 4.0 MB, in {tmp_path}\n"
    monkeypatch.setattr(_cache, "cache_info", lambda: info | {"folder": None})
    monkeypatch.setattr(_cache, "cache_clear", lambda: info | {"folder": None, "functions": 0, "bytes": 0})
    assert "nothing is cached" in run("cache", "info").stdout
    assert run("cache", "clear").exit_code == 0


def test_doctor(run, plugins):
    result = run("doctor", "--format", "json")
    found = {row["what"]: row for row in rows(result)}
    assert {"python", "numba", "llvmlite", "numpy", "processor", "threads", "compiler", "cache"} <= set(found)
    assert {"matplotlib", "scikit-learn", "pooch"} <= set(found)
    assert any(
        r["state"] == "warn" and "no torch" in r["text"] for r in rows(result) if r["what"] == "plugin"
    )
    assert not any(row["state"] == "fail" for row in rows(result))
    assert run("doctor").stdout.startswith("state")


def test_doctor_fails(run, monkeypatch):
    def _cache():
        raise RuntimeError("broken")

    monkeypatch.setattr(_doctor, "CHECKS", (_cache,))
    result = run("doctor")
    assert result.exit_code == 1 and "fail   cache  RuntimeError: broken" in result.stdout


def test_doctor_says_what_an_extra_gives(run, monkeypatch):
    monkeypatch.setattr(_doctor, "EXTRAS", (("no-such-package", "plot", "pictures"),))
    monkeypatch.setattr(_doctor, "CHECKS", (_doctor._extras,))
    result = run("doctor")
    assert result.exit_code == 0 and 'pip install "nbdl[plot]"' in result.stdout
