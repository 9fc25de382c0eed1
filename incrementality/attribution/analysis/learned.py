"""Models that learn from paths, kind by kind: what they answer, and whether they have enough to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from incrementality.attribution.labels import SHOWN_BESIDE
from incrementality.attribution.models.gates import conversions_a_month
from incrementality.attribution.paths_events import paths_of_events
from incrementality.errors import IncrementalityError

if TYPE_CHECKING:
    from incrementality.attribution.analysis.prepared import Prepared
    from incrementality.attribution.models.path_credit import PathCredit
    from incrementality.attribution.models.rules import RuleModel
    from incrementality.attribution.paths_events import EventPaths

__all__ = ["LearnedModels", "learn"]

_By = Literal["channel", "function", "type", "stage", "campaign", "journey"]


@dataclass(frozen=True, slots=True)
class LearnedModels:
    """What models learned from paths.

    Attributes:
        answers: ``{(model, kind): answer}``.
        rules: The answers as rules that split events, each for its kind, so that they enter the ledger.
        withheld: ``{model: why}`` for those that count for nothing.
    """

    answers: dict[tuple[str, str], PathCredit]
    rules: tuple[RuleModel, ...]
    withheld: dict[str, str]


def learn(prepared: Prepared) -> LearnedModels:
    """Let every model of the specification learn from the paths to each kind of event.

    A model that cannot learn from a kind, or has too few conversions of it, is withheld with the reason.
    """
    spec, company = prepared.spec, prepared.company
    answers: dict[tuple[str, str], PathCredit] = {}
    why: dict[str, list[str]] = {}
    for kind in (kind for kind in prepared.kinds if kind not in SHOWN_BESIDE and spec.learned):
        mean = conversions_a_month(
            company.warehouse, prepared.journeys.events, kind=kind, as_of=company.as_of, months=spec.gate.months
        )
        found = _paths(prepared, kind)
        for model in spec.learned:
            try:
                if isinstance(found, IncrementalityError):
                    raise found
                answer = spec.gate.judge(model.credit(found.paths), kind=kind, mean=mean)
            except IncrementalityError as error:
                why.setdefault(model.name, []).append(f"{kind}: {error.message}")
                continue
            answers[model.name, kind] = answer
            why.setdefault(model.name, []).extend(answer.reasons)
    failed = {name for name, reasons in why.items() if len(reasons) and not any(key[0] == name for key in answers)}
    by = cast("_By", spec.learned_by)
    rules = tuple(
        replace(answer.rule(by=by), kinds=(kind,)) for (name, kind), answer in answers.items() if name not in failed
    )
    return LearnedModels(answers, rules, {name: " ".join(dict.fromkeys(told)) for name, told in why.items() if told})


def _paths(prepared: Prepared, kind: str) -> EventPaths | IncrementalityError:
    as_of = prepared.company.as_of.replace(tzinfo=None)
    try:
        return paths_of_events(prepared.journeys, kind, as_of=as_of, by=prepared.spec.learned_by)
    except IncrementalityError as error:
        return error
