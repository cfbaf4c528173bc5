"""What scans over time share: lengths of sequences, states, and their products with weights.

A scan goes through z (N, T, G), the share that the inputs have in what a cell computes (`linear` makes it for
all steps at once), with a state (N, H), to which each step adds the products with its weights w (H, G).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels.door.inputs import as_labels
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.few_rows import FEW_ROWS, gemm_few_rows
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.panels import copy


@jit
def as_lengths(where, lengths):
    """Lengths (N,) as int64; None becomes an array without elements: all sequences are whole."""
    if lengths is None:
        return np.empty(0, np.int64)
    return as_labels(where, lengths, 1)


@jit
def check_steps(where, shape):
    if shape[1] == 0:
        raise ShapeError("{} must have at least 1 step, got T = 0 in shape {}", where, shape)


@jit
def check_shape(where, got, wanted, given):
    """That what is `given` has the shape that is `wanted`."""
    if given and got != wanted:
        raise ShapeError("{} must have shape {}, got {}", where, wanted, got)


@jit
def check_lengths(kernel, lengths, T):
    """Raises `LabelError` unless every length is from 0 to T."""
    for n in range(lengths.size):
        # `add_products_dw` walks up to a length: one beyond T would read behind the array.
        if lengths[n] < 0 or lengths[n] > T:
            raise LabelError(
                "{}: `lengths` must be from 0 to {}, the number of steps, got {} at position {}",
                kernel, T, lengths[n], n,
            )  # fmt: skip


@jit
def step_of(s, T, reverse):
    """Where the walk is at its turn s."""
    return T - 1 - s if reverse else s


@jit
def is_in(lengths, n, t):
    """Whether sequence n has a step t."""
    return lengths.size == 0 or t < lengths[n]


@jit
def copy_step(z, t, gates):
    """gates (N, G) = z[:, t]."""
    N, T, G = z.shape
    for n in range(N):
        copy(flat(z), (n * T + t) * G, G, flat(gates), n * G)


@jit
def add_products(h, w, gates):
    """gates (N, G) += h (N, H) w (H, G)."""
    (N, H), G = h.shape, w.shape[1]
    if N <= FEW_ROWS:  # where packing w would cost more than it saves
        for n in range(N):
            gemm_few_rows(h[n : n + 1], w, gates[n], gates[n : n + 1])
    else:
        one, add = np.int64(1), np.bool_(True)
        gemm(one, N, G, H, flat(h), H, one, flat(w), G, one, flat(gates), add)


@jit
def add_products_dh(dgates, w, dh):
    """dh (N, H) += dgates (N, G) w^T."""
    (N, G), H = dgates.shape, w.shape[0]
    one, add = np.int64(1), np.bool_(True)
    gemm(one, N, H, G, flat(dgates), G, one, flat(w), one, G, flat(dh), add)


@jit
def add_products_dw(dz, y, h0, lengths, reverse, dw):
    """dw (H, G) += sum of h dz over sequences and steps, h the state before a step: that in y, or `h0`.

    dz (N, T, G) is zero where a sequence has no step.
    """
    (N, T, H), G = y.shape, dz.shape[2]
    # The states before all steps side by side, so that one product does.
    before = states_before(y, h0, lengths, reverse)
    one, add = np.int64(1), np.bool_(True)
    gemm(one, H, G, N * T, flat(before), one, H, flat(dz), G, one, flat(dw), add)


@jit
def states_before(y, h0, lengths, reverse):
    """The states (N, T, H) before all steps, of those behind them; zeros where there is none."""
    N, T, H = y.shape
    before = np.zeros((N, T, H), y.dtype)
    for n in range(N):
        end = lengths[n] if lengths.size else T
        for t in range(end):
            # In reverse the last step that is there comes first, not step T - 1.
            first = t == (end - 1 if reverse else 0)
            if not first:
                copy(flat(y), (n * T + (t + 1 if reverse else t - 1)) * H, H, flat(before), (n * T + t) * H)
            elif h0.size:
                copy(flat(h0), n * H, H, flat(before), (n * T + t) * H)
    return before
