"""Information measures of samples: measure x estimator, chosen by name, in nats unless ``base`` says else."""

from nbdl.info._bottleneck import (
    Bottleneck,
    bottleneck_curve,
    bottleneck_picture,
    information_bottleneck,
)
from nbdl.info._closed_forms import (
    MonteCarlo,
    exponential_entropy,
    exponential_kl,
    monte_carlo_kl,
    normal_entropy,
    normal_kl,
    uniform_entropy,
    uniform_kl,
)
from nbdl.info._coding import ShannonCode, TypicalSet, shannon_code, typical_set
from nbdl.info._complexity import (
    lempel_ziv_complexity,
    permutation_entropy,
    sample_entropy,
    spectral_entropy,
)
from nbdl.info._counts import count
from nbdl.info._f_test import FTest, f_test
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
from nbdl.info._rank import Ranking, rank
from nbdl.info._series import active_information_storage, embed, lagged, transfer_entropy
from nbdl.info._significance import Interval, PermutationTest, bootstrap, permutation_test

__all__ = [
    "Bottleneck",
    "FTest",
    "GTest",
    "Interval",
    "MonteCarlo",
    "PermutationTest",
    "Ranking",
    "ShannonCode",
    "TypicalSet",
    "active_information_storage",
    "adjusted_mutual_information",
    "bootstrap",
    "bottleneck_curve",
    "bottleneck_picture",
    "co_information",
    "conditional_entropy",
    "conditional_mutual_information",
    "count",
    "dual_total_correlation",
    "embed",
    "entropy",
    "entropy_of_counts",
    "expected_mutual_information",
    "exponential_entropy",
    "exponential_kl",
    "f_test",
    "g_test",
    "information_bottleneck",
    "joint_entropy",
    "kl_divergence",
    "lagged",
    "lempel_ziv_complexity",
    "monte_carlo_kl",
    "mutual_information",
    "normal_entropy",
    "normal_kl",
    "normalized_mutual_information",
    "nsb_posterior",
    "o_information",
    "pairwise",
    "permutation_entropy",
    "permutation_test",
    "rank",
    "sample_entropy",
    "shannon_code",
    "spectral_entropy",
    "total_correlation",
    "transfer_entropy",
    "typical_set",
    "uniform_entropy",
    "uniform_kl",
    "v_measure",
    "variation_of_information",
]
