"""The commands of a holdout: draw who is held out, record it, hand it to the tool that sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads the annotation at run time
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.output import JsonOption, WorkspaceOption, examples, print_json, progress, say

if TYPE_CHECKING:
    from incrementality.workspace import AssignedUnits

__all__ = ["assign_command", "holdout", "sql_command"]

holdout = typer.Typer(
    name="holdout",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Hold out: draw who gets what, record it, hand it to the tool that sends.",
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: its folder's name.")]
ColumnOption = Annotated[
    str | None, typer.Option("--unit-column", metavar="COLUMN", help="The column with the ids; default: data.unit.")
]


@holdout.command(
    "sql",
    short_help="Print the SQL that draws the arms.",
    epilog=examples(
        "holdout sql winback-2026q1 --dialect snowflake --table crm.contacts",
        "holdout sql winback-2026q1 --dialect bigquery --table crm.contacts --unit-column id",
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
    workspace: WorkspaceOption = None,
) -> None:
    """Print the query that draws the arms where the ids lie: the same draw as in Python, bit for bit."""
    from incrementality.errors import InputError
    from incrementality.workspace import Workspace, sql_of

    project = Workspace.find(workspace)
    column = unit_column or project.experiment(experiment_id).data.unit
    if column is None:
        raise InputError("nothing says which column holds the ids", hint="name it: --unit-column COLUMN")
    typer.echo(sql_of(project, experiment_id, dialect=dialect, table=table, unit_column=column), nl=False)


@holdout.command(
    "assign",
    short_help="Draw the arms of units and record them.",
    epilog=examples(
        "holdout assign winback-2026q1 --units eligible.csv",
        "holdout assign winback-2026q1 --units eligible.parquet --unit-column id --json",
    ),
)
def assign_command(
    experiment_id: IdArgument,
    *,
    units: Annotated[Path, typer.Option("--units", metavar="FILE", help="A CSV or Parquet file, one row a unit.")],
    unit_column: ColumnOption = None,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", formats=["%Y-%m-%d"], metavar="DATE", help="The day that decides the phase; default: today."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the arm of every unit in a file and record it; a unit's first assignment stands.

    Run it again with the same file and nothing changes. The first run freezes the plan in assignment.json.
    """
    from incrementality.workspace import Workspace, assign_units

    day = None if at is None else at.replace(tzinfo=UTC).date()
    with progress(f"assigning units of {experiment_id}", quiet=as_json):
        answer = assign_units(Workspace.find(workspace), experiment_id, units, unit_column=unit_column, at=day)
    if as_json:
        print_json(json.dumps(answer.to_dict(), indent=1, ensure_ascii=False) + "\n")
    else:
        say(*_assigned_lines(answer))


def _assigned_lines(answer: AssignedUnits) -> list[str]:
    total = sum(answer.counts.values())
    lines = [f"{answer.recorded:,} of {answer.rows:,} units of {answer.experiment_id} are on record."]
    lines += [f"  stayed out, {reason.replace('_', ' ')}: {n:,}" for reason, n in answer.refused.items()]
    lines += ["", "In the ledger, all runs together"]
    lines += [f"  {arm:<24}{n:>12,}  {n / total:>7.2%}" for arm, n in answer.counts.items()]
    return [*lines, f"  plan {answer.plan_hash[:12]}"]
