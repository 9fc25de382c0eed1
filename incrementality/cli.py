"""The command line: parses, calls a verb of the workspace, prints. A room is loaded when it is needed."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.lift import Readout

__all__ = ["app", "main"]

app = typer.Typer(
    name="incrementality",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="What your customer contacts caused, not only what they touched.\n\n"
    "Start with `incrementality demo`: it simulates a win-back holdout whose true effect is known, reads it out, and "
    "says where the page lies. Then `incrementality init my-crm` makes a workspace for your own experiments.",
    epilog="Exit codes: 0 done; 1 something named could not be used (the message says what to do); 2 the call's "
    "words are off; 3 with `--strict`, the readout is graded *do not use*.",
)

_DO_NOT_USE = 3
_COLOURS = {"trust": "green", "caution": "yellow", "do not use": "red"}

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace's folder; default: the one around the current folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON and nothing else.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The experiment's id: its folder's name.")]


@app.command(short_help="Make a workspace.", epilog="Example: `incrementality init my-crm`")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new, empty or a workspace.")],
) -> None:
    """Make a workspace: experiments/, notebooks/, reports/, a configuration and a commented example.

    Whatever is there already stays untouched; a second run changes nothing.
    """
    from incrementality.workspace import Workspace

    workspace = Workspace.create(folder)
    typer.echo(f"The workspace is ready: {workspace.root}")
    typer.echo(f"Experiments: {', '.join(workspace.experiment_ids())}")
    typer.echo("Next: edit experiments/winback-example/experiment.yaml, then run")
    typer.echo(f"  incrementality readout winback-example --workspace {folder}")


@app.command(
    short_help="Read an experiment out.",
    epilog="Examples: `incrementality readout hillstrom-email-2008`, "
    "`incrementality readout winback-2026q1 --json`, `incrementality readout winback-2026q1 --show-sql`",
)
def readout(
    experiment_id: IdArgument,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Print the SQL that ran, before the answer.")] = False,  # noqa: FBT002
    check: Annotated[  # noqa: FBT002
        bool, typer.Option("--check", help="Compute nothing: check that the page is what result.json renders to.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 where the grade is *do not use*.")] = False,  # noqa: FBT002
) -> None:
    """Read an experiment out: checks, estimates, verdict; writes result.json and readout.html beside its file."""
    from incrementality.workspace import Workspace, result_text

    project = Workspace.find(workspace)
    if check:
        answer = project.check(experiment_id)
        typer.echo(f"experiments/{experiment_id}/readout.html is what result.json renders to.")
        return
    with _progress(f"reading out {experiment_id}", quiet=as_json):
        locator = project.locate(project.experiment(experiment_id))
        with project.connect(locator) as engine:
            answer = project.readout(experiment_id, warehouse=engine)
            statements = list(engine.statements)
    if show_sql:
        typer.echo(";\n\n".join(statements) + ";\n", err=as_json)
    if as_json:
        typer.echo(result_text(answer), nl=False)
    else:
        _print_readout(answer)
        typer.echo(f"\nPage:    {project.files(experiment_id).page}")
        typer.echo(f"Numbers: {project.files(experiment_id).result}")
    if strict and answer.grade == "do not use":
        raise typer.Exit(_DO_NOT_USE)


@app.command(
    short_help="Write an experiment's notebook.",
    epilog="Example: `incrementality notebook winback-2026q1`, then `jupyter lab notebooks/`",
)
def notebook(
    experiment_id: IdArgument,
    workspace: WorkspaceOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the notebook that is there.")] = False,  # noqa: FBT002
) -> None:
    """Write notebooks/ID.ipynb: a thin notebook that reads the experiment out and shows it, top to bottom."""
    from incrementality.workspace import Workspace

    path = Workspace.find(workspace).notebook(experiment_id, replace_existing=replace)
    typer.echo(f"The notebook is ready: {path}")


@app.command(
    short_help="Simulate, read out, compare with the truth.",
    epilog="Examples: `incrementality demo`, `incrementality demo --into /tmp/demo --seed 7`",
)
def demo(
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="The demo's folder: new, empty, or an earlier demo.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the simulation.", min=0)] = 1,
    as_json: JsonOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Simulate a win-back holdout whose true effect is known, read it out, and compare both."""
    from incrementality.workspace import make_demo

    with _progress("simulating a win-back journey and reading it out", quiet=as_json):
        answer = make_demo(into, seed=seed)
    if as_json:
        typer.echo(json.dumps({"page": str(answer.page), "grade": answer.readout.grade, "comparisons": answer.rows}))
        return
    from incrementality.formatting import difference, interval

    _print_readout(answer.readout)
    typer.echo("\nThe truth is known here. True effect, estimate, interval:")
    for row in answer.rows:
        kind, unit = str(row["kind"]), str(row["unit"])
        true, effect, lower, upper = (
            difference(float(str(row[name])), kind=kind, unit=unit)
            for name in ("true_effect", "effect", "effect_ci_lower", "effect_ci_upper")
        )
        held = "holds the truth" if row["covers"] else "misses the truth, as 1 in 20 does"
        typer.echo(f"  {row['metric']}: true {true}, estimated {effect} ({interval(lower, upper)}; {held})")
    typer.echo(f"\nPage: {answer.page}")


@app.command(
    short_help="Print the JSON Schema of experiment.yaml.",
    epilog="Example: `incrementality schema > experiment.schema.json`",
)
def schema() -> None:
    """Print the JSON Schema of experiment.yaml, for editors that complete and check while you type."""
    from incrementality.experiment import json_schema

    typer.echo(json.dumps(json_schema(), indent=1, ensure_ascii=False))


def _version(wanted: bool) -> None:  # noqa: FBT001 - a flag
    if wanted:
        from incrementality import __version__

        typer.echo(f"incrementality {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before a command."""


def _print_readout(answer: Readout) -> None:
    typer.secho(f"{answer.grade.upper()}: {answer.verdict}", fg=_COLOURS[answer.grade], bold=True)
    for line in answer.verdict_lines:
        typer.echo(f"  {line}")
    rows = answer.rows
    refused = "; ".join(f"{reason}: {n:,}" for reason, n in rows.refused.items()) or "none"
    typer.echo(f"\nRows read {rows.read:,}, kept {rows.kept:,}, refused: {refused}.")
    typer.echo("Checks:")
    words = {True: ("passed", "green"), False: ("failed", "red"), None: ("note", "blue")}
    for check in answer.checks:
        word, colour = words[check.passed]
        about = f" ({check.metric})" if check.metric else ""
        typer.echo(f"  {typer.style(word.ljust(6), fg=colour)} {check.name}{about}: {check.sentence}")
    typer.echo("Estimates:")
    for estimate in answer.estimates:
        typer.echo(f"  {'adjusted  ' if estimate.adjusted else 'unadjusted'} {estimate.sentence}")


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[None]:
    """Show that work is going on, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} ..."):
        yield


def main() -> None:
    """Run the command line; a named error is printed with its next step and ends with exit code 1."""
    from incrementality.errors import IncrementalityError

    try:
        app()
    except IncrementalityError as error:
        typer.secho(f"Error: {error.message}", fg="red", err=True)
        if error.hint:
            typer.echo(f"Next:  {error.hint}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
