"""The pictures of these pages.

python docs/info/pictures.py

writes the SVG files beside this file, in a minute or two, always the same.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from nbdl import info, kernels

matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "nbdl", "font.size": 9})
HERE = Path(__file__).parent


def panels(count, height=3.0):
    """A figure with `count` panels side by side."""
    figure = Figure(figsize=(4.2 * count, height), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def save(figure, name):
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.savefig(HERE / name, metadata={"Date": None})


def tables():
    figure, (left, right) = panels(2)
    p = np.linspace(0, 1, 201)
    coins = np.column_stack([p, 1 - p])
    fair = np.full_like(coins, 0.5)
    left.plot(p, kernels.entropy(coins, base=2))
    left.set(xlabel="probability of heads", ylabel="entropy, bits", title="a coin")
    right.plot(p, kernels.kl_divergence(coins, fair, base=2), label="D(p, fair)")
    inner = slice(1, -1)
    right.plot(p[inner], kernels.kl_divergence(fair[inner], coins[inner], base=2), label="D(fair, p)")
    right.plot(p, kernels.js_divergence(coins, fair, base=2), label="Jensen-Shannon")
    right.set(xlabel="probability of heads", ylabel="bits", ylim=(0, 2), title="a coin and a fair one")
    right.legend(frameon=False)
    save(figure, "tables.svg")


def discrete(repetitions=200):
    names = ("ml", "miller_madow", "grassberger", "chao_shen", "shrink", "nsb")
    sizes = np.array([20, 50, 100, 200, 500, 1000])
    shapes = {"100 symbols, equally likely": np.ones(100), "100 symbols, Zipf": 1 / np.arange(1, 101)}
    figure, both = panels(2)
    for axes, (title, p) in zip(both, shapes.items()):
        p = p / p.sum()
        truth = kernels.entropy(p)
        counts = [[np.random.default_rng(i).multinomial(n, p) for i in range(repetitions)] for n in sizes]
        for name in names:
            means = [np.mean([info.entropy_of_counts(c, name) for c in each]) for each in counts]
            axes.plot(sizes, np.array(means) - truth, "o-", markersize=3, label=name)
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(xscale="log", xlabel="rows N", ylabel="bias, nats", title=title)
    both[1].legend(frameon=False, fontsize=8)
    save(figure, "discrete.svg")


def continuous(repetitions=40, N=500):
    names = ("ksg1", "ksg2", "gaussian_copula", "binned")
    figure, (left, right) = panels(2)
    r = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95])

    def pair(rng, r):
        x, e = rng.standard_normal((2, N))
        return x, r * x + np.sqrt(1 - r * r) * e

    def ring(rng, noise):
        angle = 2 * np.pi * rng.random(N)
        x, y = np.cos(angle), np.sin(angle)
        return x + noise * rng.standard_normal(N), y + noise * rng.standard_normal(N)

    def curves(axes, xs, draw):
        for name in names:
            found = [
                [
                    info.mutual_information(*draw(np.random.default_rng(i), x), name)
                    for i in range(repetitions)
                ]
                for x in xs
            ]
            axes.errorbar(xs, np.mean(found, 1), np.std(found, 1), fmt="o-", markersize=3, label=name)

    curves(left, r, pair)
    left.plot(r, -np.log(1 - r * r) / 2, "k--", linewidth=1, label="truth")
    left.set(xlabel="correlation", ylabel="nats", title="Gaussian pairs")
    left.legend(frameon=False, fontsize=8)
    curves(right, np.array([0.05, 0.1, 0.2, 0.4]), ring)
    right.set(xlabel="noise about the circle", ylabel="nats", title="a ring")
    save(figure, "continuous.svg")


def series(N=3000):
    rng = np.random.default_rng(0)
    x, e = rng.standard_normal((2, N))
    y = np.zeros(N)
    for t in range(2, N):
        y[t] = 0.5 * y[t - 1] + 0.7 * x[t - 2] + e[t]
    figure, (axes,) = panels(1)
    lags = range(1, 9)
    for name, style in (("ksg1", "-"), ("gaussian", "--")):
        axes.plot(
            lags, info.lagged("transfer_entropy", x, y, lags, name), f"o{style}C0", label=f"x to y, {name}"
        )
        axes.plot(
            lags, info.lagged("transfer_entropy", y, x, lags, name), f"s{style}C1", label=f"y to x, {name}"
        )
    axes.set(xlabel="lag", ylabel="transfer entropy, nats")
    axes.legend(frameon=False, fontsize=8)
    save(figure, "series.svg")


def significance():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400)
    y = 0.5 * x + rng.standard_normal(400)
    test = info.permutation_test("mutual_information", x, y, permutations=1000, seed=1)
    figure, (axes,) = panels(1)
    axes.hist(test.null, 40, color="#8f8f8f", label="shuffled")
    axes.axvline(test.estimate, color="C0", label=f"estimate, p = {test.p_value:.3f}")
    axes.set(xlabel="mutual information, nats", ylabel="shuffles")
    axes.legend(frameon=False, fontsize=8)
    save(figure, "significance.svg")


if __name__ == "__main__":
    for draw in (tables, discrete, continuous, series, significance):
        print(draw.__name__)
        draw()
