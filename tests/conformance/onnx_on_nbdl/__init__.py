"""ONNX operators on top of nbdl: what ONNX says differently is translated here and nowhere else.

An operator takes arrays and its attributes, and returns an array or a tuple of arrays. Heavy ones call the
kernels, plumbing calls the tape. There is a page for each kind: `windows`, `classes`, `activations`, `norms`,
`arrays`, `arrangement`, `recurrent`, `updates`. `graphs` runs graphs of them; `not_offered` says what is
missing, and why.
"""

from onnx_on_nbdl import activations, arrangement, arrays, classes, norms, recurrent, updates, windows

_PAGES = activations, arrangement, arrays, classes, norms, recurrent, updates, windows
OPERATORS = {name: operator for page in _PAGES for name, operator in page.OPERATORS.items()}
