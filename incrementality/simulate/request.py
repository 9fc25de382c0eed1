"""The experiment file that fits the simulated data, with comments for whoever writes the next one."""

from __future__ import annotations

import json
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["experiment_yaml"]

_COVARIATES = ("tenure_months", "orders_last_year", "spend_last_year", "loyalty_tier", "channel", "region")

_EXPERIMENT = Template("""\
# A holdout on the win-back journey. The data is simulated, so the true effect is known.
# The id is also the name of this folder.
id: $id
question: Does the win-back journey bring lapsed customers back?
owner: Lifecycle marketing
unit: contact            # what one row stands for
alpha: 0.05              # 95 % intervals

data:
  source: $source
  unit: contact_id       # ids are text and stay text
  arm: arm               # assigned arm, whether or not anything was delivered
$optional  covariates:            # measured before assignment: for balance and adjustment
$covariates

arms:                    # planned shares add up to 1; exactly one control
$arms

metrics:
  - name: reactivated    # at least one order in the window, 0 or 1
    kind: conversion
    role: primary        # this one decides
    window: 28d
    smallest_effect:
      absolute: 0.005    # below half a point the journey is not worth its vouchers
  - name: revenue        # money per contact, mostly zero
    kind: revenue
    role: secondary
    window: 28d
    unit: EUR
  - name: orders per session
    kind: ratio          # sum of orders over sum of sessions
    role: secondary
    numerator: orders
    denominator: sessions
    window: 28d
  - name: unsubscribed   # must not get worse
    kind: conversion
    role: guardrail
    direction: decrease
    window: 28d
    smallest_effect:
      absolute: 0.003    # three more in a thousand are too many

segments:                # declared beforehand
  - column: channel
    name: preferred channel

withholds:               # what the control does not get
  journeys: [win-back]
  functions: [marketing]
""")


def experiment_yaml(
    experiment_id: str, source: str, *, arm_shares: Mapping[str, float], cluster: str | None, stratum: str | None
) -> str:
    """Return commented YAML that reads as a valid experiment.

    Args:
        experiment_id: The experiment's id.
        source: Where the data lies.
        arm_shares: The planned share of each arm; the first is the control.
        cluster: The column of the randomised group, if there is one.
        stratum: The column within whose values the assignment was drawn, if there is one.
    """
    covariates = [name for name in _COVARIATES if name != stratum]
    return _EXPERIMENT.substitute(
        id=_quoted(experiment_id),
        source=_quoted(source),
        optional=_line("cluster", cluster, "assigned as a whole")
        + _line("stratum", stratum, "shares differ between them"),
        covariates="\n".join(f"    - {name}" for name in covariates),
        arms="\n".join(_arm(name, share, control=not place) for place, (name, share) in enumerate(arm_shares.items())),
    )


def _line(key: str, column: str | None, comment: str) -> str:
    return "" if column is None else f"  {key}: {column}  # {comment}\n"


def _arm(name: str, share: float, *, control: bool) -> str:
    text = f'  - name: {_quoted(name)}\n    share: "{100 * share:.10g}%"'
    return text + "\n    control: true" if control else text


def _quoted(text: str) -> str:
    # JSON strings of printable characters are YAML strings
    return json.dumps(text, ensure_ascii=False)
