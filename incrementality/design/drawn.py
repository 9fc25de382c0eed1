"""What was drawn so far against what was planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.design.wording import count, percent
from incrementality.estimates import CheckResult
from incrementality.formatting import p_value
from incrementality.stats import sample_ratio_test

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["arms_drawn"]

_CHANCE = 0.001
_FEWEST = 5.0


def arms_drawn(counts: Mapping[str, int], shares: Mapping[str, float], *, unit: str) -> CheckResult:
    """Return the units drawn into each arm so far, tested against the planned shares.

    Args:
        counts: Units on record in each arm.
        shares: Planned share of each arm, any scale.
        unit: What is drawn: contact, account.

    Returns:
        A check with one row an arm; it only informs where an arm expects fewer than five units.

    Examples:
        >>> arms_drawn({"holdout": 101, "journey": 899}, {"holdout": 0.1, "journey": 0.9}, unit="contact").passed
        True
        >>> arms_drawn({"holdout": 10, "journey": 990}, {"holdout": 0.1, "journey": 0.9}, unit="contact").passed
        False
    """
    sizes = {arm: counts.get(arm, 0) for arm in shares}
    total, whole = sum(sizes.values()), sum(shares.values())
    table = tuple(
        {"arm": arm, "n": n, "share": n / total if total else 0.0, "planned": shares[arm] / whole}
        for arm, n in sizes.items()
    )
    if total * min(shares.values()) / whole < _FEWEST:
        said = f"{count(total)} {unit}s were drawn: too few to compare the arms with the plan."
        return CheckResult(name="arms drawn", passed=None, sentence=said, table=table)
    pvalue = sample_ratio_test(list(sizes.values()), list(shares.values())).pvalue
    told = ", ".join(f"{arm} {count(n)} ({percent(n / total)})" for arm, n in sizes.items())
    fits = pvalue >= _CHANCE
    said = "as planned" if fits else "not as planned, by more than chance allows"
    return CheckResult(
        name="arms drawn",
        passed=fits,
        sentence=f"{count(total)} {unit}s were drawn {said}: {told} ({p_value(pvalue)}).",
        table=table,
    )
