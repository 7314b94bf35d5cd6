"""Asks DuckDB the questions on its standard input: of Parquet files, and of a table that they are copied into. Prints figures as JSON."""

import json
import os
import resource
import sys
import time

import duckdb

folder = sys.argv[1]
questions = json.load(sys.stdin)
files = f"read_parquet('{folder}/*.parquet')"
database = os.path.join(folder, "spans.duckdb")
connection = duckdb.connect(database)
connection.execute("SET threads = 1")


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


begin, used = time.perf_counter(), cpu()
connection.execute(f"CREATE TABLE span AS SELECT * FROM {files}")
connection.execute("CHECKPOINT")
copied, used = time.perf_counter() - begin, cpu() - used
accepted = connection.execute("SELECT count(*) FROM span").fetchone()[0]


def answer(source, question):
    if "trace" in question:
        return connection.execute(f"SELECT * FROM {source} WHERE trace_id = unhex(?)", [question["trace"]]).fetchall()
    if "service" in question:
        wanted = f"""SELECT trace_id, max(start) AS newest FROM {source} WHERE service = ? AND attributes[?] = ?
            GROUP BY trace_id ORDER BY newest DESC LIMIT 20"""
        values = [question["service"], question["key"], question["value"]]
        traces = [row[0] for row in connection.execute(wanted, values).fetchall()]
        if traces:
            marks = ",".join("?" * len(traces))
            connection.execute(f"SELECT * FROM {source} WHERE trace_id IN ({marks})", traces).fetchall()
        return traces
    return connection.execute(f"SELECT DISTINCT service FROM {source}").fetchall()


def ask(source):
    rows = []
    for question in questions:
        took, found, first = [], [], time.perf_counter()
        for run in question["runs"]:
            begin = time.perf_counter()
            found.append(len(answer(source, run)))
            took.append((time.perf_counter() - begin) * 1e3)
            # As in timing.rs.
            if time.perf_counter() - first > 6 and len(took) >= 2:
                break
        took.sort()
        at = lambda share: took[round((len(took) - 1) * share)]
        figures = {"p50": at(0.5), "p99": at(0.99), "found": max(found), "first": found[:2]}
        rows.append({"name": question["name"], "runs": len(took)} | figures)
    return rows


print(
    json.dumps(
        {
            "accepted": accepted,
            "seconds": copied,
            "cpu": used,
            "disk_bytes": os.path.getsize(database),
            "queries": ask("span"),
            "parquet": ask(files),
        }
    )
)
