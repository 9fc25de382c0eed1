"""Arrays or moments in, frozen records out; nothing here sees a database or a file.

Modules, from the ground up:

    distributions   quantiles and p-values of the normal, t and chi-square distributions
    comparison      two means compared: difference by Welch, relative lift by Fieller
    proportions     two shares compared by the score test
    exact_orders    what makes one table of two counts more extreme than another
    exact           two shares with few events compared by the exact unconditional test
    cluster_sums    sums over randomised clusters, by group and by size of the cluster
    moments         shifted sums by group, with clusters where they were randomised
    means           the mean of a column or the ratio of two, with its variance, from moments
    compliance      the effect on compliers, with an Anderson-Rubin interval
    blocks          two arms drawn within many small blocks, matched pairs included
    adjustment      Lin's covariate adjustment, from moments and one pass over residuals
    residual_expansion  the sum behind HC2 for one covariate, from the pass that formed the moments
    cluster_variance  CR2 variances and Satterthwaite's degrees of freedom of means over whole clusters
    clusters        two arms of whole clusters compared, exchangeable working model
    cluster_guard   when cluster totals are too few and skewed for that
    cluster_adjustment  the same with covariates, from each cluster's cross products
    balance         covariates of two arms compared: standardised differences and one joint test
    sample_ratio    observed against planned sizes of the arms
    heterogeneity   whether several effects are one
    multiplicity    p-values corrected for asking several questions, and levels of intervals that agree
    noninferiority  guardrails: whether harm beyond a margin is ruled out
    cross_fitting   what a model says of a unit that it has not seen, as a covariate
    poisson_bootstrap  sums over units resampled, for intervals of credit
    influence       what each unit adds to an estimate, and the covariance of several estimates
    permutation_sums  sums over permuted arms, drawn from the units that have a value
    permutation_inversion  tails of a permutation test, and the intervals that invert it
    permutation     two arms compared by the studentised permutation test
    permutation_clusters  the same where whole accounts were randomised, studentised by CR2
    quadrature      Gauss-Legendre nodes, worked out on first use
    roots           where an increasing function crosses zero
    boundary_crossing  how probable it is that a Brownian motion leaves its bounds at each look
    spending        how much of the error rate may be spent by a share of the information
    sequential      bounds, power and repeated intervals of a test that may stop early
    permutation_stops  which permuted paths stop at which look
    permutation_path  a permutation test at one of several looks, each permutation followed over all of them
    permutation_path_clusters  the same where whole accounts were randomised
    stopping        p-value, median-unbiased estimate and interval after stopping
    confidence_sequences  intervals that may be read every day
    meta            several experiments pooled by random effects
    shrinkage       each experiment's effect in the light of the others
    survival        time to an event: Kaplan-Meier, restricted means, log-rank
    survival_influence  what each unit adds to a restricted mean time
    quantiles       quantiles of two arms compared by order statistics
    quantile_bootstrap  the same by drawing whole accounts again
    power_outcome   what power needs to know about a metric, from a rate, a mean or moments
    power_noncentral  the power of a t test, accurate in far tails
    power_skewed    the power of a t test on few skewed clusters
    power_arms      the arms of a plan: the variance under treatment, degrees of freedom
    power           power, minimal detectable effect and sample size by formula
    power_looks     what looking several times costs
    power_guard     when a small holdout needs more than a t test
    power_clusters  experiments on whole clusters drawn from a history, tested by CR2
    power_simulation  power counted on a company's own history
    allocation      the holdout share that maximises expected money
    transitions     how often journeys pass from one channel to the next
    markov          removal effects of channels, by an absorbing chain solved exactly
    shapley         Shapley values of channels, exact or sampled
    logistic        logistic regression on counted journeys, scored out of sample
"""

from incrementality.stats.adjustment import (
    AdjustedMean,
    adjust_mean,
    independent_covariates,
    residual_sum,
    robust_estimate,
    small_sample_power,
)
from incrementality.stats.allocation import Allocation, EffectPrior, allocate_holdout, expected_money
from incrementality.stats.balance import Balance, compare_covariates
from incrementality.stats.blocks import BlockedPair, compare_blocks
from incrementality.stats.cluster_adjustment import (
    AdjustedClusters,
    ClusterProducts,
    adjusted_cluster_means,
    adjusted_clusters,
)
from incrementality.stats.cluster_guard import SkewedClusters, skewed_clusters
from incrementality.stats.cluster_sums import ClusterSizes, ClusterSums
from incrementality.stats.cluster_variance import (
    FEWEST_DEGREES_OF_FREEDOM,
    FEWEST_EFFECTIVE_CLUSTERS,
    RobustSums,
    pooled_degrees_of_freedom,
    robust_sums,
)
from incrementality.stats.clusters import (
    ClusteredMean,
    ClusteredPair,
    cluster_estimate,
    cluster_mean,
    cluster_means,
    effective_clusters,
    intraclass_correlation,
)
from incrementality.stats.comparison import Comparison, Interval, MeanEstimate, compare_means
from incrementality.stats.compliance import ComplierEffect, complier_effect
from incrementality.stats.confidence_sequences import (
    FEWEST_PAYERS,
    ConfidenceSequence,
    CumulativeArm,
    anytime_margin,
    confidence_sequence,
    confidence_sequence_of_estimates,
)
from incrementality.stats.cross_fitting import cross_fitted
from incrementality.stats.distributions import (
    chi_square_pvalue,
    normal_quantile,
    normal_two_sided_pvalue,
    t_quantile,
    t_two_sided_pvalue,
    two_sided_critical_value,
)
from incrementality.stats.exact import compare_proportions_exactly, exact_tails
from incrementality.stats.heterogeneity import CochranQ, cochran_q
from incrementality.stats.influence import (
    InfluenceValues,
    adjusted_influence,
    complier_influence,
    difference_influence,
    influence_covariance,
    ratio_influence,
)
from incrementality.stats.logistic import PENALTIES, LogisticFit, LogisticScore, fit_logistic, score_logistic
from incrementality.stats.markov import RemovalEffects, removal_effects
from incrementality.stats.means import estimate_mean, mean_covariance
from incrementality.stats.meta import PooledEffect, pool_effects, pooled_arm_variance
from incrementality.stats.moments import Moments, add_moments, moments_of_rows
from incrementality.stats.multiplicity import benjamini_hochberg, hochberg, holm, interval_levels
from incrementality.stats.noninferiority import Guardrail, guardrail_test, relative_guardrail_test
from incrementality.stats.permutation import PermutationComparison, compare_by_permutation
from incrementality.stats.permutation_clusters import compare_clusters_by_permutation
from incrementality.stats.permutation_path import compare_path_by_permutation
from incrementality.stats.permutation_path_clusters import compare_cluster_path_by_permutation
from incrementality.stats.power import (
    SampleSize,
    comparison_alpha,
    minimal_detectable_effect,
    power_of_effect,
    sample_size,
)
from incrementality.stats.power_guard import SmallHoldout, pooled_small_holdout, skewness_of_sums, small_holdout_guard
from incrementality.stats.power_looks import (
    anytime_plan,
    look_inflation,
    obrien_fleming_bound,
    units_for_plan,
    wang_tsiatis_bound,
    wang_tsiatis_plan,
)
from incrementality.stats.power_noncentral import t_test_power
from incrementality.stats.power_outcome import (
    Outcome,
    adjusted_outcome,
    clustered_outcome,
    effective_sample_size,
    outcome_of_mean,
    outcome_of_moments,
    outcome_of_rate,
)
from incrementality.stats.power_simulation import SimulatedPower, simulate_power
from incrementality.stats.proportions import compare_proportions, proportion_interval
from incrementality.stats.quantile_bootstrap import bootstrap_quantile_effect
from incrementality.stats.quantiles import QuantileEffect, QuantileEstimate, compare_quantiles, estimate_quantile
from incrementality.stats.residual_expansion import MIXED_POWERS, MixedSums, expanded_residual_sum
from incrementality.stats.sample_ratio import SampleRatio, sample_ratio_test
from incrementality.stats.sequential import (
    GroupSequentialBounds,
    drift_for_power,
    expected_information,
    group_sequential_bounds,
    information_inflation,
    repeated_interval,
    stopping_probabilities,
)
from incrementality.stats.shapley import (
    EXACT_CHANNELS,
    ChannelSets,
    ShapleyGame,
    ShapleyValues,
    coalition_sums,
    equal_split,
    exact_shapley,
    sampled_shapley,
    shapley_values,
)
from incrementality.stats.shrinkage import ShrunkEffects, shrink_effects
from incrementality.stats.spending import Spending
from incrementality.stats.stopping import StoppedEstimate, after_stopping
from incrementality.stats.survival import (
    LogRank,
    SurvivalCurve,
    compare_restricted_means,
    kaplan_meier,
    log_rank,
    restricted_mean,
    survival_at,
)
from incrementality.stats.survival_influence import restricted_mean_pseudo_values
from incrementality.stats.transitions import TransitionCounts, check_order, transition_counts

__all__ = [
    "EXACT_CHANNELS",
    "FEWEST_DEGREES_OF_FREEDOM",
    "FEWEST_EFFECTIVE_CLUSTERS",
    "FEWEST_PAYERS",
    "MIXED_POWERS",
    "PENALTIES",
    "AdjustedClusters",
    "AdjustedMean",
    "Allocation",
    "Balance",
    "BlockedPair",
    "ChannelSets",
    "ClusterProducts",
    "ClusterSizes",
    "ClusterSums",
    "ClusteredMean",
    "ClusteredPair",
    "CochranQ",
    "Comparison",
    "ComplierEffect",
    "ConfidenceSequence",
    "CumulativeArm",
    "EffectPrior",
    "GroupSequentialBounds",
    "Guardrail",
    "InfluenceValues",
    "Interval",
    "LogRank",
    "LogisticFit",
    "LogisticScore",
    "MeanEstimate",
    "MixedSums",
    "Moments",
    "Outcome",
    "PermutationComparison",
    "PooledEffect",
    "QuantileEffect",
    "QuantileEstimate",
    "RemovalEffects",
    "RobustSums",
    "SampleRatio",
    "SampleSize",
    "ShapleyGame",
    "ShapleyValues",
    "ShrunkEffects",
    "SimulatedPower",
    "SkewedClusters",
    "SmallHoldout",
    "Spending",
    "StoppedEstimate",
    "SurvivalCurve",
    "TransitionCounts",
    "add_moments",
    "adjust_mean",
    "adjusted_cluster_means",
    "adjusted_clusters",
    "adjusted_influence",
    "adjusted_outcome",
    "after_stopping",
    "allocate_holdout",
    "anytime_margin",
    "anytime_plan",
    "benjamini_hochberg",
    "bootstrap_quantile_effect",
    "check_order",
    "chi_square_pvalue",
    "cluster_estimate",
    "cluster_mean",
    "cluster_means",
    "clustered_outcome",
    "coalition_sums",
    "cochran_q",
    "compare_blocks",
    "compare_by_permutation",
    "compare_cluster_path_by_permutation",
    "compare_clusters_by_permutation",
    "compare_covariates",
    "compare_means",
    "compare_path_by_permutation",
    "compare_proportions",
    "compare_proportions_exactly",
    "compare_quantiles",
    "compare_restricted_means",
    "comparison_alpha",
    "complier_effect",
    "complier_influence",
    "confidence_sequence",
    "confidence_sequence_of_estimates",
    "cross_fitted",
    "difference_influence",
    "drift_for_power",
    "effective_clusters",
    "effective_sample_size",
    "equal_split",
    "estimate_mean",
    "estimate_quantile",
    "exact_shapley",
    "exact_tails",
    "expanded_residual_sum",
    "expected_information",
    "expected_money",
    "fit_logistic",
    "group_sequential_bounds",
    "guardrail_test",
    "hochberg",
    "holm",
    "independent_covariates",
    "influence_covariance",
    "information_inflation",
    "interval_levels",
    "intraclass_correlation",
    "kaplan_meier",
    "log_rank",
    "look_inflation",
    "mean_covariance",
    "minimal_detectable_effect",
    "moments_of_rows",
    "normal_quantile",
    "normal_two_sided_pvalue",
    "obrien_fleming_bound",
    "outcome_of_mean",
    "outcome_of_moments",
    "outcome_of_rate",
    "pool_effects",
    "pooled_arm_variance",
    "pooled_degrees_of_freedom",
    "pooled_small_holdout",
    "power_of_effect",
    "proportion_interval",
    "ratio_influence",
    "relative_guardrail_test",
    "removal_effects",
    "repeated_interval",
    "residual_sum",
    "restricted_mean",
    "restricted_mean_pseudo_values",
    "robust_estimate",
    "robust_sums",
    "sample_ratio_test",
    "sample_size",
    "sampled_shapley",
    "score_logistic",
    "shapley_values",
    "shrink_effects",
    "simulate_power",
    "skewed_clusters",
    "skewness_of_sums",
    "small_holdout_guard",
    "small_sample_power",
    "stopping_probabilities",
    "survival_at",
    "t_quantile",
    "t_test_power",
    "t_two_sided_pvalue",
    "transition_counts",
    "two_sided_critical_value",
    "units_for_plan",
    "wang_tsiatis_bound",
    "wang_tsiatis_plan",
]
