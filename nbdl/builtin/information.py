"""Measures of information and their estimators."""

from nbdl.hookspecs import hookimpl
from nbdl.records import Estimator, Measure


@hookimpl
def nbdl_measures():
    for name, inputs in (
        ("entropy", ("x",)),
        ("joint_entropy", ("*xs",)),
        ("conditional_entropy", ("x", "given")),
        ("mutual_information", ("x", "y")),
        ("conditional_mutual_information", ("x", "y", "z")),
        ("total_correlation", ("*xs",)),
        ("dual_total_correlation", ("*xs",)),
        ("o_information", ("*xs",)),
        ("co_information", ("*xs",)),
        ("kl_divergence", ("x", "y")),
        ("normalized_mutual_information", ("x", "y")),
        ("adjusted_mutual_information", ("x", "y")),
        ("variation_of_information", ("x", "y")),
        ("v_measure", ("x", "y")),
        ("transfer_entropy", ("source", "target")),
        ("active_information_storage", ("x",)),
        ("permutation_entropy", ("x",)),
        ("sample_entropy", ("x",)),
        ("spectral_entropy", ("x",)),
        ("lempel_ziv_complexity", ("x",)),
    ):
        yield Measure(name, f"nbdl.info:{name}", inputs)


@hookimpl
def nbdl_estimators():
    for name in (
        "ml", "miller_madow", "jackknife", "grassberger", "grassberger1988", "zhang", "shrink", "dirichlet",
        "jeffreys", "laplace", "perks", "minimax", "wolpert_wolf", "chao_shen", "chao_wang_jost",
    ):  # fmt: skip
        yield Estimator(name, "discrete", {"entropy": f"nbdl.info._corrections:{name}"})
    yield Estimator("nsb", "discrete", {"entropy": "nbdl.info._nsb:nsb"})
    for name in ("vasicek", "van_es", "ebrahimi", "correa"):
        yield _continuous(name, "_spacing", entropy=name)
    mutual = ("mutual_information", "conditional_mutual_information")
    pairwise = "pairwise_mutual_information"
    own = {m: m for m in ("entropy", *mutual, "kl_divergence")}
    yield _continuous("gaussian", "_gaussian", **own, **{pairwise: "_correlations:mutual_information"})
    copula = {m: f"copula_{m}" for m in mutual} | {f"shuffled_{m}": "copula_shuffled" for m in mutual}
    yield _continuous(
        "gaussian_copula", "_gaussian", **copula, **{pairwise: "_correlations:copula_mutual_information"}
    )
    yield _continuous(
        "ksg1", "_ksg", mutual_information="ksg1", total_correlation="ksg1",
        conditional_mutual_information="frenzel_pompe",
        **{f"shuffled_{m}": f"_ksg_shuffled:{m}" for m in mutual},
    )  # fmt: skip
    yield _continuous("ksg2", "_ksg", mutual_information="ksg2", total_correlation="ksg2")
    yield _continuous("kozachenko_leonenko", "_neighbours", entropy="kozachenko_leonenko")
    yield _continuous("knn", "_divergence", kl_divergence="kl_divergence")
    gao = {"mutual_information": "gao", "total_correlation": "gao", mutual[1]: "_conditional:gao"}
    yield _estimator("mixed", "ross", "_mixed", mutual_information="ross")
    yield _estimator("mixed", "gao", "_mixed", **gao)
    yield _estimator("mixed", "mesner_shalizi", "_conditional", **{mutual[1]: "mesner_shalizi"})
    entropies = {m: m for m in ("entropy", "conditional_entropy")}
    yield _estimator("mixed", "by_class", "_by_class", **entropies)
    for name in ("binned", "ordinal"):
        functions = {m: m for m in ("symbols", "entropy", *mutual)}
        yield _continuous(name, f"_{name}", ordered=name == "ordinal", **functions)


def _continuous(name, module, ordered=False, **functions):
    return _estimator("continuous", name, module, ordered, **functions)


def _estimator(data, name, module, ordered=False, **functions):
    """An estimator of such data by its measures, each with its function: a name, or ``module:name``."""
    places = {measure: f if ":" in f else f"{module}:{f}" for measure, f in functions.items()}
    places = {measure: f"nbdl.info.{place}" for measure, place in places.items()}
    return Estimator(name, data, places, ordered)
