"""The error of a data file: what is wrong, where, and one thing to try.

The place and the advice are notes of the exception: a traceback prints them below the message, and the
command line prints them as its second and third line.
"""

from nbdl.errors import DataError


def fault(what, where, hint):
    """A `DataError` to raise: `where` is the file with key, column or row, `hint` completes "try: ..."."""
    error = DataError(what)
    error.add_note(f"where: {where}")
    error.add_note(f"try: {hint}")
    return error
