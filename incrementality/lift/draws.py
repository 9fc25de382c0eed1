"""Checks of the draw itself: alike over time, by one known probability, and one arm for each unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.estimates import CheckResult
from incrementality.formatting import count, p_value, share
from incrementality.lift.thresholds import CHANCE, MOST_MIXED, SPREAD_OF_PROBABILITY, SUSPICIOUS
from incrementality.lift.wording import counted
from incrementality.stats import chi_square_pvalue, sample_ratio_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incrementality.lift.sample import Sample
    from incrementality.outcomes import Draws

__all__ = ["draw_checks", "entry_checks", "planned_shares", "shares_of", "sizes_told"]

_FEWEST_EXPECTED = 5


def shares_of(sample: Sample, stratum: str | None) -> list[float]:
    """Return the shares by which a stratum's units were drawn, in the order of the arms.

    Those that ``p_arm`` states, one to another; else the planned ones.
    """
    arms = sample.experiment.arms
    planned = [float(arm.share) for arm in arms]
    if sample.draws is None or stratum is None:
        return planned
    stated = [sample.draws.probability(arm.name, (stratum,)) for arm in arms]
    known = [p[0] for p in stated if p is not None]
    return [p / math.fsum(known) for p in known] if len(known) == len(arms) else planned


def planned_shares(sample: Sample, units: dict[str | None, int]) -> list[float]:
    """Return the share of all units that each arm is planned to have, where strata have shares of their own.

    Args:
        sample: The sample.
        units: Units of each stratum; the only key is ``None`` where no stratum is mapped.
    """
    shares = {stratum: shares_of(sample, stratum) for stratum in units}
    total = sum(units.values())
    if total == 0 or len(units) == 1:
        return next(iter(shares.values()))
    return [
        math.fsum(n * shares[stratum][k] for stratum, n in units.items()) / total
        for k in range(len(sample.experiment.arms))
    ]


def sizes_told(pvalue: float) -> str:
    """Say what the test of the arms' sizes against the planned shares found.

    Examples:
        >>> sizes_told(0.4).partition(" (")[0]
        'The arms have the planned sizes'
    """
    if pvalue < CHANCE:
        return f"The arms' sizes differ from the plan by more than chance allows ({p_value(pvalue)})."
    if pvalue < SUSPICIOUS:
        return (
            f"The arms' sizes are further from the plan than chance often takes them ({p_value(pvalue)}): no proof "
            "that something is wrong, and a reason to look at how units were drawn and exported."
        )
    return f"The arms have the planned sizes ({p_value(pvalue)})."


def draw_checks(sample: Sample) -> list[CheckResult]:
    """Return the checks of how units were drawn, as far as the data says when and by which probability."""
    found, draws = [], sample.draws
    if draws is not None and len(draws.periods) > 1:
        found.append(_over_time(sample, draws))
    if draws is not None and sample.experiment.data.p_arm is not None:
        found.append(_probability(sample, draws))
    return found


def _over_time(sample: Sample, draws: Draws) -> CheckResult:
    """The arms' shares in one period against another, within strata: Pearson's test of homogeneity."""
    arms = [arm.name for arm in sample.experiment.arms]
    statistic, df = 0.0, 0
    for stratum in draws.strata:
        found, more = _homogeneity([draws.units(arm, stratum) for arm in arms])
        statistic, df = statistic + found, df + more
    told = "The arms' shares were the same over time"
    pvalue = chi_square_pvalue(statistic, df) if df else None
    if pvalue is None:
        told = "Too few units to compare the arms' shares over time"
    elif pvalue < CHANCE:
        told = (
            "The arms' shares changed over time, and units decided at different times are not alike; "
            "map the phase of the ramp as data.stratum, and its probabilities as data.p_arm"
        )
    return CheckResult(
        name="sample_ratio_over_time",
        passed=None if pvalue is None else pvalue >= CHANCE,
        sentence=f"{told}." if pvalue is None else f"{told} ({p_value(pvalue)}).",
        table=tuple(
            {"arm": arm, "stratum": ", ".join(stratum) or None, "from": f"{start:%Y-%m-%d %H:%M}", "n": n}
            for stratum in draws.strata
            for arm in arms
            for start, n in zip(draws.periods, draws.units(arm, stratum), strict=True)
        ),
    )


def _homogeneity(counts: Sequence[Sequence[int]]) -> tuple[float, int]:
    """Pearson's statistic and degrees of freedom of arms by periods; sparse periods are joined with the next."""
    totals = [sum(arm) for arm in counts]
    if min(totals) == 0:
        return 0.0, 0
    periods = _joined([list(cell) for cell in zip(*counts, strict=True)], min(totals) / sum(totals))
    if len(periods) < 2:  # noqa: PLR2004 - one period has nothing to be compared with
        return 0.0, 0
    statistic = math.fsum(sample_ratio_test(cell, totals).statistic for cell in periods)
    return statistic, (len(periods) - 1) * (len(totals) - 1)


def _joined(periods: list[list[int]], smallest_share: float) -> list[list[int]]:
    """Periods in which every arm expects five units; what is left at the end joins the last of them."""
    found: list[list[int]] = []
    open_cell = [0] * len(periods[0])
    for cell in periods:
        open_cell = [a + b for a, b in zip(open_cell, cell, strict=True)]
        if sum(open_cell) * smallest_share >= _FEWEST_EXPECTED:
            found.append(open_cell)
            open_cell = [0] * len(cell)
    if found and any(open_cell):
        found[-1] = [a + b for a, b in zip(found[-1], open_cell, strict=True)]
    return found


def _probability(sample: Sample, draws: Draws) -> CheckResult:
    """One probability for all units that are compared with each other: of an arm, within a stratum."""
    rows = [
        {"arm": arm.name, "stratum": ", ".join(stratum) or None, "p_arm": found[0], "standard_deviation": found[1]}
        for stratum in draws.strata
        for arm in sample.experiment.arms
        if (found := draws.probability(arm.name, stratum)) is not None
    ]
    unknown = draws.without_probability()
    mixed = [row for row in rows if float(str(row["standard_deviation"])) > SPREAD_OF_PROBABILITY]
    problems = [f"{counted(unknown, 'unit')} without one"] if unknown else []
    if mixed:
        where = f" in stratum {mixed[0]['stratum']!r}" if mixed[0]["stratum"] else ", and no stratum parts them"
        problems.append(f"units of {mixed[0]['arm']!r} were drawn by different ones{where}")
    told = "Units that are compared were drawn by one probability."
    if problems:
        told = (
            f"The probability of the arm: {'; '.join(problems)}. Map what changed it, such as the ramp's phase, as "
            "data.stratum."
        )
    return CheckResult(name="arm_probability", passed=not problems, sentence=told, table=tuple(rows))


@dataclass(frozen=True, slots=True)
class _Mixed:
    """What stands in several arms without one that is its own, against the smallest arm."""

    what: str
    in_several_arms: int
    smallest_arm: int
    told: str

    @property
    def too_many(self) -> bool:
        return self.in_several_arms > MOST_MIXED * self.smallest_arm


def entry_checks(sample: Sample) -> list[CheckResult]:
    """Return the check of units and clusters in several arms, where there are any.

    Other repeated rows are the matter of ``duplicates``, and few clusters in several arms that of ``clusters``.
    """
    found = [*_mixed_units(sample), *_mixed_clusters(sample)]
    if not found:
        return []
    told = "; ".join(mixed.told for mixed in found)
    sentence, too_many = f"{told[0].upper()}{told[1:]}.", any(mixed.too_many for mixed in found)
    if too_many:
        sentence += (
            f" That is more than {share(MOST_MIXED)} of the smallest arm, and neither counting them nor dropping them "
            "gives arms that are alike: map data.t0, so that the first entry of a unit counts, and draw groups whole."
        )
    rows = tuple(
        {"what": mixed.what, "in_several_arms": mixed.in_several_arms, "smallest_arm": mixed.smallest_arm}
        for mixed in found
    )
    return [CheckResult(name="mixed_assignment", passed=False if too_many else None, sentence=sentence, table=rows)]


def _mixed_units(sample: Sample) -> Iterator[_Mixed]:
    units, unit = 0 if sample.ids is None else sample.ids.ids_in_several_arms, sample.experiment.unit
    if not units:
        return
    told, unclear = f"in more than one arm: {counted(units, unit)}", units
    if sample.entries is not None:
        unclear = sample.entries.tied
        told += f"; each counts in its first entry, which time leaves open for {count(unclear)}"
    yield _Mixed(unit, unclear, min(sample.units(arm.name) for arm in sample.experiment.arms), told)


def _mixed_clusters(sample: Sample) -> Iterator[_Mixed]:
    clusters, name = sample.clusters_in_several_arms, str(sample.experiment.data.cluster)
    if clusters:
        fewest = min(sample.clusters(arm.name) or 0 for arm in sample.experiment.arms)
        yield _Mixed(name, clusters, fewest, f"values of {name} in more than one arm: {count(clusters)}")
