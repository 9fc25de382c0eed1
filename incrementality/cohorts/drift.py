"""What re-running a rule finds today, against what was decided then: a check on the inputs, never a new population."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from incrementality.cohorts.sql_engine import micros_of
from incrementality.cohorts.values import micros
from incrementality.display import DisplayMixin
from incrementality.errors import InputError
from incrementality.warehouse.sql import column, literal, parse

if TYPE_CHECKING:
    from incrementality.cohorts.decisions import Decisions
    from incrementality.warehouse import Relation

__all__ = ["Drift", "DriftRow", "drift"]

_STATUS = (
    "CASE WHEN $d.eligible THEN 'eligible' WHEN NOT $d.eligible THEN 'ineligible: ' || $d.reasons "
    "WHEN NOT $d.decision_id IS NULL THEN 'unknown: ' || $d.reasons END"
)


@dataclass(frozen=True, slots=True)
class DriftRow:
    """Decisions that fared alike.

    Attributes:
        experiment_id: The experiment.
        change: ``same``, ``inputs`` (same verdict from other inputs), ``verdict``, ``vanished`` (decided then, no
            firing now) or ``appeared`` (a firing now, not decided then).
        was: The verdict then, with its reasons.
        now: The verdict of the re-run.
        n: How many decisions.
    """

    experiment_id: str
    change: str
    was: str | None
    now: str | None
    n: int


@dataclass(frozen=True, slots=True)
class Drift(DisplayMixin):
    """How far a re-run is from the frozen log; the frozen log stays the population."""

    rows: tuple[DriftRow, ...]

    @property
    def frozen(self) -> int:
        """How many decisions the frozen log holds."""
        return sum(row.n for row in self.rows if row.change != "appeared")

    @property
    def changed(self) -> int:
        """How many of them have another verdict today or none, and how many firings are new."""
        return sum(row.n for row in self.rows if row.change in {"verdict", "vanished", "appeared"})

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if not self.changed:
            return f"Re-running the rule confirms all {self.frozen:,} frozen decisions."
        return (
            f"Re-running the rule differs from the frozen log in {self.changed:,} places ({self.frozen:,} decisions "
            "are frozen): inputs arrived late or were corrected since. The frozen log stays the population."
        )

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row a change, the most frequent first."""
        return tuple(asdict(row) for row in self.rows)


def drift(frozen: Relation, again: Decisions) -> Drift:
    """Compare a frozen decision log with a re-run of the same rules over the same period.

    Args:
        frozen: The log as it was written, in the engine of the re-run.
        again: What ``decide`` or ``reconstruct`` returns today.

    Raises:
        InputError: The frozen log was decided by another rule: that is another population, not drift.
    """
    _check_rules(frozen, again)
    time = micros_of(column("t0"), again.warehouse.dialect, kind="zoned")
    query = parse(
        "SELECT experiment_id, change, was, now_is, count(*) AS n FROM ("
        "SELECT coalesce(f.experiment_id, a.experiment_id) AS experiment_id, $was AS was, $now AS now_is, "
        "CASE WHEN f.decision_id IS NULL THEN 'appeared' WHEN a.decision_id IS NULL THEN 'vanished' "
        "WHEN $was <> $now THEN 'verdict' WHEN f.inputs_hash <> a.inputs_hash THEN 'inputs' ELSE 'same' END AS change "
        "FROM (SELECT * FROM frozen WHERE $time >= $low AND $time < $high) AS f "
        "FULL JOIN again AS a ON f.decision_id = a.decision_id) AS d "
        "GROUP BY experiment_id, change, was, now_is ORDER BY n DESC, experiment_id, change, was, now_is",
        was=parse(_STATUS.replace("$d", "f")),
        now=parse(_STATUS.replace("$d", "a")),
        time=time,
        low=literal(micros(again.since)),
        high=literal(micros(again.until)),
        frozen=frozen.name,
        again=again.relation.name,
    )
    return Drift(tuple(DriftRow(*row) for row in again.warehouse.query(query)))


def _check_rules(frozen: Relation, again: Decisions) -> None:
    query = parse("SELECT DISTINCT experiment_id, rule_version FROM source ORDER BY 1, 2", source=frozen.name)
    for experiment_id, version in again.warehouse.query(query):
        rule = again.rules.get(experiment_id)
        if rule is None or rule.fingerprint != version:
            found = "no rule" if rule is None else f"the rule {rule.fingerprint[:12]}"
            raise InputError(
                f"the frozen log of {experiment_id!r} was decided by the rule {version[:12]}, the re-run by {found}",
                hint="re-run the frozen rule; a changed rule is a new version with a population of its own",
            )
