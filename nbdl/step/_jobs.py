"""What a plan is made of: jobs, and the operands that they name before anything has an address."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(eq=False)
class Buffer:
    """Memory for a value, `floats` for each block. ``kept``: of all blocks at once; else of those at hand."""

    floats: int
    name: str
    kept: bool = False
    shape: tuple = ()  # of the value, where its rows may be worked on strip by strip
    result: bool = False  # read after the program has run


@dataclass(frozen=True)
class Base:
    """An operand that the driver knows when it runs: ``base[number] + offset + item * per_item``.

    `kind` says what it is: a number, or a pointer to "floats" of the program's dtype or to "integers".
    """

    number: int
    per_item: int = 0
    offset: int = 0
    kind: str = "number"


@dataclass(frozen=True)
class Address:
    """An operand at a fixed place: an array, and how many bytes each item moves on."""

    array: np.ndarray
    per_item: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Walked:
    """An operand from a place of it on: so many bytes behind its begin, and on with each turn of a loop."""

    operand: object
    offset: int
    per_turn: int


@dataclass(eq=False)
class Turns:
    """A loop, whose jobs run in one phase, `count` times for each block; another one is another loop."""

    count: int


@dataclass(frozen=True, eq=False)
class Rows:
    """As an `Address`, of the rows of a buffer per sample, `stored`, each of this shape.

    They move when there are more of them: a table finds them where they are when it is made.
    """

    stored: object
    shape: tuple
    per_item: int = 0
    offset: int = 0

    @property
    def array(self):
        return self.stored.home


class Status:
    """Where a leaf says what it found wrong: in the one of two words that is that of its group.

    Groups alternate between them: a thread that is already in the next group must not set the word that a
    slow one still reads.
    """


@dataclass(frozen=True)
class Strip:
    """A buffer whose rows from `row` on stand where the first ones do: all strips use the same memory."""

    buffer: Buffer
    row: int


@dataclass(frozen=True)
class AllBlocks:
    """A kept buffer from the first block on, as shared items see it."""

    buffer: Buffer


@dataclass(frozen=True)
class Shard:
    """A place in the memory of the shard at hand; `all`: of the first shard, as shared items see it."""

    offset: int
    floats: int
    all: bool = False


@dataclass(eq=False)
class Job:
    """A leaf and its operands by parameter name, `over` EACH block, FEW, a START, or `items` SHARED.

    Jobs of the same `loop` take turns. It is part of a `node`, which runs in the form that `form` says (see
    `_lowering.py`), and makes the gradient of its input `gradient`, if it makes one. For display: `what` it
    does, to the `value`.
    """

    leaf: object
    operands: dict
    over: int
    items: int = 1
    node: object = None
    form: object = None
    gradient: str = ""
    what: str = ""
    value: object = None
    loop: Turns | None = None

    def buffers(self):
        """The buffers among the operands, in their order."""
        return [o for o in map(buffer_of, self.operands.values()) if o is not None]


def buffer_of(operand):
    """The buffer that an operand lies in; None for what lies in none."""
    if isinstance(operand, Walked):
        operand = operand.operand
    if isinstance(operand, AllBlocks | Strip):
        operand = operand.buffer
    return operand if isinstance(operand, Buffer) else None


@dataclass(eq=False)
class Call:
    """Python between two segments of native code: `run(program, n)`; it reads and writes kept `rows`."""

    run: object
    node: object = None
    gradient: bool = False
    what: str = ""
    why: str = ""
    rows: tuple = ()

    def buffers(self):
        return list(self.rows)

    def makes(self, value):
        return self.node is not None and value in self.node.outputs


@dataclass(eq=False)
class Section:
    """What runs between two sums over the whole minibatch: shared jobs, jobs over blocks, sums finished.

    `shard_floats` is the memory of each shard, for the sums that its blocks collect.
    """

    before: list = field(default_factory=list)
    blocks: list = field(default_factory=list)  # jobs and calls
    finish: list = field(default_factory=list)
    shard_floats: int = 0


@dataclass(eq=False)
class Plan:
    """What `build` makes: jobs in the order in which they run, and the memory that they name."""

    dtype: str
    sections: list = field(default_factory=list)
    later: list = field(default_factory=list)  # more groups of shared jobs, each after a barrier
    forms: dict = field(default_factory=dict)  # by node: its form
    gradients: dict = field(default_factory=dict)  # by parameter name: an aligned array
    outputs: list = field(default_factory=list)  # of a prediction: a function for each result
    loss_in_python: bool = False
    gathered: list = field(default_factory=list)  # integers of the data that are floats in lanes
    arrays: list = field(default_factory=list)  # small arrays that operands point to
    carried: list = field(default_factory=list)  # the `Rows` of buffers per sample
    status: object = None  # what a leaf found wrong: two words, see `Status`
