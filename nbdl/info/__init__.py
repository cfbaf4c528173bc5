"""Information measures of samples: measure x estimator, chosen by name, in nats unless ``base`` says else."""

from nbdl.info._counts import count
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

__all__ = [
    "co_information",
    "conditional_entropy",
    "conditional_mutual_information",
    "count",
    "dual_total_correlation",
    "entropy",
    "entropy_of_counts",
    "joint_entropy",
    "kl_divergence",
    "mutual_information",
    "o_information",
    "total_correlation",
]
