"""Experiments that bring their own rows, written into a workspace and read out."""

from __future__ import annotations

TEXT = """\
id: {name}
question: Does it pay?
data: {{source: rows.csv, unit: id, arm: arm{mapping}}}
arms:
{arms}
metrics:
  - {{name: spend, kind: revenue, unit: EUR, role: primary, relative: false{window}}}
"""


def write_experiment(workspace, name, ids, arms, spend, *, accounts=None, window="28d"):
    """Write an experiment's file and its rows; the control is called holdout, arms are planned as they fell out."""
    folder = workspace.root / "experiments" / name
    folder.mkdir(exist_ok=True)
    shares = {arm: f"{list(arms).count(arm)}/{len(arms)}" for arm in dict.fromkeys(["holdout", *arms])}
    planned = "\n".join(
        f'  - {{name: {arm}, share: "{share}"{", control: true" if arm == "holdout" else ""}}}'
        for arm, share in shares.items()
    )
    mapping = "" if accounts is None else ", cluster: account"
    limit = "" if window is None else f", window: {window}"
    text = TEXT.format(name=name, arms=planned, mapping=mapping, window=limit)
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    homes = ids if accounts is None else accounts
    rows = [f"{i},{home},{arm},{y!r}" for i, home, arm, y in zip(ids, homes, arms, map(float, spend), strict=True)]
    (folder / "rows.csv").write_text("\n".join(["id,account,arm,spend", *rows, ""]), encoding="utf-8")


def read_experiment(workspace, name, *columns, **how):
    """Write an experiment and read it out."""
    write_experiment(workspace, name, *columns, **how)
    return workspace.readout(name)
