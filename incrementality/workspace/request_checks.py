"""Is a request ready? Every problem with its line and what to do, before anybody is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from incrementality.design import conflicts_with_live
from incrementality.errors import ExperimentFileError, IncrementalityError, did_you_mean
from incrementality.estimates import CheckResult
from incrementality.experiment.problems import path_text
from incrementality.experiment.tree import read_tree
from incrementality.workspace.designs import stored_design
from incrementality.workspace.holdouts import plan_of
from incrementality.workspace.lifecycle import declined
from incrementality.workspace.requested import requested, requested_again

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incrementality.design import DesignAnswer, DesignRequest
    from incrementality.experiment import Experiment, HoldoutRequest
    from incrementality.experiment.tree import KeyPath, Tree
    from incrementality.workspace.project import Workspace

__all__ = ["check_request"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An experiment that asks for a holdout, with the lines of its file."""

    workspace: Workspace
    experiment: Experiment
    request: HoldoutRequest
    tree: Tree

    def at(self, path: KeyPath, said: str) -> str:
        return f"line {self.tree.spot(path).line}, {path_text(path)}: {said}"


def check_request(workspace: Workspace, experiment_id: str) -> tuple[CheckResult, ...]:
    """Return what is right and what is wrong with a request, the file first.

    A check that fails says the line and what to do; one that informs is a step that is still to come.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.

    Raises:
        ExperimentNotFound: There is no such experiment.
        WorkspaceError: A record beside it cannot be read.
    """
    path = workspace.folder(experiment_id) / "experiment.yaml"
    try:
        experiment = workspace.experiment(experiment_id)
    except ExperimentFileError as error:
        return tuple(_failed("file", problem) for problem in error.problems)
    tree = read_tree(path.read_text(encoding="utf-8-sig"))
    if experiment.request is None:
        return (_failed("file", f"{path.name}, line 1: it asks for no holdout; add the section 'request:'"),)
    return tuple(_checks(_Asked(workspace, experiment, experiment.request, tree)))


def _checks(asked: _Asked) -> Iterator[CheckResult]:
    yield CheckResult(name="file", passed=True, sentence="It can be read, and its parts fit together.")
    yield CheckResult(
        name="always sent", passed=True, sentence="Nothing is withheld that every customer is owed, by its name."
    )
    yield from _files(asked)
    yield from _plan(asked)
    answer = stored_design(asked.workspace, asked.experiment.id)
    try:
        request = (
            requested(asked.workspace, asked.experiment)[0]
            if answer is None
            else requested_again(asked.workspace, asked.experiment, answer)
        )
    except IncrementalityError as error:
        yield _failed("numbers", asked.at(("request",), f"{error.message}; {error.hint}"))
        return
    yield CheckResult(name="numbers", passed=True, sentence=_numbers(request))
    yield from _conflicts(asked, request)
    yield from _release(asked)
    yield from _approvals(asked, request, answer)


def _files(asked: _Asked) -> Iterator[CheckResult]:
    """Yield what the request names and is not there, and whether it was turned down."""
    known = [other for other in asked.workspace.experiment_ids() if other != asked.experiment.id]
    for place, other in enumerate(asked.request.must_not_overlap):
        if other not in known:
            said = f"there is no experiment {other!r}.{did_you_mean(other, known)} Correct it, or leave it out"
            yield _failed("named", asked.at(("request", "must_not_overlap", place), said))
    rule = asked.request.eligibility
    if rule is not None and not (asked.workspace.folder(asked.experiment.id) / rule).is_file():
        said = f"there is no file {rule!r} in the experiment's folder; write the rule there, or leave the key out"
        yield _failed("named", asked.at(("request", "eligibility"), said))
    turned_down = declined(asked.workspace, asked.experiment)
    if turned_down is not None:
        said = f"declined by {turned_down.name} on {turned_down.on}: {turned_down.reason}; change what it asks for"
        yield _failed("declined", asked.at(("request",), said))


def _plan(asked: _Asked) -> Iterator[CheckResult]:
    """Yield what keeps units from being drawn: a layer that is not there or full, an experiment to lie within."""
    try:
        plan_of(asked.workspace, asked.experiment.id)
    except IncrementalityError as error:
        yield _failed("draw", asked.at(("request", "layer"), f"{error.message}; {error.hint}"))


def _numbers(request: DesignRequest) -> str:
    found = request.looked_up
    return "The request states what a design needs." if found is None else f"Looked up: {found.sentence}"


def _conflicts(asked: _Asked, request: DesignRequest) -> Iterator[CheckResult]:
    found = conflicts_with_live(request)
    for conflict in found:
        key = "layer" if asked.request.layer else "must_not_overlap"
        fix = " Take less traffic, another layer, or wait." if conflict.blocking else ""
        told = asked.at(("request", key), conflict.sentence + fix) if conflict.blocking else conflict.sentence
        yield CheckResult(
            name=f"live {conflict.experiment}", passed=False if conflict.blocking else None, sentence=told
        )
    if not found:
        yield CheckResult(name="live experiments", passed=True, sentence="None shares units with this one.")


def _release(asked: _Asked) -> Iterator[CheckResult]:
    if asked.request.release is None:
        said = asked.at(("request",), "it does not say what becomes of those held out; add 'release: {when: ...}'")
        yield CheckResult(name="release", passed=None, sentence=said)


def _approvals(asked: _Asked, request: DesignRequest, answer: DesignAnswer | None) -> Iterator[CheckResult]:
    """Yield whether the design on disk is of this request, and who has to sign it still."""
    again = f"run: incrementality holdout design {asked.experiment.id}"
    if answer is None:
        said = f"There is none yet; {again}. To sign then: {', '.join(request.approvals)}."
        yield CheckResult(name="design", passed=None, sentence=said)
        return
    if answer.request != request:
        said = f"the design on disk (version {answer.version}) is of another request; {again}"
        yield _failed("design", asked.at(("request",), said))
        return
    yield CheckResult(name="design", passed=True, sentence=f"Version {answer.version} is of this request.")
    for role in answer.missing_approvals:
        said = (
            f"{role!r} has not signed; run: incrementality holdout sign {asked.experiment.id} --role {role} --name NAME"
        )
        yield _failed("approval", asked.at(("request", "approvals"), said))
    if answer.signed:
        yield CheckResult(name="approvals", passed=True, sentence="Everybody has signed.")


def _failed(name: str, sentence: str) -> CheckResult:
    return CheckResult(name=name, passed=False, sentence=sentence)
