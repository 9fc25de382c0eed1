"""The rule models that ship, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.attribution.models.decays import capped, time_decay, usage_weighted
from incrementality.attribution.models.groups import NEW_BUSINESS_WEIGHTS, function_weights, per_kind, save_event
from incrementality.attribution.models.positions import first, last, last_non, linear, position, w_shaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incrementality.attribution.models.rules import RuleModel

__all__ = ["RULE_MODELS"]

_NEW = function_weights(NEW_BUSINESS_WEIGHTS)
_RENEWAL = capped(time_decay(60), 0.6)

RULE_MODELS: Mapping[str, RuleModel] = MappingProxyType(
    {
        model.name: model
        for model in (
            first(),
            last(),
            last_non("direct"),
            linear(),
            time_decay(),
            position(),
            w_shaped(),
            usage_weighted(),
            save_event(),
            per_kind(
                "shipped",
                {"new": _NEW, "renewal": _RENEWAL, "expansion": usage_weighted(), "saved": save_event()},
                otherwise=position(),
            ),
        )
    }
)
