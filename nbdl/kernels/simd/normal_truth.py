"""Normal random numbers in plain Python."""

from statistics import NormalDist

import numpy as np

from nbdl.kernels.simd.philox_truth import philox


def normal_numbers(shape, seed, op, step):
    """The number of each element of an array whose first axis is the sample."""
    samples = np.zeros(shape or 1)
    samples = samples.reshape(len(samples), np.prod(samples.shape[1:], dtype=int))
    for sample, element in np.ndindex(samples.shape):
        word = philox((element // 4, sample, step, op), (seed % 2**32, seed // 2**32))[element % 4]
        samples[sample, element] = NormalDist().inv_cdf((word + 0.5) / 2**32)
    return samples.reshape(shape)
