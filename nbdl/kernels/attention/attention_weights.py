"""The weights of scaled dot-product attention as an array: to look at, where the fused kernel keeps none."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.attention.scaled_dot_product_attention import scaled_dot_product_attention
from nbdl.kernels.door.inputs import as_float, as_like


@jit
def attention_weights(
    q, k, mask=None, lengths=None, scale=None, causal=False, softcap=0.0, window=-1, offset=0
):  # fmt: skip
    """How much each query attends each key: a new array (N, H, T, S); its rows sum to 1, or are 0.

    `q` (N, H, T, D), `k` (N, K, S, D), options and errors are those of `scaled_dot_product_attention`, whose
    means of unit vectors these are: time and memory grow with S^2. No gradient is offered.

    Examples
    --------
    >>> q = np.zeros((1, 1, 2, 3))
    >>> attention_weights(q, q, causal=True)[0, 0]
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    q = as_float("attention_weights: `q` (N, H, T, D)", q, 4)
    k = as_like("attention_weights: `k` (N, K, S, D)", k, 4, q)
    N, heads, S, _ = k.shape
    units = np.zeros((N, heads, S, S), q.dtype)
    for n in range(N):
        for h in range(heads):
            for s in range(S):
                units[n, h, s, s] = 1
    return scaled_dot_product_attention(q, k, units, mask, lengths, scale, causal, softcap, window, offset)[0]
