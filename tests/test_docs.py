"""README and docs/ are true: their code runs, their commands exist, their tables are those of the code.

How a block of a page is taken, from the top of the page to its end, in an empty folder:

- ``python`` is executed, all blocks of a page in one namespace; ``print(...)  # text`` must print that text.
- ``console`` is a session: each ``$ nbdl ...`` is run and must succeed, and the lines below it must be lines
  of its output, in that order. Numbers may differ; ``...`` stands for lines or the end of a line left out.
- ``sh`` is what to type: ``nbdl`` commands must be spelt right, and are run if they only look around.
  ``pip install`` of a folder that the page has made lets nbdl find its entry points; other lines (venv, pip,
  git) are no concern of ours.
- ``toml`` is a config file that `nbdl.train.resolve` takes.
- ``<!-- file: path -->`` above a block: it is written to that path. ``<!-- not run: reason -->``: it is not
  run, but commands in it must be spelt right.
"""

import ast
import dataclasses
import importlib
import inspect
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import click
import numba
import pytest
from click.testing import CliRunner

import nbdl.info
import nbdl.train
from nbdl import errors, kernels, registry
from nbdl.cli import main
from nbdl.records import resolve

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"(?:^<!-- ([\w ]+): ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The others look around.
STARTS_WORK = {"attention", "train", "eval", "predict", "generate", "translate", "bench", "info", "rank"}


class Block(NamedTuple):
    kind: str
    text: str
    line: int
    note: str  # "file", "not run" or ""
    value: str


def blocks(page):
    text = page.read_text(encoding="utf-8")
    for m in BLOCK.finditer(text):
        note, value, kind, body = m.groups(default="")
        assert note in ("", "file", "not run"), f"{page.name}: unknown comment {note!r} above a block"
        yield Block(kind, body, text.count("\n", 0, m.start(4)) + 1, note, value)


# --- the blocks of a page -----------------------------------------------------------------------------------


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty folder to be in, without plugins; what a page imports from it is forgotten afterwards."""
    monkeypatch.setenv("NBDL_PLUGINS", "")  # those that happen to be installed here are not the reader's
    known, former = set(sys.modules), registry.use(None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    registry.use(former)
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: the pages show compiled code")
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_page_runs(page, workplace, monkeypatch):
    session = Session(page, workplace, monkeypatch)
    for block in blocks(page):
        try:
            session.take(block)
        except Exception as error:
            error.add_note(f"in the {block.kind} block at {page.name}, line {block.line}")
            raise


class Session:
    """One reader of one page, who does what it says."""

    def __init__(self, page, folder, monkeypatch):
        self.folder, self.monkeypatch, self.plugins = folder, monkeypatch, []
        self.names = {"__name__": f"docs_{page.stem.replace('-', '_')}", "print": self.print}
        # line for line the page, so that an error points into it; a file, as compiled code is cached by file
        lines = [""] * (len(page.read_text(encoding="utf-8").splitlines()) + 1)
        for block in blocks(page):
            if block.kind == "python" and not block.note:
                for i, line in enumerate(block.text.splitlines()):
                    lines[block.line - 1 + i] = line
        self.source, self.lines = folder / f"{page.stem}.md.py", lines
        self.source.write_text("\n".join(lines), encoding="utf-8")

    def take(self, block):
        if block.note == "file":
            path = self.folder / block.value
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.kind in ("sh", "console"):
            self.commands(block)
        elif not block.note:
            getattr(self, block.kind, lambda block: None)(block)

    def python(self, block):
        code = "\n" * (block.line - 1) + block.text
        exec(compile(code, str(self.source), "exec"), self.names)

    def print(self, *values, **options):
        said = " ".join(map(str, values))
        line = self.lines[inspect.currentframe().f_back.f_lineno - 1]
        promised = re.search(r"\)  # (.*)$", line)
        assert promised is None or said == promised[1], f"{line.strip()!r} printed {said!r}"

    def toml(self, block):
        path = self.folder / "block.toml"
        path.write_text(block.text, encoding="utf-8")
        nbdl.train.resolve(path=path)

    def commands(self, block):
        for line, shown in steps(block):
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words.pop(0)
            if words[:2] == ["pip", "install"]:
                self.install(word for word in words[2:] if (self.folder / word).is_dir())
            elif words[:1] == ["nbdl"]:
                check_spelling(words[1:])
                if not block.note and (block.kind == "console" or words[1] not in STARTS_WORK):
                    check_output(line, run(words[1:]), shown)

    def install(self, projects):
        """What pip would note about a project, without pip."""
        for word in projects:
            text = (self.folder / word / "pyproject.toml").read_text(encoding="utf-8")
            project = tomllib.loads(text)["project"]
            note = self.folder / word / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
            note.mkdir()
            (note / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
            points = project["entry-points"]["nbdl"]
            text = "".join(f"{name} = {module}\n" for name, module in points.items())
            (note / "entry_points.txt").write_text(f"[nbdl]\n{text}")
            self.plugins += points
            self.monkeypatch.syspath_prepend(self.folder / word)
            self.monkeypatch.setenv("NBDL_PLUGINS", ",".join(self.plugins))
            registry.use(None)


def steps(block):
    """The command lines of a block, each with the lines shown below it."""
    if block.kind == "sh":
        for line in block.text.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                yield re.sub(r"^\s*\.venv/bin/", "", part), []
        return
    for step in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, *shown = step.splitlines()
        yield line, shown


def run(words):
    result = CliRunner().invoke(main, words, prog_name="nbdl")
    assert result.exit_code == 0, f"nbdl {' '.join(words)} ended with {result.exit_code}:\n{result.output}"
    return result.output


def check_spelling(words):
    """The command, its options and the number of its arguments are what click knows."""
    command = main
    with click.Context(main, info_name="nbdl") as context:
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name, *words = words
            command = command.get_command(context, name)
            assert command is not None, f"there is no command `{name}`"
        if not isinstance(command, click.Group):
            command.make_context(command.name, list(words), parent=context).close()


def check_output(line, output, shown):
    said = iter([plain(text) for text in output.splitlines()])
    for text in shown:
        start = plain(text).removesuffix("...").rstrip()
        whole = start == plain(text)
        assert not start or any(s == start if whole else s.startswith(start) for s in said), (
            f"`{line}` does not print {text!r} (or not there), but:\n{output}"
        )


def plain(text):
    """A line of output with single spaces, every number written `0`."""
    return re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "0", " ".join(text.split()))


# --- links --------------------------------------------------------------------------------------------------


def anchors(page):
    """What links into a page may name: its headings as GitHub spells them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        if not target.startswith("http"):
            path = page.parent / target if target else page
            assert path.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(path), f"{page.name}: {target}#{anchor}"


# --- tables against the code --------------------------------------------------------------------------------


def rows(page, first):
    """The table rows of a page whose first cell matches `first`: lists of cells."""
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            cells = [c.strip().replace(r"\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
            if re.fullmatch(first, cells[0]):
                yield cells


def unquoted(cell):
    return cell.strip("`")


def call(name, function):
    """`name` with the parameters and defaults of `function`."""
    text = f"{name}{inspect.signature(getattr(function, 'py_func', function))}"
    return re.sub(r"<class '([\w.]+)'>", r"\1", text)


def test_kernels_table():
    written = [unquoted(r[0]) for r in rows("kernels.md", r"`\w+\(.*\)`")]
    assert sorted(written) == sorted(call(n, getattr(kernels, n)) for n in kernels.__all__)


def test_kernels_table_names_checks_that_exist():
    for row in rows("kernels.md", r"`\w+\(.*\)`"):
        for name in re.findall(r"`(\w+)`", row[3]) if len(row) > 3 else ():
            assert name in kernels.__all__, row


@pytest.mark.parametrize("kind", ["layer", "loss", "schedule"])
def test_tables_of_parts(kind):
    """docs/nets.md has a row with the exact call of every built-in part."""
    written = {unquoted(r[0]) for r in rows("nets.md", r"`\w+\(.*\)`")}
    for name in registry.default().names(kind):
        if "." not in name:
            record = registry.default().get(kind, name)
            (code,) = (getattr(record, f) for f in ("build", "compute", "rate") if hasattr(record, f))
            assert call(name, resolve(code)) in written


def test_table_of_optimizers():
    written = {tuple(map(unquoted, r[:3])) for r in rows("nets.md", r"`\w+`") if len(r) == 4}
    for name in registry.default().names("optimizer"):
        if "." not in name:
            record = registry.default().get("optimizer", name)
            skip = ("w", "dw", "lr", "step", *record.state)
            options = ", ".join(
                f"{n}={d!r}" for n, d in registry.parameters(record.update).items() if n not in skip
            )
            assert (name, ", ".join(record.state), options) in written


@pytest.mark.parametrize("kind", ["initializer", "metric"])
def test_all_names_are_mentioned(kind):
    text = (ROOT / "docs" / "nets.md").read_text(encoding="utf-8")
    assert [n for n in registry.default().names(kind) if "." not in n and f"`{n}`" not in text] == []


def test_table_of_hooks():
    """Every hook with its record and that record's fields, in order; defaults are not repeated."""
    written = [tuple(map(unquoted, r[:2])) + (r[2],) for r in rows("writing-a-plugin.md", r"`nbdl_\w+`")]
    assert written == [
        (hook, f"nbdl.{record.__name__}", ", ".join(f"`{f.name}`" for f in dataclasses.fields(record)))
        for hook, record in registry.KINDS.values()
    ]


# --- the map of the notes -----------------------------------------------------------------------------------

TOPICS = [row for row in rows("book.md", r".+") if len(row) == 6 and row[0] not in ("topic", "---")]


def spans(cell):
    """What a cell shows as code."""
    return re.findall(r"`([^`]+)`", cell)


def calls_of(topic):
    """The names below nbdl that a topic says to call."""
    return [m[0] for span in spans(topic[1]) if (m := re.match(r"nbdl(\.\w+)+", span))]


def functions(path):
    """The functions of a file of tests, by their names."""
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if hasattr(node, "name")}


def test_the_map_counts_its_topics():
    text = (ROOT / "docs" / "book.md").read_text(encoding="utf-8")
    done, all_, partly = map(
        int, re.search(r"^(\d+) of (\d+) topics are done; (\d+) ", text, re.MULTILINE).groups()
    )
    assert all_ == len(TOPICS)
    assert partly == sum("**partly**" in topic[0] for topic in TOPICS) == all_ - done


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic[0][:40])
def test_a_topic_of_the_map_is_there(topic):
    """Its names can be imported, its commands are spelt right, its page and its tests exist."""
    for name in calls_of(topic):
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name
    for command in spans(topic[2]):
        nbdl_, *words = shlex.split(command)
        assert nbdl_ == "nbdl"
        check_spelling(words)
        if words[0] in ("train", "plan"):
            registry.default().get("model", words[1])
        assert words[0] != "info" or hasattr(nbdl.info, words[1]), command
    assert spans(topic[4]), "no test is named"
    for path, test in (span.split("::") for span in spans(topic[4])):
        assert test in functions(ROOT / path), f"{path} has no {test}"
    assert "](" in topic[3], "no page is named"


def test_what_the_map_says_to_call_is_called():
    """By a block of some page or by some test."""
    on_pages = (b.text for page in PAGES for b in blocks(page) if b.kind == "python")
    in_tests = (
        p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py") if p.name != "test_docs.py"
    )
    words = set(re.findall(r"\w+", " ".join([*on_pages, *in_tests])))
    assert [n for topic in TOPICS for n in calls_of(topic) if n.rpartition(".")[2] not in words] == []


# --- the command line ---------------------------------------------------------------------------------------


def commands(command=main, path=("nbdl",)):
    """All commands of the tree that do something, by their full name."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


def options(command):
    """An option is the tuple of its spellings."""
    return {tuple(p.opts) for p in command.params if isinstance(p, click.Option)}


COMMON = {("--format",), ("--no-plugins",), ("--debug",)}


def section(heading):
    """The text of docs/command-line.md under a heading, up to the next one."""
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/command-line.md has no section {heading!r}"
    return found[1]


def written_options(text):
    cells = re.findall(r"^\| ((?:`-[^`]*`(?:, )?)+) \|", text, re.MULTILINE)
    return {tuple(dict.fromkeys(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", cell))) for cell in cells}


@pytest.mark.parametrize("name, command", list(commands()), ids=lambda v: v if isinstance(v, str) else "")
def test_command_is_described(name, command):
    """Each command has a section with an example and a table of exactly its own options."""
    text = section(f"`{name}`")
    assert re.search(rf"^(\$ )?{name}", text, re.MULTILINE), "an example is missing"
    assert options(command) >= COMMON
    assert written_options(text) == options(command) - COMMON


def test_options_of_every_command_are_described():
    assert written_options(section("Options of every command")) == COMMON | {("-h", "--help"), ("--version",)}


def test_no_command_is_invented():
    text = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    written = re.findall(r"^#+ `(nbdl .*)`$", text, re.MULTILINE)
    assert sorted(written) == sorted(name for name, _ in commands())
    known = {o for _, c in commands() for opts in options(c) for o in opts} | {"--help", "--version"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= known


def test_table_of_exit_codes():
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.NbdlError)]
    written = {int(r[0]) for r in rows("command-line.md", r"\d+")}
    assert written == {c.exit_code for c in classes} | {0, 130}


def test_table_of_config_keys():
    written = {unquoted(r[0]): unquoted(r[2]) for r in rows("command-line.md", r"`\w+`") if len(r) == 4}
    defaults = {f.name: getattr(nbdl.train.Config(), f.name) for f in dataclasses.fields(nbdl.train.Config)}
    assert written == {k: "" if v in ("", {}) else json.dumps(v) for k, v in defaults.items()}


# --- the checks themselves ----------------------------------------------------------------------------------


def written(folder, text):
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text, fault",
    [
        ("```python\nprint(1 + 1)  # 3\n```\n", "printed '2'"),
        ("```python\n1 / 0\n```\n", "division by zero"),
        ("```sh\nnbdl models lst\n```\n", "lst"),
        ("```sh\nnbdl train lenet --epoch-count 3\n```\n", "--epoch-count"),
        ("```console\n$ nbdl models list\nname  about  weight\n```\n", "does not print"),
        ("```console\n$ nbdl kernels show no_such\n```\n", "ended with 2"),
        ('```toml\nmodel = "mlp"\nepoch = 3\n```\n', "epochs"),
    ],
    ids=lambda v: v.splitlines()[1] if v.startswith("```") else "",
)
def test_untrue_pages_are_noticed(text, fault, tmp_path, workplace, monkeypatch):
    with pytest.raises(Exception) as caught:
        test_page_runs(written(tmp_path, text), workplace, monkeypatch)
    assert fault in f"{caught.value}"
    assert "page.md, line 2" in caught.value.__notes__[-1]


def test_blocks_that_are_not_run_are_still_spelt_right(tmp_path, workplace, monkeypatch):
    text = "<!-- not run: trains for a minute -->\n```console\n$ nbdl train lenet\n```\n"
    test_page_runs(written(tmp_path, text), workplace, monkeypatch)
    with pytest.raises(click.ClickException):
        test_page_runs(written(tmp_path, text.replace("lenet", "lenet --now")), workplace, monkeypatch)
