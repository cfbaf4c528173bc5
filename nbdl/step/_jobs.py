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


@dataclass(frozen=True)
class Base:
    """An operand that the driver knows when it runs: ``base[number] + offset + item * per_item``."""

    number: int
    per_item: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Address:
    """An operand at a fixed place: an array, and how many bytes each item moves on."""

    array: np.ndarray
    per_item: int = 0
    offset: int = 0


@dataclass(frozen=True)
class Strip:
    """A buffer whose rows from `row` on stand where the first ones do: all strips use the same memory."""

    buffer: Buffer
    row: int


@dataclass(frozen=True)
class Whole:
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
    """A leaf and its operands by parameter name, `over` EACH block, FEW, a START, or `items` SHARED."""

    leaf: object
    operands: dict
    over: int
    items: int = 1
    node: object = None
    what: str = ""

    def buffers(self):
        """The buffers among the operands, in their order."""
        found = (o.buffer if isinstance(o, Whole | Strip) else o for o in self.operands.values())
        return [o for o in found if isinstance(o, Buffer)]


@dataclass(eq=False)
class Call:
    """Python between two stretches of native code: `run(program, n)`."""

    run: object
    node: object = None
    what: str = ""


@dataclass(eq=False)
class Plan:
    """What `build` makes: lists of jobs in the order in which they run, and the memory that they name."""

    dtype: str
    labels: list = field(default_factory=list)  # shared jobs before anything else
    blocks: list = field(default_factory=list)  # jobs over blocks, and calls
    finish: list = field(default_factory=list)  # shared jobs on all blocks
    later: list = field(default_factory=list)  # more groups of shared jobs, each after a barrier
    shard_floats: int = 0
    gradients: dict = field(default_factory=dict)  # by parameter name: an aligned array
    outputs: object = None  # the buffer of the result's rows, where the result is a prediction
    loss_in_python: bool = False
    arrays: list = field(default_factory=list)  # small arrays that operands point to
    status: object = None  # what a leaf found wrong
