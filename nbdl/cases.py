"""What an operation is verified on: cases that it must take, and arguments that it must refuse.

A truth file beside a kernel has the kernel once more in plain NumPy, slow, in float64, from the formula,
sharing nothing with the kernel; and a function `<name>_cases` of a random generator that returns a list of
`Case` and `Bad`, an ordinary case first.
Arrays are small; where gradients are checked, inputs keep away from kinks.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """Arguments that a kernel must take: `inputs` in the record's order, `constants` by name.

    Float arrays are float64 (the kit makes float32 of them), the others keep their dtype; None stands for an
    input left out. ``grad=False``: values at the ends, where no gradient is checked. `arrays` names inputs
    that have no samples, where the lanes twin of the kernel would take either.
    """

    name: str
    inputs: tuple
    constants: dict = field(default_factory=dict)
    grad: bool = True
    arrays: tuple = ()


@dataclass(frozen=True)
class Bad:
    """Arguments that a kernel must refuse with `error`, whose message names the argument `names`.

    Labels, probabilities and, if `values`, others are refused for values in them, of which no shape tells.
    """

    name: str
    inputs: tuple
    constants: dict
    error: type
    names: str
    values: bool = False


def half(a):
    """An array of half the precision."""
    return a.astype("float32")
