"""The rows of information theory: probability tables by kernels, samples by `nbdl.info`.

Peers get the same float64 arrays; nothing is counted as FLOPs, as logarithms and comparisons are no products.
Bytes are those of the arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np

from nbdl import info, kernels


@dataclass(frozen=True)
class Estimate:
    """A row: `call` of the arguments that `arguments()` makes, and of `options`, which peers get too."""

    name: str
    size: str
    call: Callable
    arguments: Callable
    options: dict = field(default_factory=dict)
    more: dict = field(default_factory=dict)  # what only ours needs to know
    takes_threads: bool = False
    threads: int = 1

    kind: ClassVar = "info"
    flops: ClassVar = 0
    samples: ClassVar = None
    random: ClassVar = False
    written: ClassVar = ()
    check_after: ClassVar = 1

    def bytes(self, arguments):
        """Read by one repetition at least."""
        return sum(a.nbytes for a in arguments.values())

    def kernels(self):
        """What is compiled is behind `call`."""
        return []

    def start(self, arguments):
        """``run(n)``: n repetitions, then the result."""
        threads = {"threads": self.threads} if self.takes_threads else {}
        work = partial(self.call, **arguments, **self.options, **self.more, **threads)

        def run(n):
            for _ in range(n):
                result = work()
            return np.asarray(result)

        return run


def info_cases(threads=1, quick=False):
    """All rows, in the order of the table."""
    return [make(*size, threads) for make, full, small in MAKERS for size in (small if quick else full)]


# --- probability tables -------------------------------------------------------------------------------------


def _rows(name, N, D, threads):
    """Measures of the rows of tables that do not sum to one."""

    def arguments():
        rng = np.random.default_rng(0)
        return {n: rng.random((N, D)) for n in ("p", "q")[: 1 if name == "entropy" else 2]}

    return Estimate(f"row_{name}", f"{N}x{D}", getattr(kernels, name), arguments, more={"normalize": True})


# --- discrete samples ---------------------------------------------------------------------------------------


def _labels(N, symbols, threads):
    def arguments():
        rng = np.random.default_rng(0)
        x, same, other = rng.integers(0, symbols, N), rng.random(N) < 0.5, rng.integers(0, symbols, N)
        return {"x": x, "y": np.where(same, x, other)}

    return Estimate("label_mi", f"N={N}, {symbols} symbols", info.mutual_information, arguments)


def _transfer(N, symbols, threads):
    """The target repeats the source of the step before in half of the rows."""

    def arguments():
        rng = np.random.default_rng(0)
        source, same, other = rng.integers(0, symbols, N), rng.random(N) < 0.5, rng.integers(0, symbols, N)
        return {"source": source, "target": np.where(same, np.roll(source, 1), other)}

    return Estimate("label_te", f"N={N}, {symbols} symbols", info.transfer_entropy, arguments)


def _columns(p, N, symbols, threads):
    def arguments():
        return {"X": np.random.default_rng(0).integers(0, symbols, (N, p))}

    size = f"{p} columns, N={N}"
    return Estimate("pairwise_mi", size, info.pairwise, arguments, takes_threads=True, threads=threads)


def _ranked(p, N, kind, threads):
    """Columns of numbers that say more and more about a number, or about its class."""

    def arguments():
        rng = np.random.default_rng(0)
        y = rng.standard_normal(N)
        X = np.linspace(0, 1, p) * y[:, None] + rng.standard_normal((N, p))
        X, y = X / X.std(axis=0), y / y.std()  # as the peer scales them
        return {"X": X, "y": np.digitize(y, [-1, 0, 1]) if kind == "classes" else y}

    size = f"{p} columns, N={N}, {kind}"
    return Estimate("rank", size, _information_of_columns, arguments, takes_threads=True, threads=threads)


def _information_of_columns(X, y, threads):
    """Of each column of X, in their order; never below zero, as the peer has it."""
    numbers = {"estimator": "ksg1", "standardize": False} if y.dtype.kind == "f" else {"k": 3}
    found = info.rank(X, y, threads=threads, **numbers)
    return np.maximum(found.values[np.argsort(found.columns)], 0)


def _normal_columns(p, N, threads):
    """All pairs of columns with a correlation of 0.36 each."""

    def arguments():
        rng = np.random.default_rng(0)
        return {"X": 0.6 * rng.standard_normal((N, 1)) + 0.8 * rng.standard_normal((N, p))}

    size = f"{p} columns, N={N}"
    return Estimate("gaussian_pairs", size, _gaussian_pairs, arguments, takes_threads=True, threads=threads)


def _gaussian_pairs(X, threads):
    """Without the diagonal, where it is infinite."""
    matrix = info.pairwise(X, estimator="gaussian", bias_correction=False, threads=threads)
    np.fill_diagonal(matrix, 0)
    return matrix


def _chance(kind, N, x, y, threads):
    """The mutual information that labels have by chance, for the adjusted one: of x and y classes."""

    def arguments():
        if kind == "zipf":
            rng = np.random.default_rng(0)
            return {"x": rng.zipf(1.3, N) % x, "y": rng.zipf(1.3, N) % y}
        return {"x": np.arange(N) % x, "y": np.arange(N) % y}

    size = f"N={N}, {x} and {y} classes, {kind}"
    return Estimate("expected_mi", size, info.expected_mutual_information, arguments)


# --- continuous samples -------------------------------------------------------------------------------------


def _normal(N, columns):
    """Columns of normal numbers by name, with a correlation of 0.6 of each with the first, and deviation 1.

    Estimators by nearest neighbours take them as they are: libraries differ in the units that they choose.
    """

    def arguments():
        rng = np.random.default_rng(0)
        x = rng.standard_normal((len(columns), N))
        x[1:] = 0.6 * x[0] + 0.8 * x[1:]
        return dict(zip(columns, x / x.std(axis=1, keepdims=True)))

    return arguments


def _binned(N, bins, threads):
    size = f"N={N}, {bins} bins"
    more = {"estimator": "binned"}
    return Estimate("binned_mi", size, info.mutual_information, _normal(N, "xy"), {"bins": bins}, more)


def _spacing(method, N, threads):
    more = {"estimator": method}
    return Estimate(f"{method}_entropy", f"N={N}", info.entropy, _normal(N, "x"), more=more)


def _ksg1(N, threads):
    more = {"estimator": "ksg1", "standardize": False}
    return Estimate(
        "ksg1_mi", f"N={N}", info.mutual_information, _normal(N, "xy"), {"k": 3}, more, True, threads
    )  # fmt: skip


def _neighbours(N, D, threads):
    def arguments():
        return {"x": np.random.default_rng(0).standard_normal((N, D))}

    more = {"estimator": "kozachenko_leonenko", "standardize": False}
    size = f"N={N}, D={D}"
    return Estimate("knn_entropy", size, info.entropy, arguments, {"k": 3}, more, True, threads)


def _conditional(N, threads):
    call = info.conditional_mutual_information
    more = {"standardize": False}
    return Estimate("knn_cmi", f"N={N}", call, _normal(N, "xyz"), {"k": 3}, more, True, threads)


def _ross(N, symbols, threads):
    def arguments():
        rng = np.random.default_rng(0)
        y = rng.integers(0, symbols, N)
        return {"x": rng.standard_normal(N) + y, "y": y}

    size = f"N={N}, {symbols} symbols"
    return Estimate("ross_mi", size, info.mutual_information, arguments, {"k": 3}, {}, True, threads)


def _permutations(N, count, threads):
    """The estimate itself is compared; the shuffles of two libraries differ."""
    size = f"N={N}, {count} permutations"
    options = {"k": 3, "permutations": count}
    more = {"standardize": False}
    return Estimate("ksg1_test", size, _estimate_of_test, _normal(N, "xy"), options, more, True, threads)


def _estimate_of_test(x, y, **options):
    return info.permutation_test("mutual_information", x, y, estimator="ksg1", **options).estimate


def _ordinal(N, order, threads):
    more = {"estimator": "ordinal"}
    size = f"N={N}, order {order}"
    return Estimate("permutation_entropy", size, info.entropy, _normal(N, "x"), {"order": order}, more)


def _regular(name, N, threads):
    """One series; of two symbols for Lempel and Ziv's words."""

    def arguments():
        x = np.random.default_rng(0).standard_normal(N)
        return {"x": x > 0 if name == "lempel_ziv_complexity" else x}

    takes_threads = name == "sample_entropy"
    return Estimate(name, f"N={N}", getattr(info, name), arguments, {}, {}, takes_threads, threads)


MAKERS = (  # what makes a row, its sizes, and quick ones
    (partial(_rows, "entropy"), ((10_000, 1000),), ((20, 50),)),
    (partial(_rows, "kl_divergence"), ((10_000, 1000),), ((20, 50),)),
    (partial(_rows, "js_distance"), ((10_000, 1000),), ((20, 50),)),
    (_labels, ((1_000_000, 10),), ((500, 4),)),
    (_transfer, ((100_000, 10),), ((500, 3),)),
    (_columns, ((20, 10_000, 5),), ((4, 200, 3),)),
    (
        _ranked,
        ((200, 10_000, "numbers"), (200, 10_000, "classes")),
        ((4, 200, "numbers"),),
    ),
    (_normal_columns, ((30, 100_000),), ((4, 200),)),
    (_chance, (("even", 100_000, 1000, 900), ("zipf", 100_000, 1000, 1000)), (("even", 200, 8, 7),)),
    (_binned, ((1_000_000, 32),), ((500, 6),)),
    (partial(_spacing, "vasicek"), ((1_000_000,),), ((200,),)),
    (partial(_spacing, "correa"), ((100_000,),), ((200,),)),
    (_ksg1, ((10_000,), (100_000,), (1_000_000,)), ((200,),)),
    (_neighbours, ((10_000, 4), (100_000, 4)), ((200, 4),)),
    (_conditional, ((100_000,),), ((200,),)),
    (_ross, ((100_000, 5),), ((200, 3),)),
    (_permutations, ((2000, 50),), ((100, 3),)),
    (_ordinal, ((100_000, 4),), ((200, 3),)),
    (partial(_regular, "sample_entropy"), ((4000,), (30_000,)), ((200,),)),
    (partial(_regular, "spectral_entropy"), ((100_000,),), ((200,),)),
    (partial(_regular, "lempel_ziv_complexity"), ((30_000,),), ((200,),)),
)
