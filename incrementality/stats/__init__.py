"""Arrays or moments in, frozen records out; nothing here sees a database or a file.

Modules, from the ground up:

    distributions   quantiles and p-values of the normal, t and chi-square distributions
    comparison      two means compared: difference by Welch, relative lift by Fieller
    proportions     two shares compared by the score test
    moments         shifted sums by group, the means and ratios they give, with clusters where they were randomised
    adjustment      Lin's covariate adjustment, from moments and one pass over residuals
    balance         covariates of two arms compared: standardised differences and one joint test
    sample_ratio    observed against planned sizes of the arms
    heterogeneity   whether several effects are one
    multiplicity    p-values corrected for asking several questions
"""

from incrementality.stats.adjustment import (
    AdjustedMean,
    adjust_mean,
    independent_covariates,
    residual_sum,
    robust_estimate,
    small_sample_power,
)
from incrementality.stats.balance import Balance, compare_covariates
from incrementality.stats.comparison import Comparison, Interval, MeanEstimate, compare_means
from incrementality.stats.distributions import (
    chi_square_pvalue,
    normal_quantile,
    normal_two_sided_pvalue,
    t_quantile,
    t_two_sided_pvalue,
    two_sided_critical_value,
)
from incrementality.stats.heterogeneity import CochranQ, cochran_q
from incrementality.stats.moments import (
    ClusterSums,
    Moments,
    add_moments,
    estimate_mean,
    mean_covariance,
    moments_of_rows,
)
from incrementality.stats.multiplicity import holm
from incrementality.stats.proportions import compare_proportions, proportion_interval
from incrementality.stats.sample_ratio import SampleRatio, sample_ratio_test

__all__ = [
    "AdjustedMean",
    "Balance",
    "ClusterSums",
    "CochranQ",
    "Comparison",
    "Interval",
    "MeanEstimate",
    "Moments",
    "SampleRatio",
    "add_moments",
    "adjust_mean",
    "chi_square_pvalue",
    "cochran_q",
    "compare_covariates",
    "compare_means",
    "compare_proportions",
    "estimate_mean",
    "holm",
    "independent_covariates",
    "mean_covariance",
    "moments_of_rows",
    "normal_quantile",
    "normal_two_sided_pvalue",
    "proportion_interval",
    "residual_sum",
    "robust_estimate",
    "sample_ratio_test",
    "small_sample_power",
    "t_quantile",
    "t_two_sided_pvalue",
    "two_sided_critical_value",
]
