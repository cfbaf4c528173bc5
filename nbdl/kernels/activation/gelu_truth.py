"""The truth of `gelu` and `gelu_tanh`."""

import math

import numpy as np

from nbdl.kernels.activation.elementwise_truth import elementwise_cases, on_one_loop


def gelu(x):
    x = np.maximum(x, -100)  # 0 from there on, where -inf times 0 would be NaN
    return 0.5 * x * np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2))


@np.errstate(over="ignore")  # e^-2u far below 0
def gelu_tanh(x):
    x = np.maximum(x, -100)
    return x / (1 + np.exp(-2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))  # x (1 + tanh u) / 2


gelu_cases = elementwise_cases
gelu_tanh_cases = on_one_loop()
