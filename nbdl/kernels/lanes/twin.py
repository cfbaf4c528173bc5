"""What a lanes twin is made of: small functions on pointers, and how the program calls them.

Layout. A *block* is L samples (L lanes of a SIMD register, `nbdl.kernels.simd`). A value of shape (C, H, W)
per sample is stored [C][pitch][L]: neighbouring lanes are neighbouring samples. `pitch` is H * W, plus one
where H * W is a multiple of 8: planes a power of two apart would fall on the same lines of the cache. Values
of another shape are one plane, and so are those of three axes where every twin they meet is `Twin.packed`:
whether planes have gaps is decided when a graph is lowered, and the shapes of a `Site` say it.

A *leaf* is a Python function on pointers and integers that is compiled once for each shape. Its parameters
say by their names what it is given:

- an input or output of the kernel (``x``, ``w``, ``y``), the cotangent of an output (``dy``) and the gradient
  of an input (``dx``), which it writes (never adds to). What has samples lies *in lanes*: the pointer is to
  the block at hand; integers and truth values are floats there. What has none is a plain *array*: the pointer
  is to its first element. An *index* is integers of the data (int64), read in place: the sample of a lane
  begins at ``labels[idx[lane] * size]``. Which of the three an input is, `Twin.role` says for each site;
- ``blocks``: how many blocks to work on, one after the other (1 for a leaf that does not ask);
- ``left``: how many samples there are from this block on (less than L in the last one: lanes from `left` on
  repeat a sample, and count for nothing);
- ``first`` and ``last``: rows of y (and dy) to work on, first <= row < last: such leaves can be run strip by
  strip, with the next ones on rows that are still in the cache;
- ``scratch``, memory that keeps its values until the rows of one list are done;
- ``sample``, the position of the block's first lane in the minibatch, ``seed`` and ``step``: what random
  numbers depend on;
- what the `Row` gives by name: an integer, a small array of integers (its address: int64), the name of
  another operand, or a `Walk` over one;
- ``turn``: in a `Loop`, the number of the turn, from 0 on (a random number of a turn is keyed by it too).

Inputs that are not there are null pointers, and are not to be read.

No leaf raises, allocates or prints; it writes what it is said to write and nothing else.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from nbdl.kernels.simd.registers import LANES

# Operands that are integers; all others are pointers.
NUMBERS = {
    "blocks", "first", "item", "last", "left", "sample", "samples", "seed", "shards", "step", "stride",
    "turn",
}  # fmt: skip


class Unfit(Exception):
    """A twin cannot serve these shapes or constants: the kernel runs on the whole minibatch instead."""


class Row:
    """One call of a leaf: what its parameters are where the name does not say it.

    Integers, arrays of them, or the names of other operands.
    """

    def __init__(self, leaf, **given):
        self.leaf, self.given = leaf, given


@dataclass(frozen=True)
class Walk:
    """An operand that a `Row` of a `Loop` walks along: elements from its begin, and on with each turn.

    ``Row(leaf, before=Walk("y", 0, n), y=Walk("y", n, n))`` reads place `turn` of y, n elements each, and
    writes the next one. A negative `step` walks back. In a row that is in no loop it is a place.
    """

    operand: str
    start: int
    step: int = 0


@dataclass(frozen=True)
class Loop:
    """Rows that run `turns` times, one after the other, for each block: a scan over time.

    A list of rows over blocks may have loops among its rows; neither the table of a program nor what is
    compiled grows with the number of turns. Loops are not nested, and their rows are not worked on in strips:
    none asks for ``first`` and ``last``. If all ask for ``blocks``, a turn is made for a few blocks at once,
    which are as far apart as their whole values are.
    """

    turns: int
    rows: list


def each_row(rows):
    """All rows of a list, those of its loops among them."""
    for row in rows:
        yield from row.rows if isinstance(row, Loop) else (row,)


@dataclass(frozen=True)
class Site:
    """Where a kernel is called: shapes by argument and output name, constants, the dtype of the net.

    `samples` names those that have samples; their shape here is that of one sample.
    """

    shapes: Mapping[str, tuple]
    constants: Mapping[str, object]
    dtype: str = "float32"
    samples: frozenset = frozenset()

    @property
    def L(self):
        return LANES[self.dtype]

    def __getitem__(self, name):
        return self.constants[name]

    def laid(self, shape):
        """This shape, its planes with or without gaps as those of the values of this site."""
        return Packed(shape) if any(isinstance(s, Packed) for s in self.shapes.values()) else shape

    def packed(self):
        """This site, with no gaps between the planes of its values."""
        images = {n: Packed(s) for n, s in self.shapes.items() if n in self.samples and len(s) == 3}
        return replace(self, shapes={**self.shapes, **images})


@dataclass(frozen=True)
class Reduction:
    """A sum over the minibatch: `collect` over the blocks, then `finish`.

    The rows of `collect` run for each block. They may add to ``acc``, `acc` floats that are zero when a shard
    of the minibatch begins, and fill what `keep` names, with its floats for each block: kept for all blocks,
    one after the other. Lanes from ``left`` on must add nothing. The rows of `finish` run when all blocks are
    done, `items` times, shared out among the threads, each with its number ``item``; they write the result:
    of a gradient ``dw`` (named after the parameter: ``db`` for ``b``), else what `results` names, with its
    floats. Besides they may ask for ``shards``, how many there are; ``acc``, that of the first shard, and
    ``stride``, elements to the next; ``bounds``, an int64 pointer: shard s has the blocks bounds[s] <= block
    < bounds[s + 1]; ``samples``; what was kept, from the first block on. Sums of `collect` are from zero
    within a shard, those of `finish` over shards.
    """

    collect: list
    finish: list
    acc: int = 0
    keep: Mapping[str, int] = field(default_factory=dict)
    scratch: int = 0
    results: Mapping[str, int] = field(default_factory=dict)


Gradient = Reduction  # the gradient with respect to an array is a sum over the minibatch


@dataclass(frozen=True)
class Twin:
    """A kernel on lanes.

    `forward(site)` lists the rows that compute y; `grads[input](site)` those that write the gradient of an
    input that lies in lanes; `parameters[input](site)` is the `Reduction` of one that is an array. None
    instead of a function: no gradient is offered. An input that both name may be either, site by site.
    `shape(site)` is the shape of y (that of x if not given), or of all outputs by name, for one sample where
    they have samples; it raises `Unfit` for what the twin does not do.

    `reduce(site)` is a `Reduction` that is made before the rows of `forward`, which read its results: outputs
    of the kernel that have no samples (`shared` names them), or arrays for the gradients besides. A gradient
    in lanes that is made of other gradients (that of a norm is) names them in `needs`: ``{"x": ("gamma",)}``
    gives its rows ``dgamma``, complete, also where there is no gamma: the `results` say its size.

    `backward(site)` lists rows that the gradients share: they run once, before those of the first gradient,
    and write what `saves` names, or gradients in lanes, for whose input `grads` lists no rows (`[]`). All
    gradients may then read them, as ``dx``.
    """

    forward: Callable
    grads: Mapping[str, Callable] = field(default_factory=dict)
    parameters: Mapping[str, Callable] = field(default_factory=dict)
    shape: Callable = lambda site: site.shapes["x"]
    saves: Callable = lambda site: {}  # what forward keeps for the gradients besides: floats by name
    rows: Callable = lambda site: 0  # rows of x for one row of y, where strips of one are strips of the other
    inplace: bool = False  # y may stand in the place of x, and dx in that of dy
    overwrites: str = ""  # which of what it saves may stand in the place of x
    each: tuple = ()  # of an elementwise kernel: what `after` of another twin is called with
    after: Callable | None = None  # see `nbdl.kernels.pooling.pool2d_lanes.after`
    flops: Callable = lambda site: 0  # additions and multiplications of one sample, forward
    index: tuple = ("labels",)  # inputs that are read in place
    checks: Callable = lambda site: []  # rows that run first, once for a minibatch: see `LossTwin.total`
    reduce: Callable | None = None
    shared: tuple = ()
    needs: Mapping[str, tuple] = field(default_factory=dict)
    backward: Callable = lambda site: []
    packed: bool = False  # its leaves find the planes of all values by `pitch` of the shapes of the site

    def role(self, name, has_samples):
        """Where leaves find an input: "lanes", "array", "index", or "" if they could not read it."""
        if name in self.index:
            return "index" if has_samples else ""
        if has_samples:
            return "lanes" if name in self.grads else ""
        return "array" if name in self.parameters or name not in self.grads else ""


@dataclass(frozen=True)
class LossTwin(Twin):
    """A mean over the minibatch. Labels are read in place: ``labels[idx[lane]]`` is that of a lane.

    `forward` writes one number, ``loss``: the sum of the losses of the block's valid lanes, before the mean.
    `grads` multiply by ``scale[0]``, and write zeros in lanes that are not valid. The rows of `total` run
    first, once for a minibatch of ``samples`` samples, and write ``total[0]``, what the mean divides by; they
    check every label, and put its position in the minibatch + 1 into ``status[0]`` where the kernel would
    refuse it (``samples + 1`` where it is not one label, but no label counts).
    """

    total: Callable = lambda site: []


@dataclass(frozen=True)
class UpdateTwin:
    """An optimizer on slices: `leaf(dtype)` is the leaf ``(w, dw, <state>, factors, size)``, size % L == 0.

    `factors(lr, step, **options)` are the numbers that it reads, computed in float64 once a step.
    """

    factors: Callable
    leaf: Callable


class Packed(tuple):
    """A shape whose planes lie side by side: no gap between them."""


def planes(shape):
    """(C, H, W) of a shape; what is no image is one plane with one row."""
    return shape if len(shape) == 3 else (1, 1, math.prod(shape))


def pitch(shape):
    """Vectors from one plane to the next."""
    C, H, W = planes(shape)
    return H * W + (1 if C > 1 and H * W % 8 == 0 and not isinstance(shape, Packed) else 0)


def floats(shape, L):
    """Floats that a value of this shape takes for one block."""
    return planes(shape)[0] * pitch(shape) * L
