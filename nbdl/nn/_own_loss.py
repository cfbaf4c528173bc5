"""A loss by its name in the registry, or a plain function of the user's own."""

import functools
import inspect
import types

from nbdl import registry
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._inputs import each
from nbdl.nn._options import check_options
from nbdl.records import Loss, resolve
from nbdl.tape import Tensor, as_tensor


def loss_record(loss):
    """The `Loss` record of a name, of a record itself, or of a function ``loss(prediction, y) -> scalar``.

    The function is given tensors, y as a dict of them where targets have names, and must make a tensor of one
    element of the prediction by what the tape has (docs/nets.md). One that is registered is its record.

    Raises
    ------
    UsageError, ShapeError
        For anything else, and when it is called, if it gives anything else.
    """
    known = registry.default()
    if isinstance(loss, str):
        return known.get("loss", loss)
    if isinstance(loss, Loss):
        return loss
    advice = "the name of a loss, or a function loss(prediction, y) that returns a tensor of one element"
    if not callable(loss):
        raise UsageError("`loss` must be {}, got {}", advice, type(loss).__name__)
    if hasattr(loss, "py_func"):
        text = "`loss` must be {}, got a compiled one, which has no gradient. Try its py_func, or a kernel "
        raise UsageError(text + "of your own with a gradient, as docs/writing-a-kernel.md shows", advice)
    if isinstance(loss, types.FunctionType) and loss.__module__.startswith("nbdl."):
        for record in (known.get("loss", name) for name in known.names("loss") if "." not in name):
            if resolve(record.compute) is loss:
                return record
    name = getattr(loss, "__qualname__", type(loss).__qualname__)
    try:
        inspect.signature(loss).bind(None, None)
    except (TypeError, ValueError) as error:
        text = "`loss` must be called with prediction and targets, loss(prediction, y); `{}` cannot: {}"
        raise UsageError(text, name, error) from error
    return Loss(f"{getattr(loss, '__module__', '')}:{name}", _checked(loss, name))


def check_loss_options(record, options, reserved=("reduction",)):
    """Raise `UsageError` unless a loss takes `options`, besides its two arrays and what is `reserved`."""
    compute = resolve(record.compute)
    arrays = list(inspect.signature(compute).parameters)[:2]
    check_options(f"loss `{record.name}`", compute, options, (*arrays, *reserved))


def of_tensors(compute):
    """The function of a loss, given what a net gives and its targets as tensors, as in a program."""

    @functools.wraps(compute, updated=())
    def given(prediction, target, **options):
        return compute(_tensors(prediction), _tensors(target), **options)

    return given


def _checked(loss, name):
    @functools.wraps(loss, updated=())
    def compute(prediction, target, **options):
        result = loss(_tensors(prediction), _tensors(target), **options)
        rule = "loss `{}` must return a tensor of one element, made of the prediction, got "
        if not isinstance(result, Tensor):
            text = rule + "{}. Try the operations of nbdl tensors, which record their gradients"
            raise UsageError(text, name, type(result).__name__)
        if result.size != 1:
            raise ShapeError(rule + "one of shape {}. Try .mean()", name, result.shape)
        return result.reshape(()) if result.shape else result

    return compute


def _tensors(given):
    """What a net gives, or its targets, as tensors in the same form."""
    if isinstance(given, (tuple, list)):
        return type(given)(map(_tensors, given))
    return each(as_tensor, given)
