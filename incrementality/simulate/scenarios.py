"""Worked scenarios of attribution: a few touches and one amount, written by hand, with the credit that they must give.

Each is a story that one can check with a pencil: its tables as CSV, and the expected credit to the cent by the models
that ship.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from incrementality.errors import InputError
from incrementality.files import write_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SCENARIOS", "WorkedScenario"]

_TOUCHES = "touch_id,account_id,occurred_at,function,type,channel,outcome,topic,opportunity_id"
_EVENTS = "event_id,account_id,kind,occurred_at,amount,currency,opportunity_id"
_DEALS = (
    "opportunity_id,account_id,kind,created_at,closed_at,outcome,amount,currency,creation_source,creation_trigger,"
    "closer_function"
)


@dataclass(frozen=True, slots=True)
class WorkedScenario:
    """One scenario.

    Attributes:
        name: Its name, as a folder may be called.
        story: What happened.
        why: How the leading model's credit comes about.
        tables: Its tables as the text of CSV files, amounts in currency units.
        credit: The expected credit in minor units: ``{model: {function: cents}}``.
    """

    name: str
    story: str
    why: str
    tables: Mapping[str, str]
    credit: Mapping[str, Mapping[str, int]]

    def write(self, folder: Path) -> None:
        """Write the tables and an ``attribution.yaml`` into a folder.

        Raises:
            InputError: The folder does not exist.

        Examples:
            >>> import tempfile
            >>> from pathlib import Path
            >>> folder = Path(tempfile.mkdtemp())
            >>> SCENARIOS["webinar-to-demo"].write(folder)
            >>> sorted(path.name for path in folder.iterdir())
            ['attribution.yaml', 'revenue_events.csv', 'touchpoints.csv']
        """
        if not folder.is_dir():
            raise InputError(f"{str(folder)!r} is not a folder", hint="create the folder first")
        settings = ["company: {name: " + self.name + ", currency: EUR, as_of: 2026-07-10}", "sources:"]
        settings += [f"  {table}: {table}.csv" for table in self.tables]
        texts = {folder / f"{table}.csv": text for table, text in self.tables.items()}
        write_files({**texts, folder / "attribution.yaml": "\n".join([*settings, ""])})


def _csv(head: str, *rows: str) -> str:
    return "\n".join([head, *rows, ""])


_WEBINAR = WorkedScenario(
    "webinar-to-demo",
    "A webinar, a return visit, a qualifying call, two demos and a proof of concept lead to a new customer of "
    "EUR 10,000.",
    "Marketing 30, SDR 15, AE 35 and presales 20 are all present; each is shared alike by the function's touches.",
    {
        "touchpoints": _csv(
            _TOUCHES,
            "w1,acme,2026-01-12T10:00:00,marketing,webinar,events,attended,,",
            "w2,acme,2026-01-20T10:00:00,marketing,return_visit,web,,,",
            "w3,acme,2026-01-22T10:00:00,sdr,call,phone,connected,,",
            "w4,acme,2026-02-03T10:00:00,ae,demo,meeting,held,,",
            "w5,acme,2026-02-10T10:00:00,presales,proof_of_concept,meeting,held,,",
            "w6,acme,2026-03-02T10:00:00,ae,demo,meeting,held,,",
        ),
        "revenue_events": _csv(_EVENTS, "d1,acme,new,2026-04-15T12:00:00,10000.00,EUR,"),
    },
    {
        "leading": {"marketing": 300_000, "sdr": 150_000, "ae": 350_000, "presales": 200_000},
        "first": {"marketing": 1_000_000},
        "last": {"ae": 1_000_000},
        "linear": {"marketing": 333_334, "sdr": 166_667, "ae": 333_333, "presales": 166_666},
        "position": {"marketing": 450_000, "sdr": 50_000, "ae": 450_000, "presales": 50_000},
    },
)
_PARTNER = WorkedScenario(
    "partner-referral",
    "A partner refers an existing customer to another product; the rep holds a pricing meeting and closes EUR 4,000.",
    "The opportunity says that the partner created it: source partner 40 %. The rep who signed closes: 40 %. The "
    "pricing meeting and the check-in between them are the assists: 10 % each.",
    {
        "touchpoints": _csv(
            _TOUCHES,
            "p1,brio,2026-03-02T10:00:00,partner,referral,partner,connected,expansion,o1",
            "p2,brio,2026-03-20T10:00:00,ae,pricing,meeting,held,pricing,o1",
            "p3,brio,2026-04-01T10:00:00,cs,check_in,phone,connected,,o1",
            "p4,brio,2026-04-20T10:00:00,ae,proposal,meeting,signed,pricing,o1",
        ),
        "revenue_events": _csv(_EVENTS, "d2,brio,expansion,2026-04-20T12:00:00,4000.00,EUR,o1"),
        "opportunities": _csv(
            _DEALS,
            "o1,brio,expansion,2026-03-02T09:00:00,2026-04-20T12:00:00,won,4000.00,EUR,partner,,ae",
        ),
    },
    {
        "leading": {"partner": 160_000, "ae": 200_000, "cs": 40_000},
        "first": {"partner": 400_000},
        "last": {"ae": 400_000},
        "linear": {"partner": 100_000, "ae": 200_000, "cs": 100_000},
    },
)
_CONTENT = WorkedScenario(
    "technical-content",
    "An engineer reads two technical papers, presales reviews the architecture, and the rep sends a proposal. Nobody "
    "of sales development was there. EUR 999.99.",
    "Marketing 30, presales 20 and AE 35 are present: of 85, marketing gets 30, presales 20, AE 35. The cent that is "
    "left over goes to the largest remainder.",
    {
        "touchpoints": _csv(
            _TOUCHES,
            "c1,cora,2026-02-01T10:00:00,marketing,content_download,organic_search,,,",
            "c2,cora,2026-02-08T10:00:00,marketing,content_download,email,,,",
            "c3,cora,2026-03-01T10:00:00,presales,architecture_review,meeting,held,,",
            "c4,cora,2026-03-15T10:00:00,ae,proposal,meeting,held,,",
            "c5,cora,2025-06-01T10:00:00,sdr,call,phone,attempted,,",
        ),
        "revenue_events": _csv(_EVENTS, "d3,cora,new,2026-04-02T12:00:00,999.99,EUR,"),
    },
    {
        "leading": {"marketing": 35_294, "presales": 23_529, "ae": 41_176},
        "first": {"marketing": 99_999},
        "last": {"ae": 99_999},
        "linear": {"marketing": 50_000, "presales": 25_000, "ae": 24_999},
    },
)

SCENARIOS: Mapping[str, WorkedScenario] = MappingProxyType(
    {scenario.name: scenario for scenario in (_WEBINAR, _PARTNER, _CONTENT)}
)
