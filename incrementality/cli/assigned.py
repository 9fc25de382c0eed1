"""How an assignment is told: how many are on record, who stayed out and why, what to mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incrementality.workspace import AssignedUnits, ContactExport

__all__ = ["assigned_lines", "contact_lines"]

_REASONS = {
    "global_status_quo": "global holdout (status quo half)",
    "global_all_shipped": "global holdout (all-shipped half)",
    "other_slot": "another slot of the layer",
    "outside_parent": "not in the parent's arms",
    "not_in_traffic": "not in the traffic yet",
    "no_arm": "in no arm yet",
}
_FLAGS = {
    "moved": "moved to another account: keep the arm they entered with",
    "merged": "merged: keep the arm of the first record",
    "merged_conflict": "merged from two arms: keep the first, leave them out of the analysis",
}


def assigned_lines(answer: AssignedUnits) -> list[str]:
    """Return what one run of an assignment did, as lines for people."""
    total = sum(answer.counts.values())
    lines = [f"{answer.recorded:,} of {answer.rows:,} units of {answer.experiment_id} are on record."]
    lines += [f"  stayed out, {_REASONS.get(reason, reason)}: {n:,}" for reason, n in answer.refused.items()]
    lines += [f"  mind: {flag}" for flag in answer.flags]
    lines += ["", "In the ledger, all runs together"]
    lines += [f"  {arm:<24}{n:>12,}  {n / total:>7.2%}" for arm, n in answer.counts.items()]
    return [*lines, f"  plan {answer.plan_hash[:12]}, phase {answer.phase}"]


def contact_lines(answer: ContactExport, file: str) -> list[str]:
    """Return what an export of contacts holds, as lines for people."""
    lines = [f"{answer.rows:,} of {answer.contacts:,} contacts in {file}, each with the arm of its account"]
    lines += [f"  {arm:<24}{n:>12,}" for arm, n in answer.arms.items()]
    lines += [f"  stayed out, {_REASONS.get(reason, reason)}: {n:,}" for reason, n in answer.stayed_out.items()]
    return [*lines, *(f"  flagged {flag}: {n:,} {_FLAGS[flag]}" for flag, n in answer.flags.items())]
