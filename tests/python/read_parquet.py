"""Reads exported files with DuckDB and with pandas, and prints what each finds as JSON.

    read_parquet.py FOLDER    with spans.parquet, logs.parquet and samples.parquet in it
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas

folder = Path(sys.argv[1])


def with_duckdb():
    def one(query):
        return duckdb.sql(query).fetchall()

    spans, logs, samples = (f"'{folder}/{name}.parquet'" for name in ("spans", "logs", "samples"))
    [(count, duration, traces, first)] = one(
        f"select count(*), sum(duration_ns)::hugeint, count(distinct trace_id), epoch_us(min(start_time)::timestamptz) from {spans}"
    )
    numbers = one(f"select sum((attributes->>'number')::int)::int from {spans}")[0][0]
    return {
        "spans": count,
        "duration_ns": int(duration),
        "traces": traces,
        "first_us": first,
        "numbers": numbers,
        "services": dict(one(f"select service, count(*) from {spans} group by 1 order by 1")),
        "roots": one(f"select count(*) from {spans} where parent_span_id is null")[0][0],
        "logs": dict(one(f"select severity, count(*) from {logs} group by 1 order by 1")),
        "line_7": one(f"select count(*) from {logs} where body = 'line 7'")[0][0],
        "samples": one(f"select count(*) from {samples} where metric = 'level'")[0][0],
        "values": dict(
            one(f"select labels->>'key', sum(value) from {samples} where metric = 'level' group by 1 order by 1")
        ),
    }


def with_pandas():
    spans, logs, samples = (pandas.read_parquet(folder / f"{name}.parquet") for name in ("spans", "logs", "samples"))
    level = samples[samples["metric"] == "level"]
    key = level["labels"].map(lambda labels: json.loads(labels)["key"])
    return {
        "spans": len(spans),
        "duration_ns": int(spans["duration_ns"].sum()),
        "traces": spans["trace_id"].nunique(),
        "first_us": int(spans["start_time"].min().value // 1000),
        "numbers": int(spans["attributes"].map(lambda text: int(json.loads(text)["number"])).sum()),
        "services": spans.groupby("service").size().to_dict(),
        "roots": int(spans["parent_span_id"].isna().sum()),
        "logs": logs.groupby("severity").size().to_dict(),
        "line_7": int((logs["body"] == "line 7").sum()),
        "samples": len(level),
        "values": level.groupby(key)["value"].sum().to_dict(),
    }


print(json.dumps({"duckdb": with_duckdb(), "pandas": with_pandas()}, default=int))
