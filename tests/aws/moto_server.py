"""moto as a server on a port of its own, asked through boto3: a line of JSON in, a line of JSON out.

{"statistics": METRIC, "namespace": …, "dimensions": [[NAME, VALUE] …]}  the statistics of a metric
{"traces": true}                                                         the segments of all traces
{"user": NAME}                                                           a user who may report; from now on signatures are looked at
"""

import json
import logging
import sys
from datetime import datetime, timedelta, timezone

import boto3
import requests
from moto.server import ThreadedMotoServer

STATISTICS = ["SampleCount", "Sum", "Minimum", "Maximum"]
# moto calls `PutTraceSegments` by its path.
ACTIONS = ["cloudwatch:PutMetricData", "xray:PutTraceSegments", "xray:TraceSegments"]
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}],
}

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"


def client(service):
    return boto3.client(
        service, endpoint_url=url, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def statistics(question):
    now = datetime.now(timezone.utc)
    points = client("cloudwatch").get_metric_statistics(
        Namespace=question["namespace"],
        MetricName=question["statistics"],
        Dimensions=[{"Name": name, "Value": value} for name, value in question["dimensions"]],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=STATISTICS,
    )["Datapoints"]
    if len(points) != 1:
        return {"points": len(points)}
    return {key: points[0][key] for key in [*STATISTICS, "Unit"] if key in points[0]}


def traces(_):
    now = datetime.now(timezone.utc)
    xray = client("xray")
    found = xray.get_trace_summaries(StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1))
    ids = [summary["Id"] for summary in found["TraceSummaries"]]
    traces = xray.batch_get_traces(TraceIds=ids)["Traces"]
    return [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]


def user(question):
    iam = client("iam")
    iam.create_user(UserName=question["user"])
    iam.put_user_policy(UserName=question["user"], PolicyName="report", PolicyDocument=json.dumps(POLICY))
    key = iam.create_access_key(UserName=question["user"])["AccessKey"]
    requests.post(f"{url}/moto-api/reset-auth", data="0", timeout=60).raise_for_status()
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


print(f"{host}:{port}", flush=True)
for line in sys.stdin:
    question = json.loads(line)
    answer = next(what for name, what in (("statistics", statistics), ("traces", traces), ("user", user)) if name in question)
    print(json.dumps(answer(question)), flush=True)
