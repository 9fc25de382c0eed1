"""Files for the CRM tool: who is in which arm, and what the tool then did, compared with what was assigned."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from incrementality.display import DisplayMixin
from incrementality.errors import ColumnNotFound, InputError, SourceUnreadable, did_you_mean
from incrementality.estimates import CheckResult
from incrementality.files import make_folder, write_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from incrementality.assignment.ledger_base import AssignmentLedger
    from incrementality.assignment.plan import AssignmentPlan

__all__ = ["DeliveryLog", "ExportManifest", "compare_deliveries", "csv_text", "export_assignments", "read_deliveries"]

_COLUMNS = ("unit_id", "arm", "assigned_at")
_LOGGED = ("unit", "action", "delivered_at")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportManifest(DisplayMixin):
    """What stands in an exported file, without any id; it lies beside the file as JSON.

    Attributes:
        experiment: The experiment.
        file: The file's name.
        sha256: Of the file's bytes.
        plan: The plan's hash.
        version: The plan's version.
        rows: Rows without the header.
        arms: Rows by arm.
        formulas: Ids that a spreadsheet would take for a formula: open the file as text.
    """

    experiment: str
    file: str
    sha256: str
    plan: str
    version: int
    rows: int
    arms: dict[str, int]
    formulas: int

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return one row an arm."""
        return tuple({"experiment": self.experiment, "arm": arm, "rows": rows} for arm, rows in self.arms.items())


def export_assignments(
    ledger: AssignmentLedger, plan: AssignmentPlan, path: Path, *, arm: str | None = None
) -> ExportManifest:
    """Write an experiment's assignments as CSV with the columns unit_id, arm and assigned_at, sorted by unit.

    The file and its manifest, ``<name>.manifest.json``, are written whole or not at all. Ids are written as they
    are: changed ones would miss their customers.

    Args:
        ledger: The ledger.
        plan: The experiment's plan.
        path: The file; it is replaced.
        arm: One arm only; default: all.

    Raises:
        InputError: The plan has no such arm, or the ledger no such experiment.
        WorkspaceError: The folder cannot be written; nothing has changed.
    """
    if arm is not None and arm not in plan.arm_names:
        raise InputError(
            f"the plan of {plan.experiment!r} has no arm {arm!r}; it has: {', '.join(plan.arm_names)}."
            f"{did_you_mean(arm, plan.arm_names)}",
            hint="name one of them, or leave arm out for all",
        )
    rows = ledger.read(plan.experiment)
    if arm is not None:
        rows = rows.take(rows.arm == arm)
    moments = [f"{moment}Z" for moment in rows.assigned_at.astype("datetime64[us]").astype(str).tolist()]
    text = csv_text(_COLUMNS, zip(rows.unit_id.tolist(), rows.arm.tolist(), moments, strict=True))
    arms = rows.arm.tolist()
    manifest = ExportManifest(
        experiment=plan.experiment,
        file=path.name,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        plan=plan.hash,
        version=plan.version,
        rows=len(rows),
        arms={name: arms.count(name) for name in (plan.arm_names if arm is None else (arm,))},
        formulas=sum(unit_id.startswith(_FORMULA) for unit_id in rows.unit_id),
    )
    make_folder(path.parent)
    beside = path.with_name(f"{path.name}.manifest.json")
    write_files({path: text, beside: json.dumps(asdict(manifest), indent=2) + "\n"})
    return manifest


def csv_text(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    r"""Return rows as CSV with a header and plain line feeds.

    Examples:
        >>> csv_text(("unit_id", "arm"), [("c_1", "holdout")])
        'unit_id,arm\nc_1,holdout\n'
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLog(DisplayMixin):
    """What the tool did, as its file tells.

    Attributes:
        file: The file's name.
        rows: Rows of the file.
        deliveries: The kept ones: each unit's first action with its moment (UTC).
        refused: The others by reason.
    """

    file: str
    rows: int
    deliveries: Mapping[str, tuple[str, datetime]] = field(repr=False)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """How many rows were kept."""
        return self.rows - sum(self.refused.values())

    def to_dicts(self) -> tuple[dict[str, object], ...]:
        """Return how many rows were kept, and refused for which reason."""
        return ({"rows": "kept", "n": self.kept}, *({"rows": why, "n": n} for why, n in self.refused.items()))


def read_deliveries(path: Path, *, since: datetime | None = None) -> DeliveryLog:
    """Read what a CRM tool did: a CSV in UTF-8 with the columns unit, action and delivered_at.

    Args:
        path: The file.
        since: Refuse deliveries before this moment, such as the experiment's start.

    Raises:
        SourceUnreadable: There is no such file, or it is no CSV in UTF-8.
        ColumnNotFound: A column is missing.
    """
    deliveries: dict[str, tuple[str, datetime]] = {}
    refused: dict[str, int] = {}
    rows = 0
    for rows, row in enumerate(_logged_rows(path), start=1):  # noqa: B007 - the count is wanted
        unit, action, moment = (row.get(name) or "" for name in _LOGGED)
        at = _moment(moment)
        why = _refusal(unit, action, moment, at, since)
        if why is None and at is not None:
            known = deliveries.get(unit)
            if known is not None:
                why = "another action of the unit came first"
                at, action = min((known[1], known[0]), (at, action))
            deliveries[unit] = (action, at)
        if why is not None:
            refused[why] = refused.get(why, 0) + 1
    return DeliveryLog(file=path.name, rows=rows, deliveries=deliveries, refused=dict(sorted(refused.items())))


def _logged_rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _LOGGED if name not in (reader.fieldnames or ())]
            if missing:
                named = ", ".join(f"{name!r}{did_you_mean(name, reader.fieldnames or ())}" for name in missing)
                raise ColumnNotFound(
                    f"{path.name} has no column {named}",
                    hint=f"name the columns {', '.join(_LOGGED)} in its first line",
                )
            yield from reader
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        told = "is not encoded in UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error}"
        raise SourceUnreadable(f"{path.name} {told}", hint="export it again as CSV in UTF-8 with commas") from None


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return None if at.tzinfo is None else at.astimezone(UTC)


def _refusal(unit: str, action: str, moment: str, at: datetime | None, since: datetime | None) -> str | None:
    if not unit or unit != unit.strip():
        return "its unit is empty or has a blank at an end"
    if not action.strip():
        return "it names no action"
    if at is None:
        return "its moment is no date with a time zone" if moment.strip() else "it was not delivered"
    return "it was delivered before the experiment" if since is not None and at < since else None


def compare_deliveries(
    ledger: AssignmentLedger, plan: AssignmentPlan, log: DeliveryLog, *, withheld: Collection[str] | None = None
) -> CheckResult:
    """Compare what was assigned with what was delivered: contamination both ways, by arm.

    A unit of an arm whose messages are withheld should have no delivery; a unit of another arm should have one whose
    action is its arm's name, or any action where the tool names none of the arms. Deliveries before the assignment
    are counted apart.

    Args:
        ledger: The ledger.
        plan: The experiment's plan.
        log: What the tool did.
        withheld: The arms that get nothing; default: the control.

    Returns:
        A check: it fails where a withheld unit was messaged or another arm's message was delivered. Missing
        deliveries alone are told and do not fail: no tool reaches everyone.
    """
    quiet = set(withheld if withheld is not None else plan.arm_names[:1])
    rows = ledger.read(plan.experiment)
    names_arms = any(action in plan.arm_names for action, _ in log.deliveries.values())
    counts = {arm: dict.fromkeys(_OUTCOMES, 0) for arm in plan.arm_names}
    moments = rows.assigned_at.astype("datetime64[us]").tolist()
    known = ledger.stored_ids(list(log.deliveries))
    done = dict(zip(known, log.deliveries.values(), strict=True))
    for unit, arm, at in zip(rows.unit_id.tolist(), rows.arm.tolist(), moments, strict=True):
        outcome = _outcome(arm, done.pop(unit, None), at.replace(tzinfo=UTC), quiet=arm in quiet, named=names_arms)
        counts.setdefault(arm, dict.fromkeys(_OUTCOMES, 0))[outcome] += 1
    return _comparison(counts, strangers=len(done))


_OUTCOMES = ("as assigned", "messaged though withheld", "another arm's message", "not delivered", "delivered too early")


def _outcome(arm: str, delivery: tuple[str, datetime] | None, assigned: datetime, *, quiet: bool, named: bool) -> str:
    if delivery is None:
        return "as assigned" if quiet else "not delivered"
    action, at = delivery
    if at < assigned:
        return "delivered too early"
    if quiet:
        return "messaged though withheld"
    return "another arm's message" if named and action != arm else "as assigned"


def _comparison(counts: Mapping[str, Mapping[str, int]], *, strangers: int) -> CheckResult:
    table = tuple({"arm": arm, "units": sum(found.values()), **found} for arm, found in counts.items())
    total = {outcome: sum(found[outcome] for found in counts.values()) for outcome in _OUTCOMES}
    wrong = total["messaged though withheld"] + total["another arm's message"]
    told = ", ".join(f"{n:,} {outcome}" for outcome, n in total.items() if n) or "no unit was assigned"
    outside = f"; {strangers:,} delivered units were not assigned" if strangers else ""
    return CheckResult(name="delivery as assigned", passed=not wrong, sentence=f"{told}{outside}", table=table)
