"""`Case` and `Bad`, as truth files use them."""

from nbdl.cases import Bad, Case

__all__ = ["Bad", "Case"]
