"""Names and where they come from: sound and broken plugins, near names, swaps."""

import itertools
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

import nbdl
from nbdl import registry
from nbdl.errors import PluginError, UsageError
from nbdl.records import Estimator, Kernel, Layer, Loss, Measure, Model, Optimizer, resolve
from nbdl.registry import Registry


def module(**hooks):
    """A module-like plugin: hook name -> its records, or a function that yields them."""
    space = SimpleNamespace()
    for name, records in hooks.items():
        function = records if callable(records) else (lambda r=records: iter(r))
        function.__name__ = name
        setattr(space, name, nbdl.hookimpl(function))
    return space


def entry(name, load=None, distribution=("dist", "1.0"), **hooks):
    """A fake entry point."""
    dist = SimpleNamespace(name=distribution[0], version=distribution[1]) if distribution else None
    return SimpleNamespace(name=name, dist=dist, load=load or (lambda: module(**hooks)))


def plugin(registry, name):
    return next(p for p in registry.plugins() if p.name == name)


def optimizer(name, update="nowhere:update"):
    return Optimizer(name, update)


@pytest.fixture
def use():
    """Put a registry with these entries in use for one test."""
    former = registry._current

    def start(*entries, **options):
        registry.use(Registry(entries=list(entries), **options))
        return registry.default()

    yield start
    registry.use(former)


# --- asking -----------------------------------------------------------------------------------------------


def test_a_plugin_is_found_by_its_bare_and_by_its_full_name():
    lion = optimizer("lion")
    r = Registry(entries=[entry("zoo", nbdl_optimizers=[lion])])
    assert r.get("optimizer", "lion") is r.get("optimizer", "zoo.lion") is lion
    assert r.names("optimizer")[-1] == "zoo.lion"
    owner = r.owner("optimizer", "lion")
    assert (owner.name, owner.distribution, owner.version, owner.state) == ("zoo", "dist", "1.0", "active")
    assert r.owner("kernel", "linear").name == "nbdl"


def test_a_builtin_wins_over_the_bare_name_of_a_plugin():
    mine = Kernel("linear", "nowhere:linear")
    r = Registry(entries=[entry("fast", nbdl_kernels=[mine])])
    assert r.owner("kernel", "linear").name == "nbdl"
    assert r.get("kernel", "fast.linear") is mine


def test_a_bare_name_of_two_plugins_is_ambiguous():
    r = Registry(entries=[entry(n, nbdl_optimizers=[optimizer("lion")]) for n in ("zoo", "ark")])
    with pytest.raises(UsageError, match=r"optimizer `lion` is ambiguous: say ark\.lion or zoo\.lion"):
        r.get("optimizer", "lion")
    assert r.get("optimizer", "ark.lion") is not r.get("optimizer", "zoo.lion")


def test_an_unknown_name_says_what_is_near_and_what_exists():
    r = Registry(entries=[entry("zoo", nbdl_optimizers=[optimizer("lion")])])
    with pytest.raises(UsageError) as caught:
        r.get("kernel", "liner")
    assert "unknown kernel `liner`; did you mean linear" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        r.get("optimizer", "loin")
    assert "did you mean zoo.lion?" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        r.get("optimizer", "xyzzy")
    assert "did you mean" not in str(caught.value) and "zoo.lion" in str(caught.value)


def test_an_unknown_name_says_which_plugins_could_not_be_loaded():
    def load():
        raise ImportError("no module named lionlib")

    r = Registry(entries=[entry("zoo", load)])
    with pytest.raises(
        UsageError, match=r"could not be loaded: zoo \(ImportError: no module named lionlib\)"
    ):
        r.get("optimizer", "lion")


def test_listing_names_loads_no_code():
    r = Registry(entries=[entry("zoo", nbdl_optimizers=[optimizer("lion", "never_imported:f")])])
    assert "zoo.lion" in r.names("optimizer")
    assert "never_imported" not in sys.modules


def test_a_builtin_name_imports_no_plugin():
    def load():
        raise AssertionError("the plugin was imported")

    r = Registry(entries=[entry("zoo", load)])
    assert r.get("kernel", "linear").name == "linear"
    assert r._plugins is None


def test_what_is_installed_is_found_by_its_entry_point(tmp_path):
    """The real thing: a distribution on the path, in a fresh process."""
    hook = "@nbdl.hookimpl\ndef nbdl_optimizers():\n    yield nbdl.Optimizer('lion', 'zoo:update')\n"
    (tmp_path / "zoo.py").write_text("import nbdl\n" + hook)
    info = tmp_path / "nbdl_zoo-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nbdl-zoo\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[nbdl]\nzoo = zoo\n")
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
from nbdl import registry
p = registry.default().owner("optimizer", "lion")
print(p.name, p.distribution, p.version, p.state)
"""
    options = {"capture_output": True, "text": True, "timeout": 1800, "check": True}
    run = subprocess.run([sys.executable, "-c", code], **options)
    assert run.stdout.split() == ["zoo", "nbdl-zoo", "2.0", "active"]


@pytest.mark.parametrize(
    ("points", "metadata", "name", "reason"),
    [
        (b"[nbdl]\n\xff = json\n", b"Name: b\n", "b-1.0", "its entry_points.txt cannot be read: Unicode"),
        (b"[nbdl]\nb = json\n[nonsense", b"Name: b\n", "b-1.0", "its entry_points.txt cannot be read: "),
        (b"[nbdl]\nb =\n", b"Name: b\n", "b", "AttributeError"),
        (b"[nbdl]\nb = nowhere_at_all\n", b"\xff\xfe", "b", "ModuleNotFoundError"),
        (b"[nbdl]\nb = nowhere_at_all\n", None, "b", "ModuleNotFoundError"),
    ],
)
def test_a_damaged_distribution_is_a_broken_plugin_and_others_work(
    tmp_path, monkeypatch, points, metadata, name, reason
):
    monkeypatch.syspath_prepend(tmp_path)
    for folder, text in (("b-1.0", points), ("zoo-2.0", b"[nbdl]\nzoo = p_zoo\n")):
        (tmp_path / f"{folder}.dist-info").mkdir()
        (tmp_path / f"{folder}.dist-info" / "entry_points.txt").write_bytes(text)
    if metadata is not None:
        (tmp_path / "b-1.0.dist-info" / "METADATA").write_bytes(metadata)
    (tmp_path / "zoo-2.0.dist-info" / "METADATA").write_text("Name: zoo\nVersion: 2.0\n")
    (tmp_path / "p_zoo.py").write_text("")
    r = Registry(allowed=[name, "zoo"])
    assert plugin(r, name).state == "broken" and reason in plugin(r, name).reason
    assert plugin(r, "zoo").state == "active" and plugin(r, "zoo").version == "2.0"


# --- plugins that fail --------------------------------------------------------------------------------------


def raising(error):
    def load():
        raise error

    return load


def hook_that_raises_midway():
    yield optimizer("first")
    raise ZeroDivisionError("in the hook")


def hook_that_raises_midway_with(kind):
    def hook():
        raise kind
        yield

    return hook


def endless():
    for i in itertools.count():
        yield optimizer(f"o{i}")


def returns_nothing():
    pass


BROKEN = {
    "import error": (
        entry("bad", raising(ModuleNotFoundError("No module named 'x'"))),
        "No module named 'x'",
    ),
    "syntax error": (entry("bad", lambda: compile("def f(:", "bad.py", "exec")), "SyntaxError"),
    "exit": (entry("bad", lambda: sys.exit(3)), "SystemExit: 3"),
    "interrupt": (entry("bad", raising(KeyboardInterrupt())), "KeyboardInterrupt"),
    "base exception": (entry("bad", raising(BaseException("base"))), "BaseException: base"),
    "generator exit": (entry("bad", raising(GeneratorExit())), "GeneratorExit"),
    "interrupt in a hook": (
        entry("bad", nbdl_optimizers=hook_that_raises_midway_with(KeyboardInterrupt)),
        "KeyboardInterrupt",
    ),
    "exit in a hook": (entry("bad", nbdl_losses=hook_that_raises_midway_with(SystemExit)), "SystemExit"),
    "endless hook": (
        entry("bad", nbdl_optimizers=endless),
        "`nbdl_optimizers` yields more than 10000 records",
    ),
    "exit without code": (entry("bad", lambda: sys.exit()), "SystemExit"),
    "hook": (entry("bad", nbdl_optimizers=hook_that_raises_midway), "ZeroDivisionError: in the hook"),
    "no generator": (entry("bad", nbdl_optimizers=returns_nothing), "must yield Optimizer records, got None"),
    "unknown hook": (
        entry("bad", nbdl_optimisers=[optimizer("o")]),
        "unknown hook `nbdl_optimisers`; did you mean nbdl_optimizers?",
    ),
    "far hook": (entry("bad", nbdl_zzz=[]), "unknown hook `nbdl_zzz`"),
    "argument": (entry("bad", nbdl_optimizers=lambda registry: [optimizer("o")]), "registry"),
    "wrong record": (entry("bad", nbdl_optimizers=[Layer("o", "m:f")]), "must yield Optimizer records"),
    "no record": (entry("bad", nbdl_optimizers=["lion"]), "must yield Optimizer records, got 'lion'"),
    "twice": (
        entry("bad", nbdl_optimizers=[optimizer("o"), optimizer("o")]),
        "optimizer `o` is offered twice",
    ),
}


@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_set_aside_with_its_reason(broken, reason):
    r = Registry(entries=[broken, entry("good", nbdl_optimizers=[optimizer("lion")])])
    bad = plugin(r, "bad")
    assert bad.state == "broken" and reason in bad.reason
    assert bad.records == {} and bad.distribution == "dist"
    assert r.get("optimizer", "lion") and plugin(r, "good").state == "active"
    assert "bad" not in " ".join(r.names("optimizer"))


class Mute(Exception):
    def __str__(self):
        raise ZeroDivisionError


MALFORMED = {
    "name": (
        "nbdl_losses",
        Loss(None, "m:f"),
        "`name` of a Loss must be text without dots or spaces, got None",
    ),
    "dot": ("nbdl_losses", Loss("a.b", "m:f"), "got 'a.b'"),
    "space": ("nbdl_losses", Loss("a b", "m:f"), "got 'a b'"),
    "code": ("nbdl_losses", Loss("a", 3), "Loss `a`: `compute` must be callable or"),
    "tuple": ("nbdl_losses", Loss("a", "m:f", metrics="accuracy"), "`metrics` must be a tuple of names"),
    "grads": ("nbdl_kernels", Kernel("a", "m:f", grads=None), "`grads` must be a mapping from names to code"),
    "presets": (
        "nbdl_models",
        Model("a", "m:f", presets=None),
        "`presets` must be a mapping from names to map",
    ),
    "preset": ("nbdl_models", Model("a", "m:f", presets={"digits": None}), "`presets` must be a mapping"),
    "tolerance": ("nbdl_kernels", Kernel("a", "m:f", tolerance={"float32": "1"}), "names to numbers"),
    "measures": (
        "nbdl_estimators",
        Estimator("a", "mixed", measures=None),
        "Estimator `a`: `measures` must be a mapping from names to code",
    ),
    "inputs": ("nbdl_measures", Measure("a", "m:f", inputs="xy"), "`inputs` must be a tuple of names"),
    "text": ("nbdl_models", Model("a", "m:f", about=None), "`about` must be text, got None"),
}


@pytest.mark.parametrize(("hook", "record", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_record_breaks_its_plugin_alone(hook, record, reason):
    r = Registry(entries=[entry("bad", **{hook: [record]})])
    bad = plugin(r, "bad")
    assert bad.state == "broken" and reason in bad.reason and bad.records == {}
    assert r.names("model") and r.names("kernel")


@pytest.mark.parametrize(
    ("data", "measures", "reason"),
    [
        ("counts", {}, '`data` must be "discrete", "continuous" or "mixed", got \'counts\''),
        ("discrete", {}, r"must offer `entropy` alone, got \[\]"),
        ("discrete", {"mutual_information": "m:f"}, r"must offer `entropy` alone, got \['mutual_inf"),
    ],
)
def test_an_estimator_of_no_kind_breaks_its_plugin(data, measures, reason):
    def hook():
        yield Estimator("a", data, measures)

    r = Registry(entries=[entry("bad", nbdl_estimators=hook)])
    assert plugin(r, "bad").state == "broken" and re.search(reason, plugin(r, "bad").reason)


def test_an_error_without_a_text():
    r = Registry(entries=[entry("bad", raising(Mute()))])
    assert plugin(r, "bad").reason == "Mute: (its text cannot be had: ZeroDivisionError)"


def test_what_a_plugin_prints_is_no_result(capsys):
    r = Registry(entries=[entry("loud", lambda: print("hello") or module())])
    assert plugin(r, "loud").state == "active"
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("p_exits:f", "`p_exits:f` could not be imported: SystemExit: 0"),
        ("p_interrupts:f", "`p_interrupts:f` could not be imported: KeyboardInterrupt"),
        (
            "p_missing:f",
            "`p_missing:f` could not be imported: ModuleNotFoundError: No module named 'p_missing'",
        ),
        ("nbdl.nn:Linea", "`nbdl.nn:Linea` could not be imported: AttributeError"),
        ("nbdl.nn", "`nbdl.nn` could not be imported: "),
    ],
)
def test_code_that_cannot_be_imported_is_an_error_of_its_plugin(tmp_path, monkeypatch, code, reason):
    (tmp_path / "p_exits.py").write_text("raise SystemExit(0)")
    (tmp_path / "p_interrupts.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as caught:
        resolve(code)
    assert reason in str(caught.value)


@pytest.mark.parametrize("swallowed", [False, True])
def test_ctrl_c_while_a_plugin_loads_is_not_swallowed(swallowed):
    """It is the signal that counts: a plugin may raise the same, or turn it into an error of its own."""

    def load():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise (ImportError("stopped") if swallowed else error) from error

    r, former = Registry(entries=[entry("slow", load)]), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        r.plugins()
    assert signal.getsignal(signal.SIGINT) is former


def test_ctrl_c_while_the_code_of_a_record_is_imported(tmp_path, monkeypatch):
    (tmp_path / "p_slow.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        resolve("p_slow:f")


def test_a_name_that_is_taken():
    first, second = (entry("zoo", nbdl_optimizers=[optimizer(n)]) for n in ("lion", "ant"))
    r = Registry(entries=[first, second, entry("nbdl", nbdl_optimizers=[optimizer("o")])])
    states = [(p.name, p.state, p.reason) for p in r.plugins()[1:]]
    assert states == [
        ("zoo", "active", ""),
        ("zoo", "broken", "the name `zoo` is taken by another plugin"),
        ("nbdl", "broken", "the name `nbdl` is taken by another plugin"),
    ]
    assert r.get("optimizer", "zoo.lion")
    with pytest.raises(UsageError):
        r.get("optimizer", "zoo.ant")


def test_a_plugin_may_ask_for_names_while_it_loads(use):
    def load():
        registry.default().get("optimizer", "lion")
        return module(nbdl_optimizers=[optimizer("cub")])

    r = use(entry("zoo", nbdl_optimizers=[optimizer("lion")]), entry("young", load))
    assert r.get("optimizer", "cub") and plugin(r, "young").state == "active"


def test_one_module_under_two_names():
    shared = module(nbdl_optimizers=[optimizer("lion")])
    r = Registry(entries=[entry("a", lambda: shared), entry("b", lambda: shared)])
    assert [p.state for p in r.plugins()] == ["active", "active", "broken"]


def test_broken_built_ins_are_an_error(monkeypatch):
    monkeypatch.setattr("nbdl.builtin.nbdl_kernels", nbdl.hookimpl(raising(ValueError("in the hook"))))
    with pytest.raises(PluginError, match="the built-in records are broken: ValueError: in the hook"):
        Registry(entries=[])


# --- which plugins may be loaded ----------------------------------------------------------------------------


def test_only_allowed_plugins_are_imported():
    r = Registry(
        entries=[entry("a", raising(AssertionError())), entry("b", nbdl_optimizers=[optimizer("o")])],
        allowed=["b"],
    )
    assert [(p.name, p.state) for p in r.plugins()[1:]] == [("a", "blocked"), ("b", "active")]
    assert "NBDL_PLUGINS" in plugin(r, "a").reason
    assert [p.state for p in Registry(entries=[entry("a")], allowed=[]).plugins()] == ["active", "blocked"]


@pytest.mark.parametrize(("value", "allowed"), [("a, b", ["a", "b"]), ("", [""]), (None, None)])
def test_the_environment_names_the_allowed_plugins(monkeypatch, value, allowed):
    monkeypatch.delenv("NBDL_PLUGINS", raising=False)
    if value is not None:
        monkeypatch.setenv("NBDL_PLUGINS", value)
    former = registry.use(None)
    try:
        assert registry.default()._allowed == allowed
        assert registry.default() is registry.default()
    finally:
        registry.use(former)


# --- swapping -----------------------------------------------------------------------------------------------


def double(a):
    return a + a


def other(a, extra=1):
    return a


def negated(name="neg", forward=double, **fields):
    """A kernel record in place of the built-in `neg`."""
    grads = fields.pop("grads", {"a": "nbdl.array_ops.elementwise:neg_da"})
    return Kernel(name, forward, inputs=("a",), grads=grads, op="neg", target="numpy", **fields)


def test_a_swapped_kernel_is_used_within_its_block_alone(use):
    use(entry("twice", nbdl_kernels=[negated()]))
    x = nbdl.tensor([1.0])
    with nbdl.swap(neg="twice.neg"):
        assert (-x).item() == 2
        with nbdl.swap(neg="neg"):  # and back again, inside
            assert (-x).item() == -1
        assert (-x).item() == 2
    assert (-x).item() == -1
    with pytest.raises(KeyError), nbdl.swap(neg="twice.neg"):
        raise KeyError
    assert registry.kernel("neg").name == "neg" and (-x).item() == -1


def test_a_call_remembers_the_kernel_that_it_ran(use):
    use(entry("twice", nbdl_kernels=[negated()]))
    with nbdl.swap(neg="twice.neg"), nbdl.tape.record() as calls:
        -nbdl.tensor([1.0])
    assert calls[0][0].record.forward is double


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            Kernel("neg", double, inputs=("a",), target="numpy", op="exp"),
            "implements `exp`, it cannot replace `neg`",
        ),
        (
            Kernel("neg", double, inputs=("x",), op="neg"),
            r"must have the inputs \('a',\) of `neg`, got \('x',\)",
        ),
        (negated(outputs=("z",)), "must have the outputs"),
        (negated(grads={}), r"must have the gradients \('a',\) of `neg`, got \(\)"),
        (negated(forward=other), r"must take the arguments \('a',\) of `neg`, got \('a', 'extra'\)"),
    ],
    ids=["op", "inputs", "outputs", "gradients", "arguments"],
)
def test_a_swap_that_does_not_fit_is_refused(use, record, message):
    use(entry("twice", nbdl_kernels=[record]))
    with pytest.raises(UsageError, match=message), nbdl.swap(neg="twice.neg"):
        pass


def test_swapping_unknown_names_is_refused(use):
    use()
    with (
        pytest.raises(UsageError, match=r"unknown kernel `winograd`\. There are \d+, see nbdl kernels list"),
        nbdl.swap(conv2d="winograd"),
    ):
        pass
    with (
        pytest.raises(UsageError, match="unknown kernel `conv3d`; did you mean conv2d"),
        nbdl.swap(conv3d="linear"),
    ):
        pass


def test_every_builtin_record_resolves():
    """The strings of `nbdl.builtin` name code that exists."""
    from collections.abc import Mapping
    from dataclasses import fields

    from nbdl.records import Code, resolve

    for record in registry.default()._builtin.records.values():
        codes = [getattr(record, f.name) for f in fields(record) if f.type == Code]
        mappings = [getattr(record, f.name) for f in fields(record) if f.type == Mapping[str, Code]]
        for code in [*codes, *(c for m in mappings for c in m.values())]:
            assert not code or callable(resolve(code)), code
