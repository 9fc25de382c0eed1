"""The campaigns that touches carry, counted in the engine and checked against the naming rule and the register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incrementality.errors import ColumnNotFound
from incrementality.taxonomy import CampaignRepairs, check_campaigns
from incrementality.warehouse.sql import column, parse

if TYPE_CHECKING:
    from incrementality.taxonomy import Taxonomy
    from incrementality.warehouse import Relation, Warehouse

__all__ = ["audit_campaigns"]

_COUNTED = "SELECT CAST($name AS TEXT) AS name, count(*) AS n FROM touches WHERE NOT $name IS NULL GROUP BY 1"
_REGISTERED = "SELECT DISTINCT CAST($name AS TEXT) AS name FROM campaigns WHERE NOT $name IS NULL"


def audit_campaigns(
    warehouse: Warehouse, touches: Relation, taxonomy: Taxonomy, *, campaigns: Relation | None = None
) -> CampaignRepairs:
    """Return the repair report of the campaign names that touches carry.

    Names are counted in the engine; only different names leave it. A touch without a campaign is no fault.

    Args:
        warehouse: The engine.
        touches: Touchpoints, with the column ``campaign``.
        taxonomy: The naming rule and the channels.
        campaigns: The register, with the column ``campaign``; without it the rule alone decides.

    Raises:
        ColumnNotFound: A table has no column ``campaign``.

    Examples:
        >>> from incrementality.taxonomy import default_taxonomy
        >>> from incrementality.warehouse import connect
        >>> with connect() as engine:
        ...     touches = engine.materialise("touches", parse(
        ...         "SELECT unnest(['email_smb_winback_20off_v2', 'Email SMB winback 20off v2', NULL]) AS campaign"))
        ...     report = audit_campaigns(engine, touches, default_taxonomy())
        >>> report.values
        {'Email SMB winback 20off v2': 'email_smb_winback_20off_v2'}
    """
    counted = _queried(warehouse, _COUNTED, touches=touches)
    registered = [] if campaigns is None else _queried(warehouse, _REGISTERED, campaigns=campaigns)
    return check_campaigns(
        {str(name): int(n) for name, n in counted},
        rule=taxonomy.campaigns,
        channels=taxonomy.channels,
        registered=[str(name) for (name,) in registered],
    )


def _queried(warehouse: Warehouse, text: str, **tables: Relation) -> list[tuple[Any, ...]]:
    for name, relation in tables.items():
        if "campaign" not in relation.columns:
            raise ColumnNotFound(
                f"the table {name} has no column 'campaign'; it has: {', '.join(relation.columns)}",
                hint=f"map the column under sources.{'touchpoints' if name == 'touches' else name}.columns",
            )
    nodes = {name: relation.name for name, relation in tables.items()}
    return warehouse.query(parse(text, name=column("campaign"), **nodes))
