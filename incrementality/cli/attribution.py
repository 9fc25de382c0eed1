"""The commands of attribution: split a quarter's revenue, audit the records, show one deal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli.output import JsonOption, WorkspaceOption, near, print_json, progress, say
from incrementality.cli.screen import aligned, paragraph, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from incrementality.attribution.analysis import AnswerTable, AttributionResult
    from incrementality.warehouse import Warehouse
    from incrementality.workspace import DataAudit, Workspace

__all__ = ["attribute", "attribution_lines", "audit_data", "company_demo", "deal"]

PeriodArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="PERIOD", help="The quarter: 2026Q2; default: the last one that is over.", show_default=False
    ),
]
ShowSqlOption = Annotated[bool, typer.Option("--show-sql", help="Print the SQL that ran, before the answer.")]
HashOption = Annotated[bool, typer.Option("--hash-ids", help="Hash the ids of samples; the workspace keeps the salt.")]
_SHOWN = ("functions", "kinds")
_INIT = "init"


def attribute(
    period: PeriodArgument = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    show_sql: ShowSqlOption = False,
    hash_ids: HashOption = False,
    audience: Annotated[
        str | None,
        typer.Option(
            "--for", metavar="NAME", help="Show an audience's tables: marketing, sales, cs, product, finance."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compute nothing: check that the page is what attribution.json renders to.")
    ] = False,
) -> None:
    """Split a quarter's revenue among those who touched it, to the cent.

    Reads attribution.yaml; writes attribution.json, attribution.html and the ledger below reports/PERIOD/. PERIOD
    "init" writes a commented attribution.yaml instead. Credit says who touched the revenue, never what they caused.
    """
    from incrementality.attribution.analysis import tables_of
    from incrementality.workspace import Workspace, attribution_files, attribution_text, check_attribution

    project = Workspace.find(workspace)
    if period == _INIT:
        _start(project)
        return
    if check and (period is None or show_sql):
        raise typer.BadParameter("needs the PERIOD of a page, and runs no SQL", param_hint="--check")
    if audience is not None:
        tables_of(audience)
    if check:
        answer = check_attribution(project, period or "")
    else:
        answer = _attributed(project, period, as_json=as_json, show_sql=show_sql, hash_ids=hash_ids)
    tables = [answer.table(key) for key in _SHOWN if key in {table.key for table in answer.tables}]
    tables = tables if audience is None else list(answer.for_audience(audience))
    if as_json:
        print_json(attribution_text(answer))
    elif check:
        say(f"reports/{answer.period}/attribution.html is what its attribution.json renders to.")
    else:
        files = attribution_files(project, answer.period)
        places = [f"Page:    {near(files.page)}", f"Numbers: {near(files.result)}", f"Ledger:  {near(files.ledger)}"]
        say(*attribution_lines(answer, tables), "", *places)


def _start(project: Workspace) -> None:
    from incrementality.workspace import start_attribution

    path = start_attribution(project)
    say(
        f"The settings are ready: {near(path)}",
        "Next: say where the tables lie, then run",
        "  incrementality attribute",
    )


def _attributed(
    project: Workspace, period: str | None, *, as_json: bool, show_sql: bool, hash_ids: bool
) -> AttributionResult:
    from incrementality.workspace import attribute, attribution_engine

    with attribution_engine(project) as engine:
        try:
            with progress("reading the company's tables and splitting its revenue", quiet=as_json):
                return attribute(project, period, warehouse=engine, hash_ids=hash_ids)
        finally:
            _print_sql(engine, wanted=show_sql, to_error=as_json)


def _print_sql(engine: Warehouse, *, wanted: bool, to_error: bool) -> None:
    if wanted and engine.statements:
        typer.echo(printable(";\n\n".join(engine.statements) + ";\n"), err=to_error)


def attribution_lines(result: AttributionResult, tables: Sequence[AnswerTable]) -> list[str]:
    """Return an attribution for a terminal: the answer, what to mind, where the revenue went, tables."""
    lines = [*paragraph(result.sentence)]
    lines += [line for warning in result.warnings for line in paragraph(warning, first="  - ", rest="    ")]
    for table in tables:
        lines += ["", table.title, *_table_lines(table)]
    return [
        *lines,
        "",
        *paragraph("Credit says who touched the revenue. What they caused, only an experiment can say."),
    ]


def _table_lines(table: AnswerTable) -> list[str]:
    from incrementality.report import attribution_cell, column_title

    names = list(dict.fromkeys(name for row in table.rows for name in row))
    rows = [tuple(printable(attribution_cell(table.key, name, row.get(name))) for name in names) for row in table.rows]
    head = tuple(column_title(name) for name in names)
    texts = {k for k, name in enumerate(names) if isinstance(table.rows[0].get(name), str)}
    return aligned([head, *rows], left=texts)


def company_demo(into: Path, *, seed: int, as_json: bool) -> None:
    """Simulate a company, attribute its last quarter, and say how much was truly caused."""
    from incrementality.workspace import attribution_text, make_company_demo

    with progress("simulating a company and splitting its revenue", quiet=as_json):
        made = make_company_demo(into, seed=seed)
    if as_json:
        print_json(attribution_text(made.result))
        return
    truth = (
        f"The simulation knows what attribution cannot: of {made.result.currency} {made.revenue:,.0f} in all quarters, "
        f"{made.caused:,.0f} would not have come without any contact. Credit splits all of it."
    )
    lines = attribution_lines(made.result, [made.result.table(key) for key in _SHOWN])
    say(*lines, "", *paragraph(truth), "", f"Page: {near(made.page)}")


def audit_data(
    period: PeriodArgument = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    show_sql: ShowSqlOption = False,
    hash_ids: HashOption = False,
) -> None:
    """Audit the records that attribution reads: metrics against targets, and what became of every row.

    Reads attribution.yaml. Nothing is dropped silently: what is refused is counted by reason, with its money and
    samples. PERIOD is the quarter that is audited.
    """
    from incrementality.workspace import Workspace, attribution_engine, audit_data as audited

    project = Workspace.find(workspace)
    with attribution_engine(project) as engine:
        try:
            with progress("reading the company's tables", quiet=as_json):
                answer = audited(project, period, warehouse=engine, hash_ids=hash_ids)
        finally:
            _print_sql(engine, wanted=show_sql, to_error=as_json)
    if as_json:
        print_json(json.dumps(answer.to_dict(), ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    else:
        say(*_audit_lines(answer))


def _audit_lines(answer: DataAudit) -> list[str]:
    """Return an audit for a terminal: the answer, a line a metric, and the rows that were refused or flagged."""
    lines = [line for text in answer.sentences for line in paragraph(text)]
    lines += ["", "Metrics"]
    lines += [line for one in answer.audit.metrics for line in paragraph(one.sentence, first="  - ", rest="    ")]
    rows = [row for row in answer.intake.to_dicts() if row["fate"] in {"refused", "flagged"}]
    names = ("table", "fate", "reason", "rows", "samples")
    table = [names, *(tuple(printable(str(row[name])) for name in names) for row in rows)]
    return [*lines, "", "Rows refused and flagged", *aligned(table, left={0, 1, 2, 4})]


def deal(
    deal_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a revenue event, or of its opportunity.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    show_sql: ShowSqlOption = False,
) -> None:
    """Show how one deal's amount was split: function by function, with the touches behind it."""
    from incrementality.workspace import Workspace, attribution_engine, deal_tree

    project = Workspace.find(workspace)
    with attribution_engine(project) as engine:
        try:
            with progress("reading the company's tables and splitting its revenue", quiet=as_json):
                tree = deal_tree(project, deal_id, warehouse=engine)
        finally:
            _print_sql(engine, wanted=show_sql, to_error=as_json)
    if as_json:
        content = {"deal": tree.deal, "amount": tree.amount, "currency": tree.currency, "functions": tree.to_dicts()}
        print_json(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        say(printable(tree.to_text()))
