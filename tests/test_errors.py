"""Exceptions: sentences with values, in Python and from compiled code."""

import builtins

import pytest

from nbdl import errors, jit

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.NbdlError)]


def test_values_fill_the_sentence():
    assert (
        str(errors.ShapeError("`x` must have {} dimensions, got {}", 2, 3))
        == "`x` must have 2 dimensions, got 3"
    )
    assert str(errors.UsageError("{}", "a name with {braces}")) == "a name with {braces}"
    assert str(errors.UsageError("no values: {left} alone")) == "no values: {left} alone"
    assert str(errors.NbdlError()) == ""


@jit
def refuse(n):
    if n > 2:
        raise errors.OptionError("`n` must be at most {}, got {}", 2, n)
    return n


def test_compiled_code_raises_the_same():
    assert refuse(1) == 1
    with pytest.raises(errors.OptionError) as caught:
        refuse(7)
    assert str(caught.value) == "`n` must be at most 2, got 7"


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_every_class_says_what_it_is_for_and_keeps_a_builtin_type(error):
    assert error.__doc__ and error.exit_code in range(1, 7)
    if error is not errors.NbdlError:
        assert any(base.__module__ == builtins.__name__ for base in error.__bases__)


def test_exit_codes_of_the_command_line():
    codes = {c.__name__: c.exit_code for c in CLASSES if c.exit_code != 1}
    assert codes == {
        "OptionError": 2, "UsageError": 2, "ProbabilityError": 3, "DataError": 3, "NumericError": 4,
        "PluginError": 5, "VerificationError": 6,
    }  # fmt: skip
