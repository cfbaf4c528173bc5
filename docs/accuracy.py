"""The accuracy board: estimators on tasks whose true value is known in closed form.

    python docs/accuracy.py

writes accuracy.md and accuracy.svg beside this file, in a minute or two. Every estimate is of a fresh sample;
its seed is the number of the repetition.
"""

import math
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from nbdl import info

SEEDS = 100
HERE = Path(__file__).parent
EULER = 0.5772156649015329


class Task(NamedTuple):
    """A measure of samples that `draw(rng, N)` makes, its true value in nats, and who estimates it."""

    family: str
    name: str
    measure: str
    draw: Callable
    truth: float
    estimators: tuple
    size: int = 1000
    options: MappingProxyType = MappingProxyType({})


class Row(NamedTuple):
    """What one estimator makes of one task."""

    task: Task
    estimator: str
    mean: float
    sd: float

    @property
    def bias(self):
        return self.mean - self.task.truth


# --- mutual information of continuous samples ---------------------------------------------------------------


def equicorrelated(r, dims):
    """All correlations are r: of X, of Y, and of both."""

    def draw(rng, n):
        both = math.sqrt(1 - r) * rng.standard_normal((n, 2 * dims)) + math.sqrt(r) * rng.standard_normal(
            (n, 1)
        )
        return both[:, :dims], both[:, dims:]

    def log_det(m):
        return (m - 1) * math.log(1 - r) + math.log(1 + (m - 1) * r)

    return draw, log_det(dims) - log_det(2 * dims) / 2


def gaussian(r):
    def draw(rng, n):
        x = rng.standard_normal(n)
        return x, r * x + math.sqrt(1 - r * r) * rng.standard_normal(n)

    return draw, 0.0 - math.log(1 - r * r) / 2


def transformed(r, f):
    """Monotone changes of a column alter no mutual information."""
    draw, truth = gaussian(r)
    return lambda rng, n: tuple(f(a) for a in draw(rng, n)), truth


def student(freedom, dims):
    """Uncorrelated, but dependent: all coordinates share one scale."""

    def draw(rng, n):
        both = rng.standard_normal((n, 2 * dims)) / np.sqrt(rng.chisquare(freedom, (n, 1)) / freedom)
        return both[:, :dims], both[:, dims:]

    def f(v):
        return math.lgamma(v / 2) - v / 2 * _digamma(v / 2)

    return draw, f(freedom) + f(freedom + 2 * dims) - 2 * f(freedom + dims)


def _digamma(x):
    """Of a multiple of 1/2: the recurrence from psi(1) and psi(1/2)."""
    value, at = (-EULER, 1.0) if x % 1 == 0 else (-EULER - 2 * math.log(2), 0.5)
    while at < x:
        value, at = value + 1 / at, at + 1
    return value


def additive(e):
    """X uniform on (0, 1), Y = X + noise uniform on (-e, e)."""

    def draw(rng, n):
        x = rng.random(n)
        return x, x + rng.uniform(-e, e, n)

    return draw, e - math.log(2 * e) if e <= 0.5 else 1 / (4 * e)


MUTUAL = ("ksg1", "ksg2", "gaussian", "gaussian_copula", "binned")


def mutual(name, made):
    return Task("Mutual information, continuous", name, "mutual_information", *made, MUTUAL)


# --- mixed samples ------------------------------------------------------------------------------------------


def two_classes(distance, truth):
    """A fair label, and a normal number about one of two means; the truth is a numerical integral."""

    def draw(rng, n):
        label = rng.integers(0, 2, n)
        return rng.standard_normal(n) + distance * label, label

    return draw, truth


def ladder(m):
    """X one of 0 ... m - 1, Y uniform on (X, X + 2)."""

    def draw(rng, n):
        x = rng.integers(0, m, n)
        return x, x + 2 * rng.random(n)

    return draw, math.log(m) - (m - 1) * math.log(2) / m


def poisson():
    """X exponential, Y a Poisson number with mean X."""

    def draw(rng, n):
        x = rng.exponential(size=n)
        return x, rng.poisson(x)

    return draw, 0.3012447733


def mixed(name, made, estimators=("ross", "gao")):
    return Task("Mutual information, mixed", name, "mutual_information", *made, estimators)


# --- conditional mutual information, transfer entropy -------------------------------------------------------


def chain(rng, n):
    x = rng.standard_normal(n)
    z = x + rng.standard_normal(n)
    return x, z + rng.standard_normal(n), z


def collider(rng, n):
    """Independent, but for the sum that is known."""
    x, y = rng.standard_normal((2, n))
    return x, y, x + y + rng.standard_normal(n)


def driven(rng, n, b=0.7):
    """y(t) = 0.5 y(t - 1) + b x(t - 1) + noise, x white."""
    x, e = rng.standard_normal((2, n))
    y = np.zeros(n)
    for t in range(1, n):
        y[t] = 0.5 * y[t - 1] + b * x[t - 1] + e[t]
    return x, y


CONDITIONAL = ("ksg1", "gaussian", "gaussian_copula", "binned")


def conditional(name, measure, draw, truth):
    return Task("Conditional and of series", name, measure, draw, truth, CONDITIONAL)


# --- conditional mutual information, entropies of symbols and numbers ---------------------------------------


def in_classes(r):
    """Normal numbers about means that a label chooses; in each class their correlation is one of r."""
    r = np.array(r)

    def draw(rng, n):
        z = rng.integers(0, 3, n)
        x, y = rng.standard_normal((2, n))
        return x + z, r[z] * x + np.sqrt(1 - r[z] ** 2) * y - z, z

    return draw, 0.0 - float(np.log(1 - r**2).mean()) / 2


def two_labels(rng, n):
    """Two normal densities at distance 2, which a second label moves."""
    x, z = rng.integers(0, 2, n), rng.integers(0, 3, n)
    return x, 2 * x + z + rng.standard_normal(n), z


def label_beside_a_number(rng, n):
    """Two normal densities at distance 2, which a number moves."""
    x, z = rng.integers(0, 2, n), rng.standard_normal(n)
    return x, 2 * x + z + rng.standard_normal(n), z


def label_of_a_number(rng, n):
    """A label and a number, either of them from z alone."""
    z = rng.standard_normal(n)
    return (rng.random(n) < 1 / (1 + np.exp(-2 * z))).astype(int), z + rng.standard_normal(n), z


def labels_of_a_number(rng, n):
    z = rng.standard_normal(n)
    x, y = (rng.random((2, n)) < 1 / (1 + np.exp(-2 * z))).astype(int)
    return x, y, z


def given(name, draw, truth):
    """Every pattern of the kinds of x, y and z."""
    family, measure = "Conditional mutual information, mixed", "conditional_mutual_information"
    return Task(family, name, measure, draw, truth, ("gao", "mesner_shalizi"))


SHARES, MEANS, DEVIATIONS = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 3.0], [1.0, 0.5, 2.0]])
LABEL = -float(SHARES @ np.log(SHARES))
NUMBER_GIVEN_LABEL = math.log(2 * math.pi * math.e) / 2 + float(SHARES @ np.log(DEVIATIONS))
LABEL_OF_NUMBER = 0.4186054878  # what the number says of the label: a numerical integral


def labelled(rng, n):
    """A label, and a normal number whose mean and deviation it chooses."""
    label = rng.choice(3, n, p=SHARES)
    return label, MEANS[label] + DEVIATIONS[label] * rng.standard_normal(n)


def chain_from_a_label(rng, n):
    """Label, two normal densities at distance 2, a noisy copy."""
    label = rng.integers(0, 2, n)
    x = 2 * label + rng.standard_normal(n)
    return label, x, 0.6 * x + 0.8 * rng.standard_normal(n)


def of_both(name, measure, draw, truth, estimator):
    return Task("Symbols and numbers together", name, measure, draw, truth, (estimator,))


# --- divergence, joint entropy ------------------------------------------------------------------------------


def two_normal(mean, deviation=1.0, units=(1.0,), decimals=15):
    """N(0, 1) and N(mean, deviation^2) in each column, in units of its own, rounded."""

    def draw(rng, n):
        x, y = rng.standard_normal((2, n, len(units)))
        y = mean + deviation * y
        return x.round(decimals) * units, y.round(decimals) * units

    each = math.log(deviation) + (1 + mean**2) / (2 * deviation**2) - 0.5
    return draw, len(units) * each


def zero_inflated(rng, n):
    """Exponential numbers of mean 1 and 2, but 0 with probability 0.4 and 0.2."""
    x, y = (np.where(rng.random(n) < p, 0, rng.exponential(m, n)) for p, m in ((0.4, 1), (0.2, 2)))
    return x, y


def diverging(name, made):
    return Task("Divergence", name, "kl_divergence", *made, ("knn", "gaussian"))


def salaries(rng, n):
    """A rate given a salary: correlation 0.6, deviations 0.01 and 12,000."""
    s = rng.standard_normal(n)
    return 0.05 + 0.01 * (0.6 * s + 0.8 * rng.standard_normal(n)), 5e4 + 1.2e4 * s


# --- entropies ----------------------------------------------------------------------------------------------

SPACINGS = ("kozachenko_leonenko", "vasicek", "van_es", "ebrahimi", "correa", "gaussian", "binned")
CORRECTIONS = (
    "ml", "miller_madow", "jackknife", "grassberger", "zhang", "shrink", "jeffreys", "chao_shen",
    "chao_wang_jost", "nsb",
)  # fmt: skip


def density(name, draw, truth):
    return Task("Differential entropy", name, "entropy", lambda rng, n: (draw(rng, n),), truth, SPACINGS)


def symbols(name, p, size):
    p = np.asarray(p) / np.sum(p)
    truth = -float(p @ np.log(p))
    draw = lambda rng, n: (rng.choice(len(p), n, p=p),)  # noqa: E731
    return Task("Entropy of symbols", name, "entropy", draw, truth, CORRECTIONS, size, {"k": len(p)})


TASKS = (
    *(mutual(f"Gaussian, r = {r}", gaussian(r)) for r in (0.0, 0.3, 0.6, 0.9)),
    mutual("Gaussian, r = 0.75, half-cube", transformed(0.75, lambda a: np.sign(a) * np.abs(a) ** 1.5)),
    mutual("Gaussian, r = 0.75, asinh of 10 x", transformed(0.75, lambda a: np.arcsinh(10 * a))),
    *(mutual(f"dense Gaussian {d} x {d}, r = 0.5", equicorrelated(0.5, d)) for d in (2, 3, 5)),
    *(mutual(f"Student, {v} degrees, {d} x {d}", student(v, d)) for v, d in ((1, 1), (2, 2), (2, 5))),
    *(mutual(f"additive noise, e = {e}", additive(e)) for e in (0.1, 0.75)),
    *(
        mixed(f"two classes at distance {d}", two_classes(d, truth))
        for d, truth in ((1, 0.1114214822), (2, 0.3368308203), (4, 0.6327201937), (8, 0.6930536455))
    ),
    mixed("ladder of 5 steps", ladder(5)),
    mixed("Poisson number of an exponential mean", poisson()),
    conditional("chain X, Z, Y: X and Y given Z", "conditional_mutual_information", chain, 0.0),
    conditional(
        "collider: X and Y given a noisy sum", "conditional_mutual_information", collider, math.log(4 / 3) / 2
    ),
    conditional("transfer, b = 0.7", "transfer_entropy", driven, math.log(1 + 0.7**2) / 2),
    given("normal, independent given 3 labels", *in_classes((0.0, 0.0, 0.0))),
    given("normal, r = 0, 0.6, 0.9 given 3 labels", *in_classes((0.0, 0.6, 0.9))),
    given("label and number given a label", two_labels, 0.3368308203),
    given("label and number given a number", label_beside_a_number, 0.3368308203),
    given("label and number, both of the number given", label_of_a_number, 0.0),
    given("two labels of the number given", labels_of_a_number, 0.0),
    of_both("label and number", "joint_entropy", labelled, LABEL + NUMBER_GIVEN_LABEL, "by_class"),
    of_both("label given the number", "conditional_entropy", labelled, LABEL - LABEL_OF_NUMBER, "by_class"),
    of_both(
        "number given the label",
        "conditional_entropy",
        lambda rng, n: labelled(rng, n)[::-1],
        NUMBER_GIVEN_LABEL,
        "by_class",
    ),
    of_both("chain of a label and two numbers", "total_correlation", chain_from_a_label, 0.7132181088, "gao"),
    of_both("that chain, dual", "dual_total_correlation", chain_from_a_label, 0.5599743717, "gao"),
    of_both("that chain, O-information", "o_information", chain_from_a_label, 0.1532437371, "gao"),
    density("normal", lambda rng, n: rng.standard_normal(n), math.log(2 * math.pi * math.e) / 2),
    density("uniform", lambda rng, n: rng.random(n), 0.0),
    density("exponential", lambda rng, n: rng.exponential(size=n), 1.0),
    density("Laplace", lambda rng, n: rng.laplace(size=n), 1 + math.log(2)),
    density("Gumbel", lambda rng, n: rng.gumbel(size=n), 1 + EULER),
    density("Cauchy", lambda rng, n: rng.standard_cauchy(n), math.log(4 * math.pi)),
    density("log-normal", lambda rng, n: rng.lognormal(0, 2, n), math.log(8 * math.pi * math.e) / 2),
    Task(
        "Differential entropy",
        "rate given a salary",
        "conditional_entropy",
        salaries,
        math.log(2 * math.pi * math.e) / 2 + math.log(0.008),
        ("kozachenko_leonenko", "gaussian", "binned"),
    ),
    diverging("normal, mean 1", two_normal(1)),
    diverging("normal, deviation 2", two_normal(0, 2)),
    diverging("normal, equal", two_normal(0)),
    diverging("3 columns in unlike units, mean 0.5", two_normal(0.5, 1, (1.0, 1e4, 1e-6))),
    diverging("rounded to tenths, mean 0.5", two_normal(0.5, decimals=1)),
    diverging(
        "zero-inflated",
        (zero_inflated, 0.4 * math.log(2) + 0.6 * math.log(0.6 / 0.8) + 0.6 * (math.log(2) - 0.5)),
    ),
    *(symbols(f"uniform, 100 symbols, N = {n}", np.ones(100), n) for n in (50, 200, 1000)),
    *(symbols(f"Zipf, 100 symbols, N = {n}", 1 / np.arange(1, 101), n) for n in (50, 200, 1000)),
)


def row(task, estimator, seeds=SEEDS):
    """Mean and standard deviation of an estimator over fresh samples."""
    found = []
    for seed in range(seeds):
        samples = task.draw(np.random.default_rng(seed), task.size)
        found.append(getattr(info, task.measure)(*samples, estimator=estimator, **task.options))
    return Row(task, estimator, float(np.mean(found)), float(np.std(found, ddof=1)))


HEAD = """# Accuracy board

Estimators on tasks whose true value is known, in nats. `python docs/accuracy.py` writes this page and its
picture. Each line is of {seeds} fresh samples of N rows: the mean of the estimates, how far it is from the
truth (bias), and the standard deviation of a single estimate. Both should be small; an estimate is biased
where the bias is far above sd / {root:.0f}. Options are the default ones; the entropies of symbols are told
the size of the alphabet. What to use when: [information.md](information.md).

![Bias of each estimator on each task](accuracy.svg)"""


def page(rows, seeds=SEEDS):
    """The board as Markdown."""
    text = [HEAD.format(seeds=seeds, root=math.sqrt(seeds))]
    for family in dict.fromkeys(r.task.family for r in rows):
        text += ["", f"## {family}", "", "| task | N | truth | estimator | mean | bias | sd |"]
        text += ["|---|---|---|---|---|---|---|"]
        for r in (r for r in rows if r.task.family == family):
            t = r.task
            numbers = f"{t.truth:.4f} | `{r.estimator}` | {r.mean:.4f} | {r.bias:+.4f} | {r.sd:.4f}"
            text.append(f"| {t.name} | {t.size} | {numbers} |")
    return "\n".join(text) + "\n"


def picture(rows, path):
    """Bias of each estimator on each task, with one standard deviation to each side."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nbdl"})
    families = list(dict.fromkeys(r.task.family for r in rows))
    counts = [len({r.task.name for r in rows if r.task.family == f}) for f in families]
    figure = Figure(figsize=(9, 1.2 * len(families) + 0.36 * sum(counts)), layout="constrained")
    panels = figure.subplots(len(families), 1, height_ratios=[n + 1 for n in counts], squeeze=False)[:, 0]
    for axes, family in zip(panels, families):
        own = [r for r in rows if r.task.family == family]
        names = list(dict.fromkeys(r.task.name for r in own))
        estimators = list(dict.fromkeys(r.estimator for r in own))
        for place, estimator in enumerate(estimators):
            mine = [r for r in own if r.estimator == estimator]
            y = [names.index(r.task.name) + (place / len(estimators) - 0.4) for r in mine]
            axes.errorbar(
                [r.bias for r in mine], y, xerr=[r.sd for r in mine], fmt="o", markersize=3, linewidth=1,
                color=f"C{place}", label=estimator,
            )  # fmt: skip
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.invert_yaxis()
        axes.grid(axis="x", alpha=0.3)
        axes.set_title(f"{family}: bias in nats", fontsize=9, loc="left")
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, metadata={"Date": None})


def main():
    rows = []
    for task in TASKS:
        print(f"{task.family}: {task.name}")
        rows += [row(task, estimator) for estimator in task.estimators]
    (HERE / "accuracy.md").write_text(page(rows), encoding="utf-8")
    picture(rows, HERE / "accuracy.svg")


if __name__ == "__main__":
    main()
