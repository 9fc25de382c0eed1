"""The commands: each parses its words, calls a verb, prints."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from incrementality.cli import (
    assignments,
    attribution,
    definitions,
    designs,
    eligibility,
    evidence,
    lifecycle,
    requests,
    watching,
)
from incrementality.cli.group import holdout
from incrementality.cli.output import JsonOption, WorkspaceOption, examples, near, print_json, progress, say
from incrementality.cli.screen import colour_wanted, printable, readout_lines, status_lines, truth_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incrementality.lift import Readout
    from incrementality.workspace import Workspace

__all__ = ["app", "demo", "init", "main", "notebook", "readout", "schema", "status"]

app = typer.Typer(
    name="incrementality",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What your customer contacts caused, not only what they touched.",
    epilog="""Examples:

\b
  incrementality demo                   a win-back holdout whose truth is known
  incrementality init my-crm            a workspace for your own experiments
  cd my-crm
  incrementality readout                which experiments there are
  incrementality readout winback-2026q1
  incrementality holdout assign winback-2026q1 --units eligible.csv

\b
Exit codes:
  0  done
  1  something could not be used; the message says what, and what to do
  2  the command itself is misspelt
  3  with --strict: the readout is graded "do not use"
""",
)

app.add_typer(holdout)  # the modules named below put their commands into it
_HOLDOUT_COMMANDS = (requests, designs, eligibility, assignments, lifecycle, watching)
_WORKFLOW = (
    *("new", "check", "design", "sign", "decline"),
    *("decide", "may", "drift", "assign", "sql", "export"),
    *("health", "audit", "pause", "resume", "stop", "release", "erase"),
)
holdout.registered_commands.sort(key=lambda command: _WORKFLOW.index(command.name or ""))

_DO_NOT_USE = 3

app.command(
    short_help="Record what is done with an answer.",
    epilog=examples("conclude mail --decision scale --name Ada --reason 'It pays.'"),
)(lifecycle.conclude)
app.command(
    short_help="Take all experiments on one metric together.",
    epilog=examples("evidence", "evidence --metric revenue", "evidence winback-2026q1 winback-2026q2 --json"),
)(evidence.evidence)
app.command(
    short_help="Split a quarter's revenue among those who touched it.",
    epilog=examples("attribute init", "attribute", "attribute 2026Q2 --for finance", "attribute 2026Q2 --check"),
)(attribution.attribute)
app.command(
    name="audit-data",
    short_help="Show what became of every row that attribution reads.",
    epilog=examples("audit-data", "audit-data --hash-ids --json"),
)(attribution.audit_data)
app.command(
    short_help="Show and record changes of definitions.",
    epilog=examples("definitions", "definitions --json"),
)(definitions.definitions)
app.command(
    short_help="Show how one deal's amount was split.",
    epilog=examples("deal o_0000123", "deal o_0000123 --json"),
)(attribution.deal)


def _version(wanted: bool) -> None:  # noqa: FBT001 - a flag
    if wanted:
        from incrementality import __version__

        typer.echo(f"incrementality {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.color = colour_wanted()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(short_help="Make a workspace.", epilog=examples("init my-crm", "init ."))
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace's folder, new or there already.")],
) -> None:
    """Make a workspace: experiments/, notebooks/, reports/, settings and a commented example.

    Whatever is there already stays untouched; a second run changes nothing.
    """
    from incrementality.workspace import CONFIGURATION, PROGRAMME, Workspace

    known = Workspace.create(folder).experiment_ids()
    say(f"The workspace is ready: {folder}")
    say(f"  {CONFIGURATION:<22}its settings")
    say(f"  {PROGRAMME:<22}what experiments share: global holdouts, layers")
    say(f"  {'experiments/':<22}{', '.join(known) or 'none yet: write experiments/<id>/experiment.yaml'}")
    say(f"  {'notebooks/, reports/':<22}what is made from them")
    if known:
        say("Next: edit this file, put its data in place,")
        say(f"  {folder / 'experiments' / known[0] / 'experiment.yaml'}")
        say("then run", f"  incrementality readout {known[0]} --workspace {shlex.quote(str(folder))}")


@app.command(
    short_help="Read an experiment out.",
    epilog=examples(
        "readout                            (lists the experiments)",
        "readout winback-2026q1",
        "readout winback-2026q1 --json > answer.json",
        "readout winback-2026q1 --show-sql",
        "readout winback-2026q1 --check --strict",
    ),
)
def readout(
    experiment_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The experiment's id: its folder's name.")
    ] = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Print the SQL that ran, before the answer.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compute nothing: check that the page is what result.json renders to.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help='Exit with 3 where the grade is "do not use".')] = False,
) -> None:
    """Read an experiment out: checks, effects, verdict.

    Writes result.json and readout.html beside experiment.yaml. Without ID it lists the experiments.
    """
    if experiment_id is None and (as_json or show_sql or check or strict):
        raise typer.BadParameter("options of a readout need the experiment's ID", param_hint="ID")
    if check and show_sql:
        raise typer.BadParameter("runs no SQL; leave one of --check and --show-sql out", param_hint="--check")
    from incrementality.workspace import Workspace, result_text

    project = Workspace.find(workspace)
    if experiment_id is None:
        _list_experiments(project)
        return
    answer = project.check(experiment_id) if check else _read_out(project, experiment_id, as_json, show_sql)
    if as_json:
        print_json(result_text(answer))
    elif check:
        say(f"experiments/{experiment_id}/readout.html is what its result.json renders to. Grade: {answer.grade}.")
    else:
        files = project.files(experiment_id)
        say(*readout_lines(answer), "", f"Page:    {near(files.page)}", f"Numbers: {near(files.result)}")
    if strict and answer.grade == "do not use":
        raise typer.Exit(_DO_NOT_USE)


def _list_experiments(project: Workspace) -> None:
    known = project.experiment_ids()
    if not known:
        say("This workspace holds no experiment yet.", "Next: write experiments/<id>/experiment.yaml")
        return
    say("Experiments here:", *(f"  {known_id}" for known_id in known), f"Next: incrementality readout {known[0]}")


def _read_out(project: Workspace, experiment_id: str, as_json: bool, show_sql: bool) -> Readout:  # noqa: FBT001
    from incrementality.workspace import engine_for

    with engine_for(project, project.experiment(experiment_id)) as engine:
        try:
            with progress(f"reading out {experiment_id}", quiet=as_json):
                return project.readout(experiment_id, warehouse=engine)
        finally:
            if show_sql and engine.statements:
                typer.echo(printable(";\n\n".join(engine.statements) + ";\n"), err=as_json)


@app.command(
    short_help="Write an experiment's notebook.",
    epilog=examples("notebook winback-2026q1", "notebook winback-2026q1 --design"),
)
def notebook(
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: its folder's name.")],
    *,
    workspace: WorkspaceOption = None,
    design: Annotated[bool, typer.Option("--design", help="The notebook of its design: ID-design.ipynb.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the notebook that is there.")] = False,
) -> None:
    """Write notebooks/ID.ipynb: a thin notebook that reads the experiment out and shows it, top to bottom."""
    from incrementality.workspace import Workspace

    path = near(Workspace.find(workspace).notebook(experiment_id, design=design, replace_existing=replace))
    say(f"The notebook is ready: {path}", f"Next: jupyter lab {shlex.quote(str(path))}")


@app.command(
    short_help="Simulate, read out, compare with the truth.",
    epilog=examples("demo", "demo --into another-demo --seed 7", "demo --json", "demo --company --into demo-company"),
)
def demo(
    *,
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="The demo's folder: new, empty, or an earlier demo.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the simulation.", min=0)] = 1,
    company: Annotated[
        bool, typer.Option("--company", help="Simulate a whole company instead, and attribute its last quarter.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate a win-back holdout whose true effect is known, read it out, and compare both."""
    if company:
        attribution.company_demo(into, seed=seed, as_json=as_json)
        return
    from dataclasses import asdict

    from incrementality.workspace import make_demo

    with progress("simulating a win-back journey and reading it out", quiet=as_json):
        answer = make_demo(into, seed=seed)
    if as_json:
        comparisons = [asdict(row) for row in answer.rows]
        content = {"page": str(answer.page), "grade": answer.readout.grade, "comparisons": comparisons}
        print_json(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    else:
        say(*readout_lines(answer.readout), "", *truth_lines(answer.rows), "", f"Page: {near(answer.page)}")


@app.command(short_help="What is live, and maturing when.", epilog=examples("status", "status --json"))
def status(*, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the experiments: where each stands, on which layer, and when its outcomes are complete."""
    from datetime import UTC, datetime

    from incrementality.workspace import Workspace, programme_status

    rows = programme_status(Workspace.find(workspace), on=datetime.now(UTC).date())
    if as_json:
        print_json(json.dumps([row.to_dict() for row in rows], ensure_ascii=False, indent=1) + "\n")
    else:
        say(*(status_lines(rows) if rows else ["This workspace holds no experiment yet."]))


@app.command(
    short_help="Print the JSON Schema of experiment.yaml.",
    epilog=examples("schema > experiment.schema.json", "schema --programme > programme.schema.json"),
)
def schema(
    *,
    programme: Annotated[bool, typer.Option("--programme", help="That of programme.yaml instead.")] = False,
) -> None:
    """Print the JSON Schema of experiment.yaml, for editors that complete and check while you type."""
    from incrementality.experiment import json_schema
    from incrementality.workspace import programme_schema

    print_json(json.dumps(programme_schema() if programme else json_schema(), indent=1, ensure_ascii=False) + "\n")


def _fail(message: str, hint: str) -> None:
    typer.echo(f"{typer.style('Error:', fg='red', bold=True)} {printable(message)}", err=True, color=colour_wanted())
    if hint:
        typer.echo(f"Next:  {printable(hint)}", err=True)
    sys.exit(1)


def _never_choke(streams: Iterable[object]) -> None:
    """Let a terminal that cannot show a sign show a question mark instead."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def main() -> None:
    """Run the command line; a named error is printed with its next step and ends with exit code 1."""
    from incrementality.errors import IncrementalityError

    _never_choke((sys.stdout, sys.stderr))
    try:
        app()
    except IncrementalityError as error:
        _fail(error.message, error.hint)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        _fail(f"{error.strerror or error}{where}", "check that the path exists, and that you may read and write there")
