"""The records of several experiments on one metric: a row for each, and what they say together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from incrementality.display import DisplayMixin

if TYPE_CHECKING:
    from incrementality.lift.readout import Grade

__all__ = ["EvidenceRow", "PooledEvidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One experiment's effect.

    Attributes:
        experiment_id: The experiment.
        arms: Its treatment arms; several are taken together against their control, so that it counts once.
        effect: The effect, unshrunk, in the metric's unit.
        standard_error: Its standard error with both arms read as one.
        ci_lower: Lower bound of the interval that goes with it.
        ci_upper: Upper bound.
        n: Units treated.
        n_control: Units of the control.
        grade: The readout's grade.
        look: Number of the look that it was read at; ``None`` where no look is registered.
        looks: Of how many.
        stopped: The day on which it was stopped early, as text; ``None`` where it was not.
        weight: Its share in the pooled mean; ``None`` without one.
        shrunken: The effect in the light of the others; ``None`` without others.
        shrunken_ci_lower: Lower bound.
        shrunken_ci_upper: Upper bound.
    """

    experiment_id: str
    arms: tuple[str, ...]
    effect: float
    standard_error: float
    ci_lower: float
    ci_upper: float
    n: int
    n_control: int
    grade: Grade
    look: int | None
    looks: int | None
    stopped: str | None
    weight: float | None = None
    shrunken: float | None = None
    shrunken_ci_lower: float | None = None
    shrunken_ci_upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEvidence(DisplayMixin):
    """What all experiments on one metric say together; the pooled numbers are ``None`` for a single experiment.

    Attributes:
        metric: The metric.
        kind: Its kind.
        unit: Unit of its values.
        direction: Which way is better.
        analysed: What was compared: contact, account.
        population: ``eligible`` or ``assigned``.
        window_days: Days over which outcomes count.
        alpha: Error rate of the intervals.
        rows: One an experiment, null results and stopped ones among them.
        mean: The random-effects mean.
        mean_ci_lower: Lower bound.
        mean_ci_upper: Upper bound.
        pvalue: Two-sided p-value of a mean effect of zero.
        method: How the interval of the mean was made.
        tau: Standard deviation of the true effects between experiments (Paule and Mandel).
        q: Cochran's Q.
        q_df: Its degrees of freedom.
        q_pvalue: Probability of so much difference if all true effects were one.
        i_squared: Share of the spread of effects that chance does not explain (Higgins).
        next_ci_lower: Where the true effect of a further experiment of this kind lies: lower bound.
        next_ci_upper: Upper bound.
        left_out: Experiments that are not in it, each with why.
        notes: What a reader has to know beside the numbers.
        sentence: The answer in words.
    """

    metric: str
    kind: str
    unit: str
    direction: str
    analysed: str
    population: str
    window_days: float | None
    alpha: float
    rows: tuple[EvidenceRow, ...]
    mean: float | None = None
    mean_ci_lower: float | None = None
    mean_ci_upper: float | None = None
    pvalue: float | None = None
    method: str = ""
    tau: float | None = None
    q: float | None = None
    q_df: int | None = None
    q_pvalue: float | None = None
    i_squared: float | None = None
    next_ci_lower: float | None = None
    next_ci_upper: float | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    sentence: str = ""

    _shown = (
        *("experiment_id", "effect", "ci_lower", "ci_upper", "shrunken", "shrunken_ci_lower", "shrunken_ci_upper"),
        *("n", "n_control", "grade", "stopped"),
    )

    def to_dict(self) -> dict[str, Any]:
        """Return every field as plain values."""
        return asdict(self)

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row for each experiment."""
        return tuple(asdict(row) for row in self.rows)
