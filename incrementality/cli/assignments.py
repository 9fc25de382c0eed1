"""The commands of an assignment: draw who is held out, record it, hand it to the tool that sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import Annotated

import typer

from incrementality.cli.assigned import assigned_lines, contact_lines
from incrementality.cli.group import holdout
from incrementality.cli.output import IdArgument, JsonOption, WorkspaceOption, examples, near, print_json, progress, say
from incrementality.cli.screen import check_lines

__all__ = [
    "assign_command",
    "audit_command",
    "erase_command",
    "export_command",
    "sql_command",
]

ColumnOption = Annotated[
    str | None, typer.Option("--unit-column", metavar="COLUMN", help="The column with the ids; default: data.unit.")
]


@holdout.command(
    "sql",
    short_help="Print the SQL that draws the arms.",
    epilog=examples(
        "holdout sql winback-2026q1 --dialect snowflake --table crm.contacts",
        "holdout sql winback-2026q1 --dialect bigquery --table crm.contacts --unit-column id --at 2026-01-12",
    ),
)
def sql_command(
    experiment_id: IdArgument,
    *,
    table: Annotated[
        str, typer.Option("--table", metavar="TABLE", help="The table with the ids: name or schema.name.")
    ],
    dialect: Annotated[
        str,
        typer.Option(
            "--dialect",
            metavar="NAME",
            help="duckdb, postgres, spark (run by our tests); bigquery, snowflake, redshift, clickhouse (generated).",
        ),
    ] = "duckdb",
    unit_column: ColumnOption = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", formats=["%Y-%m-%d"], metavar="DATE", help="The day that decides the phase; default: today."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the query that draws the arms where the ids lie: the same draw as in Python, bit for bit.

    Global holdout, layer, parent, the day's phase and overrides are in it; the layer's slot is opened for good.
    """
    from incrementality.errors import InputError
    from incrementality.workspace import Workspace, sql_of

    project = Workspace.find(workspace)
    column = unit_column or project.experiment(experiment_id).data.unit
    if column is None:
        raise InputError("nothing says which column holds the ids", hint="name it: --unit-column COLUMN")
    day = None if at is None else at.replace(tzinfo=UTC).date()
    typer.echo(sql_of(project, experiment_id, dialect=dialect, table=table, unit_column=column, at=day), nl=False)


@holdout.command(
    "assign",
    short_help="Draw the arms of units and record them.",
    epilog=examples(
        "holdout assign winback-2026q1                  (who entered, by the decision log)",
        "holdout assign winback-2026q1 --units eligible.csv",
        "holdout assign winback-2026q1 --units eligible.parquet --unit-column id --json",
    ),
)
def assign_command(
    experiment_id: IdArgument,
    *,
    units: Annotated[
        Path | None,
        typer.Option(
            "--units", metavar="FILE", help="A CSV or Parquet file, one row a unit; default: who entered, by the log."
        ),
    ] = None,
    unit_column: ColumnOption = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="The day that decides the phase; default: today, or by the log each decision's own.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the arm of every unit and record it; a unit's first assignment stands.

    Units come from a file, or from the decision log: those that entered. Run it again and nothing changes. The
    first run freezes the plan in assignment.json.

    Who enters: first the global holdout (programme.yaml) keeps its units out, then the slot of request.layer, then
    request.within, then the phase of request.ramp; request.overrides puts single units where they belong. Later
    phases and overrides may be added; a change that would move a unit is refused.

    With request.cohort all units are drawn at once, with exact counts in strata, and nobody enters later.
    """
    from incrementality.workspace import Workspace, assign_decided, assign_units

    if units is None and unit_column is not None:
        raise typer.BadParameter("names a column of a file; give the file with --units", param_hint="--unit-column")
    day, project = None if at is None else at.replace(tzinfo=UTC).date(), Workspace.find(workspace)
    with progress(f"assigning units of {experiment_id}", quiet=as_json):
        if units is None:
            answer = assign_decided(project, experiment_id, at=day)
        else:
            answer = assign_units(project, experiment_id, units, unit_column=unit_column, at=day)
    if as_json:
        print_json(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n")
    else:
        say(*assigned_lines(answer))


@holdout.command(
    "audit", short_help="Explain every row of the ledger.", epilog=examples("holdout audit", "holdout audit --json")
)
def audit_command(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Draw every assignment on record again and say what explains it; exit with 1 where something does not."""
    from incrementality.workspace import Workspace, audit_ledger

    answer = audit_ledger(Workspace.find(workspace))
    if as_json:
        rows = {"passed": answer.passed, "rows": answer.to_dicts(), "checks": [c.to_dict() for c in answer.checks()]}
        print_json(json.dumps(rows, indent=1, ensure_ascii=False, default=str) + "\n")
    else:
        say(*check_lines(answer.checks()))
    if not answer.passed:
        raise typer.Exit(1)


@holdout.command(
    "export",
    short_help="Write the arms for the tool that sends.",
    epilog=examples(
        "holdout export winback-2026q1 --to arms.csv",
        "holdout export winback-2026q1 --to journey.csv --arm journey",
        "holdout export expansion-07 --to arms.csv --contacts contacts.csv --account-column account_id",
    ),
)
def export_command(
    experiment_id: IdArgument,
    *,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The CSV file; it is replaced.")],
    arm: Annotated[str | None, typer.Option("--arm", metavar="ARM", help="One arm only; default: all.")] = None,
    contacts: Annotated[
        Path | None,
        typer.Option("--contacts", metavar="FILE", help="Contacts with their accounts: each gets its account's arm."),
    ] = None,
    contact_column: Annotated[
        str, typer.Option("--contact-column", metavar="COLUMN", help="The column of contact ids.")
    ] = "contact_id",
    account_column: Annotated[
        str, typer.Option("--account-column", metavar="COLUMN", help="The column of account ids.")
    ] = "account_id",
    contact_unit: Annotated[
        str, typer.Option("--contact-unit", metavar="UNIT", help="What inherits, e.g. store, where regions are drawn.")
    ] = "contact",
    merged: Annotated[
        Path | None,
        typer.Option("--merged", metavar="FILE", help="Merged contacts: a file with the columns merged and kept."),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Write unit_id, arm and assigned_at as CSV, whole or not at all, with a manifest beside it.

    Where accounts are drawn, --contacts writes contact_id, account_id, arm and flag: contacts inherit. A contact
    that moved or was merged keeps the arm it entered with, and is flagged.
    """
    from incrementality.workspace import Workspace, export_arms, export_contacts

    project = Workspace.find(workspace)
    if contacts is not None:
        found = export_contacts(
            project,
            experiment_id,
            contacts,
            to,
            contact_column=contact_column,
            account_column=account_column,
            merged=merged,
            arm=arm,
            unit=contact_unit,
        )
        say(*contact_lines(found, str(near(to))))
        return
    if merged is not None:
        raise typer.BadParameter("tells of contacts; give them with --contacts", param_hint="--merged")
    manifest = export_arms(project, experiment_id, to, arm=arm)
    say(f"{manifest.rows:,} units in {near(to)}", *(f"  {name:<24}{n:>12,}" for name, n in manifest.arms.items()))


@holdout.command(
    "erase",
    short_help="Erase units from the ledger for good.",
    epilog=examples("holdout erase --units forget.csv --unit-column contact_id --yes"),
)
def erase_command(
    *,
    units: Annotated[Path, typer.Option("--units", metavar="FILE", help="A CSV or Parquet file with the ids.")],
    unit_column: Annotated[str, typer.Option("--unit-column", metavar="COLUMN", help="The column with the ids.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Erase units: their ids go and never come back; how many each arm had stays known.

    Kept cohorts, overrides on record and inherited arms lose them too; an erased account takes along its contacts.
    Files that people wrote, such as overrides.csv, are theirs to clean, and so are decisions/ and evidence/.
    """
    from incrementality.workspace import Workspace, erase_units, not_erased_from

    project = Workspace.find(workspace)
    if not yes:
        typer.confirm(f"Erase the units in {units.name} from the ledger for good?", abort=True)
    answer = erase_units(project, units, unit_column=unit_column)
    say(f"{answer.new:,} ids erased, {answer.requested - answer.new:,} were before; found in {answer.found:,} places.")
    say(*(f"  {c.experiment}, {c.arm}: {c.units:,} units, {c.erased:,} of them erased" for c in answer.counts))
    if left := not_erased_from(project):
        say(f"Not cleared: {', '.join(f'{name}/' for name in left)} may still name them; delete what you may not keep.")
