"""Small ONNX graphs, run with the operators that nbdl offers."""

import inspect

import numpy as np
from onnx import numpy_helper
from onnx.helper import get_attribute_value

from onnx_on_nbdl import OPERATORS


def run_graph(model, inputs):
    """The outputs of an ONNX model, as a list of arrays.

    An operator gets its inputs (None for one that is left out), and its attributes by name; if it asks for
    them, the `opset` and how many `outputs` are wanted.
    """
    graph = model.graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    # the data sets leave out the inputs that have initializers
    names = [i.name for i in graph.input if i.name not in values]
    values |= dict(zip(names, inputs, strict=True))
    for node in graph.node:
        operator = OPERATORS[node.op_type]
        options = {a.name: get_attribute_value(a) for a in node.attribute}
        options = {k: v.decode() if isinstance(v, bytes) else v for k, v in options.items()}
        told = {"opset": model.opset_import[0].version, "outputs": len(node.output)}
        asked = inspect.signature(operator).parameters
        options |= {name: value for name, value in told.items() if name in asked}
        arguments = [values[name] if name else None for name in node.input]
        results = operator(*arguments, **options)
        values |= zip(node.output, results if isinstance(results, tuple) else (results,), strict=True)
    return [values[o.name] for o in graph.output]


def check_graph(case, model, inputs, wanted):
    """Equal values, shapes and dtypes, twice the same bits, and inputs that stay what they were."""
    before = [np.array(a) for a in inputs]
    with np.errstate(all="ignore"):  # NaN and infinity are results like any other
        results, again = run_graph(model, inputs), run_graph(model, inputs)
    for got, second, want in zip(results, again, wanted, strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=case.rtol, atol=case.atol)
        assert got.tobytes() == second.tobytes()
    for a, was in zip(inputs, before):
        assert np.asarray(a).tobytes() == was.tobytes()
