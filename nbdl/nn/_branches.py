"""Layers that send their input along several branches: residual and concatenating blocks."""

import operator

from nbdl.array_functions import concatenate
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._sequential import checked_layers, describe
from nbdl.tape import as_tensor, cast


class Residual:
    """body(x) + shortcut(x); without a shortcut body(x) + x.

    A shortcut, as a rule a 1 x 1 convolution, is for a body that changes the shape. He et al. 2016, equations
    1 and 2; Zhang et al., Dive into Deep Learning, section 8.6.

    Parameters
    ----------
    body : layer
        Any callable ``layer(x, train=None)``; several as a `Sequential`.
    shortcut : layer, optional

    Raises
    ------
    ShapeError
        When called, if the shapes of the two branches differ.
    """

    def __init__(self, body, shortcut=None):
        checked_layers("Residual", (body,) if shortcut is None else (body, shortcut))
        self.body, self.shortcut = body, shortcut

    def __call__(self, x, train=None):
        x = as_tensor(x)
        y = self.body(x, train=train)
        short = x if self.shortcut is None else self.shortcut(x, train=train)
        if y.shape != short.shape:
            given = "x itself" if self.shortcut is None else describe(self.shortcut)
            hint = ": give a `shortcut` that makes the shape of the body" if self.shortcut is None else ""
            text = "Residual: the branches must have one shape, got {} from the body {} and {} from {}{}"
            raise ShapeError(text, y.shape, describe(self.body), short.shape, given, hint)
        return y + cast(short, y.dtype)


class Concat:
    """The results of all branches, each of the same x, joined along `axis`.

    Axis 1 joins channels, as in GoogLeNet and DenseNet (Szegedy et al. 2015; Huang et al. 2017). A branch
    None is x itself.

    Parameters
    ----------
    *branches : layers or None
    axis : int

    Raises
    ------
    ShapeError
        When called, if shapes differ in other axes than this one.
    """

    def __init__(self, *branches, axis=1):
        if not branches:
            raise UsageError("Concat needs at least one branch: nn.Concat(*branches)")
        checked_layers("Concat", [b for b in branches if b is not None])
        self.branches, self.axis = list(branches), operator.index(axis)

    def __call__(self, x, train=None):
        x = as_tensor(x)
        results = [x if branch is None else branch(x, train=train) for branch in self.branches]
        made = next((r for r, branch in zip(results, self.branches) if branch is not None), x)
        results = [cast(r, made.dtype) for r in results]
        first = results[0].shape
        axis = self.axis % max(len(first), 1)
        for i, (result, branch) in enumerate(zip(results, self.branches)):
            same = len(result.shape) == len(first) and all(
                a == b for k, (a, b) in enumerate(zip(result.shape, first)) if k != axis
            )
            if not same:
                one, other = ("x itself" if b is None else describe(b) for b in (self.branches[0], branch))
                text = (
                    "Concat: shapes may differ in axis {} only, got {} from branch 0 {}, {} from branch {} {}"
                )
                raise ShapeError(text, self.axis, first, one, result.shape, i, other)
        return concatenate(results, axis)
