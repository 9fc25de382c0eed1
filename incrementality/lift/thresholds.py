"""The thresholds of the checks, stated once."""

from __future__ import annotations

__all__ = [
    "CHANCE",
    "CONTAMINATION_WITHOUT_PLAN",
    "FEWEST_TO_TEST",
    "LARGE_DIFFERENCE",
    "LARGE_DIFFERENCE_CHANCE",
    "MOST_MIXED",
    "SHARE_OF_SMALLEST_EFFECT",
    "SPREAD_OF_PROBABILITY",
    "SUSPICIOUS",
]

CHANCE = 0.001  # a check of what the draw guarantees fails below this p-value, divided over the tests it makes
SUSPICIOUS = 0.01  # sizes of arms below this p-value pass, and the page says that chance seldom takes them there
LARGE_DIFFERENCE = 0.1  # standard deviations; larger differences fail by size, at a milder p-value
LARGE_DIFFERENCE_CHANCE = 0.01
FEWEST_TO_TEST = 10  # with fewer units on the rarer side, arms are not compared
SHARE_OF_SMALLEST_EFFECT = 0.25  # a bias bound above this share of the smallest effect that matters fails
CONTAMINATION_WITHOUT_PLAN = 0.01  # the share of the control that may be delivered where no smallest effect is planned
MOST_MIXED = 0.01  # units in several arms, as a share of the smallest arm, whose own arm nothing tells
SPREAD_OF_PROBABILITY = 0.01  # standard deviation of the probability of an arm among units that are compared
