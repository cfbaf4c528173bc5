"""Information measures of samples: measure x estimator, chosen by name, in nats unless ``base`` says else."""

from nbdl.info._counts import count
from nbdl.info._g_test import GTest, g_test
from nbdl.info._labels import (
    adjusted_mutual_information,
    expected_mutual_information,
    normalized_mutual_information,
    v_measure,
    variation_of_information,
)
from nbdl.info._measures import (
    co_information,
    conditional_entropy,
    conditional_mutual_information,
    dual_total_correlation,
    entropy,
    entropy_of_counts,
    joint_entropy,
    kl_divergence,
    mutual_information,
    o_information,
    total_correlation,
)
from nbdl.info._nsb import nsb_posterior
from nbdl.info._pairwise import pairwise

__all__ = [
    "GTest",
    "adjusted_mutual_information",
    "co_information",
    "conditional_entropy",
    "conditional_mutual_information",
    "count",
    "dual_total_correlation",
    "entropy",
    "entropy_of_counts",
    "expected_mutual_information",
    "g_test",
    "joint_entropy",
    "kl_divergence",
    "mutual_information",
    "normalized_mutual_information",
    "nsb_posterior",
    "o_information",
    "pairwise",
    "total_correlation",
    "v_measure",
    "variation_of_information",
]
