"""Array plumbing of the eager tape: NumPy functions under recorded names, each with its gradients.

Arithmetic, products, reductions, indexing and reshaping compile nothing. They follow the kernel law all the
same: forward ``f(*inputs, *constants)``; a gradient is named ``<op>_d<input>``, takes the cotangent first and
adds to its last argument. Beside a page stand the lanes twins of its operations, ``<page>_lanes.py``, and
what they are verified on, ``<page>_truth.py``.
"""
