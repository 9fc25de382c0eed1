"""Small companies on disk: two files of touches and deals, written by hand; or a simulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incrementality.simulate import simulate_company
from incrementality.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

TOUCHES = """\
touch_id,account_id,occurred_at,function,type,channel
t1,a,2026-04-02T09:00:00,marketing,webinar,events
t2,a,2026-04-20T09:00:00,SDR,call,phone
t3,a,2026-05-05T09:00:00,AE,demo,meeting
t4,b,2026-05-01T09:00:00,Customer Success,check_in,meeting
t5,nobody,2026-05-01T09:00:00,Customer Success,check_in,meeting
t5,nobody,2026-05-02T09:00:00,Customer Success,check_in,meeting
"""
EVENTS = """\
event_id,account_id,kind,occurred_at,amount,currency
e1,a,new,2026-05-20T12:00:00,100.01,EUR
e2,b,renewal,2026-06-01T12:00:00,50.00,EUR
e3,c,new,2026-06-02T12:00:00,30.00,EUR
e3,c,new,2026-06-03T12:00:00,30.00,EUR
e4,a,new,2026-02-20T12:00:00,10.00,EUR
"""
SETTINGS = """\
company: {name: Two Files Ltd, as_of: 2026-07-10}
sources:
  touchpoints: data/touchpoints.csv
  revenue_events: data/revenue_events.csv
gates: {unknown_share: 50%}
"""


def two_files(root: Path, *, settings: str = SETTINGS, touches: str = TOUCHES, events: str = EVENTS) -> Workspace:
    """Return a workspace with a company of two files."""
    workspace = Workspace.create(root, example=False)
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "touchpoints.csv").write_text(touches, encoding="utf-8")
    (root / "data" / "revenue_events.csv").write_text(events, encoding="utf-8")
    (root / "attribution.yaml").write_text(settings, encoding="utf-8")
    return workspace


def simulated(root: Path, *, accounts: int = 300, seed: int = 4) -> Workspace:
    """Return a workspace with a simulated company, dirty as companies are."""
    workspace = Workspace.create(root, example=False)
    (root / "data").mkdir(exist_ok=True)
    company = simulate_company(accounts, quarters=4, seed=seed)
    company.write(root / "data")
    tables = sorted(path.stem for path in (root / "data").glob("*.csv") if path.stem not in {"entries", "assignments"})
    lines = ["company: {name: Simulated Ltd, as_of: 2026-01-30}", "sources:"]
    text = "\n".join([*lines, *(f"  {name}: {{from: data/{name}.csv, money: {{unit: minor}}}}" for name in tables), ""])
    (root / "attribution.yaml").write_text(text, encoding="utf-8")
    return workspace
