"""The queries of the attribution benchmark that an analyst would write by hand, and its tables.

``canonical_*`` are the touches of ``make_touches.py`` as ours reads them: whole-number ids, times as timestamps,
amounts in cents. ``full_*`` have also what nine models look at: six functions, a usage weight, three kinds of events
and when their opportunity was made.
"""

from __future__ import annotations

import sys
from pathlib import Path

_TIME = "TIMESTAMP '2025-01-01' + INTERVAL 1 SECOND * {}"
_TOUCHES = "read_parquet('{folder}/touches_{n}.parquet', file_row_number = true)"
_WON = "CAST(round(100 * value) AS BIGINT) AS amount FROM '{folder}/journeys_{n}.parquet' WHERE converted"
_ROW = f"file_row_number AS touch_id, journey AS account_id, channel, {_TIME.format('ts')} AS occurred_at"
_EVENT = f"journey AS event_id, journey AS account_id, {_TIME.format('end_ts')} AS occurred_at"
TABLES = {
    "canonical_touches": f"SELECT {_ROW} FROM {_TOUCHES}",  # noqa: S608 - constants
    "canonical_events": f"SELECT {_EVENT}, 'new' AS kind, {_WON}",
    "full_touches": f"""SELECT {_ROW},
        ['marketing', 'sdr', 'ae', 'presales', 'cs', 'support'][1 + ch % 6] AS function,
        0.5 + (file_row_number % 1009) / 1009.0::DOUBLE AS usage_weight FROM {_TOUCHES}""",  # noqa: S608 - constants
    "full_events": f"""SELECT {_EVENT}, ['new', 'new', 'renewal', 'expansion'][1 + journey % 4] AS kind,
        {_TIME.format("(end_ts - 345600)")} AS opportunity_at, {_WON}""",
}

FIVE = """
WITH c AS ({rows}),
w AS (SELECT *, row_number() OVER win i, count(*) OVER (PARTITION BY journey) k, pow(0.5, age / 604800.0) d
  FROM c WINDOW win AS (PARTITION BY journey ORDER BY {order})),
x AS (SELECT *, sum(d) OVER (PARTITION BY journey) sd FROM w)
SELECT channel, sum(value) FILTER (i = 1) f, sum(value) FILTER (i = k) l, sum(value / k) lin, sum(value * d / sd) dec,
  sum(value * CASE WHEN k = 1 THEN 1 WHEN k = 2 THEN .5 WHEN i = 1 OR i = k THEN .4 ELSE .2 / (k - 2) END) pos
FROM x GROUP BY 1 ORDER BY 1
"""
PLAIN = """
SELECT t.journey, t.channel, t.ts, j.value, j.end_ts - t.ts AS age
FROM '{folder}/touches_{n}.parquet' t JOIN '{folder}/journeys_{n}.parquet' j USING (journey) WHERE j.converted
"""
CANONICAL = """
SELECT t.account_id AS journey, t.touch_id, t.channel, t.occurred_at AS ts, j.amount / 100 AS value,
  epoch(j.occurred_at) - epoch(t.occurred_at) AS age
FROM '{folder}/canonical_touches_{n}.parquet' t JOIN '{folder}/canonical_events_{n}.parquet' j USING (account_id)
"""
IN_WINDOW = "WHERE t.occurred_at <= j.occurred_at AND t.occurred_at >= j.occurred_at - INTERVAL 180 DAY"
NINE = """
WITH c AS (
  SELECT e.event_id, e.kind, e.amount / 100 AS amount, e.opportunity_at, t.touch_id, t.channel, t.function,
    t.usage_weight, t.occurred_at AS touched, (epoch_us(e.occurred_at) - epoch_us(t.occurred_at)) / 86400e6 AS age
  FROM '{folder}/full_touches_{n}.parquet' t JOIN '{folder}/full_events_{n}.parquet' e USING (account_id)
  WHERE t.occurred_at <= e.occurred_at
    AND t.occurred_at >= e.occurred_at - CASE WHEN e.kind = 'expansion' THEN INTERVAL 90 DAY ELSE INTERVAL 180 DAY END),
w AS (
  SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY touched, touch_id) AS i,
    count(*) OVER (PARTITION BY event_id) AS k,
    pow(0.5, age / 7) AS d, pow(0.5, age / 30) * usage_weight AS u, pow(0.5, age / 60) AS r,
    CASE function WHEN 'marketing' THEN 30 WHEN 'sdr' THEN 15 WHEN 'ae' THEN 35 WHEN 'presales' THEN 20 ELSE 0 END AS f
  FROM c),
x AS (
  SELECT *, sum(d) OVER e AS sd, sum(u) OVER e AS su, sum(r) OVER e AS sr,
    sum(r) OVER (PARTITION BY event_id, function) AS fr, count(*) OVER (PARTITION BY event_id, function) AS fk,
    coalesce(max(i) FILTER (channel <> 'direct') OVER e, k) AS n,
    coalesce(max(i) FILTER (touched <= opportunity_at) OVER e, 0) AS o
  FROM w WINDOW e AS (PARTITION BY event_id)),
y AS (
  SELECT *, .3 * (i = 1)::INT + .3 * (i = k)::INT + .3 * (i = o)::INT
      + CASE WHEN i IN (1, k, o) THEN 0 ELSE .1 / (k - 2 - (o NOT IN (0, 1, k))::INT) END AS s,
    CASE kind WHEN 'new' THEN f / fk WHEN 'renewal' THEN r / fr * least(fr / sr, .6) ELSE u END AS m
  FROM x),
z AS (SELECT *, sum(s) OVER e AS ss, sum(m) OVER e AS sm FROM y WINDOW e AS (PARTITION BY event_id))
SELECT channel, sum(amount) FILTER (i = 1), sum(amount) FILTER (i = k), sum(amount / k), sum(amount * d / sd),
  sum(amount * CASE WHEN k = 1 THEN 1 WHEN k = 2 THEN .5 WHEN i = 1 OR i = k THEN .4 ELSE .2 / (k - 2) END),
  sum(amount) FILTER (i = n), sum(amount * s / ss), sum(amount * u / su), sum(CASE WHEN sm > 0 THEN amount * m / sm END)
FROM z GROUP BY 1
"""
PATHS = """
WITH p AS (
  SELECT journey, string_agg(channel, ' > ' ORDER BY ts) AS path FROM '{folder}/touches_{n}.parquet' GROUP BY 1)
SELECT path, sum(converted::INT)::DOUBLE AS total_conversions, sum(value) AS total_conversion_value
FROM p JOIN '{folder}/journeys_{n}.parquet' USING (journey) WHERE converted GROUP BY 1
"""
QUERIES = {
    "hand_written": FIVE.format(rows=PLAIN, order="ts"),
    "hand_canonical": FIVE.format(rows=CANONICAL, order="ts"),
    "hand_same": FIVE.format(rows=CANONICAL + IN_WINDOW, order="ts, touch_id"),
    "hand_nine": NINE,
}


def table(name: str, folder: Path, n: int) -> Path:
    return folder / f"{name}_{n}.parquet"


def make_tables(folder: Path, n: int) -> None:
    """Make the tables that are missing, each whole or not at all."""
    import duckdb

    for name, query in TABLES.items():
        path = table(name, folder, n)
        if not path.exists():
            part = path.with_suffix(".part")
            duckdb.sql("SET memory_limit = '2GB'")
            duckdb.sql(f"COPY ({query.format(folder=folder, n=n)}) TO '{part}' (FORMAT parquet)")
            part.rename(path)


if __name__ == "__main__":
    make_tables(Path(sys.argv[1]).resolve(), int(float(sys.argv[2])))
