"""Models that learn from paths, kind by kind: what they answer, and whether they have enough to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from incrementality.attribution.labels import SHOWN_BESIDE
from incrementality.attribution.models.gates import conversions_a_month
from incrementality.attribution.paths_events import paths_of_events
from incrementality.errors import IncrementalityError
from incrementality.formatting import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.attribution.analysis.prepared import Prepared
    from incrementality.attribution.models.gates import ConversionGate
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
    closed: dict[str, float] = {}
    for kind in (kind for kind in prepared.kinds if kind not in SHOWN_BESIDE and spec.learned):
        mean = conversions_a_month(
            company.warehouse, prepared.journeys.events, kind=kind, as_of=company.as_of, months=spec.gate.months
        )
        found = _paths(prepared, kind)
        for model in spec.learned:
            try:
                if isinstance(found, IncrementalityError):
                    raise found
                answer = model.credit(found.paths)
            except IncrementalityError as error:
                why.setdefault(model.name, []).append(f"{kind}: {error.message}")
                continue
            answers[model.name, kind] = spec.gate.judge(answer, kind=kind, mean=mean)
            why.setdefault(model.name, []).extend(f"{kind}: {reason}" for reason in answer.reasons)
            if not spec.gate.opens(mean):
                closed[kind] = mean
    by = cast("_By", spec.learned_by)
    rules = tuple(replace(answer.rule(by=by), kinds=(kind,)) for (_, kind), answer in answers.items())
    told = _too_few(spec.gate, closed)
    withheld = {name: " ".join([*told, *dict.fromkeys(reasons)]) for name, reasons in why.items() if told or reasons}
    return LearnedModels(answers, rules, withheld)


def _too_few(gate: ConversionGate, closed: Mapping[str, float]) -> list[str]:
    """Return in one sentence which kinds have too few conversions; nothing where none has."""
    if not closed:
        return []
    had = ", ".join(f"{kind} had {count(int(mean))}" for kind, mean in closed.items())
    needs = f"Needs {count(gate.conversions_a_month)} conversions a month (mean of {gate.months})"
    return [f"{needs}; {had}. Shown, not counted; position-based leads."]


def _paths(prepared: Prepared, kind: str) -> EventPaths | IncrementalityError:
    as_of = prepared.company.as_of.replace(tzinfo=None)
    try:
        return paths_of_events(prepared.journeys, kind, as_of=as_of, by=prepared.spec.learned_by)
    except IncrementalityError as error:
        return error
