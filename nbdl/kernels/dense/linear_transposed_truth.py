"""The truth of `linear_transposed`: the cases of `linear` with w transposed."""

import dataclasses

from nbdl.kernels.dense.linear_truth import linear_cases


def linear_transposed(x, w, b=None):
    return x @ w.T + (0 if b is None else b)


def linear_transposed_cases(rng):
    return [_transposed(case) for case in linear_cases(rng)]


def _transposed(case):
    x, w, b = case.inputs
    return dataclasses.replace(case, inputs=(x, w.T, b))
