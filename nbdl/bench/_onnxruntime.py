"""ONNX Runtime as a peer: the rows of prediction, the net written as an ONNX model with the same weights."""

from functools import partial

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from nbdl.bench._race import Competitor
from nbdl.nn._parameter import named_arrays
from nbdl.step._trace import trace

VERSION = onnxruntime.__version__
OPSET, IR = 17, 9


def competitors(case, arguments, quick):
    """ONNX Runtime's entry for a row of prediction."""
    return [Competitor("", partial(_predict, case, arguments))] if case.kind == "predict" else []


def _predict(case, arguments):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = case.threads
    session = onnxruntime.InferenceSession(
        model(case.net, arguments["x"]), options, providers=["CPUExecutionProvider"]
    )

    def run(n):
        for _ in range(n):
            (y,) = session.run(None, arguments)
        return y

    return run


def model(net, x):
    """The bytes of an ONNX model: what a net of images calls, with its weights."""
    stored = named_arrays(net)
    graph = trace(net, (x, None), x.dtype)
    arrays, nodes, names = [], [], {}

    def constant(array, name):
        arrays.append(numpy_helper.from_array(array, name))
        return name

    def name_of(value):
        if value.source == "data":
            return "x"
        if value not in names:
            names[value] = constant(stored[value.name]._array, value.name)
        return names[value]

    for i, node in enumerate(graph.nodes):
        operator, options = OPERATORS[node.record.name](node)
        inputs = [name_of(v) for v in node.inputs if v is not None]
        if operator == "Reshape":
            inputs = [inputs[0], constant(np.array([-1, *node.output.shape]), f"shape{i}")]
        names[node.output] = f"v{i}"
        nodes.append(helper.make_node(operator, inputs, [f"v{i}"], **options))
    (result,) = graph.results
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(x), *shape])
        for name, shape in (("x", x.shape[1:]), (names[result], result.shape))
    ]
    made = helper.make_graph(nodes, "net", ends[:1], ends[1:], arrays)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opset, ir_version=IR).SerializeToString()


def _windows(node):
    top, bottom, left, right = node.constants["padding"]
    return {
        "strides": node.constants["stride"], "dilations": node.constants["dilation"],
        "pads": (top, left, bottom, right),
    }  # fmt: skip


def _pool(node):
    return {**_windows(node), "kernel_shape": node.constants["kernel"]}


OPERATORS = {  # name of our operation -> (name of ONNX's, attributes)
    "conv2d": lambda node: ("Conv", _windows(node)),
    "max_pool2d": lambda node: ("MaxPool", _pool(node)),
    "avg_pool2d": lambda node: ("AveragePool", {k: v for k, v in _pool(node).items() if k != "dilations"}),
    "global_avg_pool2d": lambda node: ("ReduceMean", {"axes": (2, 3), "keepdims": 0}),
    "linear": lambda node: ("Gemm", {}),
    "relu": lambda node: ("Relu", {}),
    "sigmoid": lambda node: ("Sigmoid", {}),
    "add": lambda node: ("Add", {}),
    "reshape": lambda node: ("Reshape", {}),
}
