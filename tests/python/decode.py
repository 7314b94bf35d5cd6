"""Decodes OTLP requests with the OpenTelemetry protobufs for Python.

Reads lines of JSON, {"signal": "traces", "body": HEX}, and prints a JSON list of the requests in the JSON mapping of protobuf: what is not
there is left out, numbers of 64 bits are text, bytes are hex. A field that the protobufs do not know is an error.
"""

import base64
import json
import sys

from google.protobuf.json_format import MessageToDict
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
BYTES = ("traceId", "spanId", "parentSpanId", "bytesValue")


def must_be_known(message):
    if len(UnknownFieldSet(message)):
        sys.exit(f"unknown fields in {message.DESCRIPTOR.full_name}")
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in [value] if hasattr(value, "ListFields") else value:
            must_be_known(inner)


def with_hex(value):
    if isinstance(value, list):
        return [with_hex(item) for item in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(inner).hex() if key in BYTES else with_hex(inner) for key, inner in value.items()
        }
    return value


decoded = []
for line in sys.stdin:
    given = json.loads(line)
    request = REQUESTS[given["signal"]]()
    request.ParseFromString(bytes.fromhex(given["body"]))
    must_be_known(request)
    decoded.append(with_hex(MessageToDict(request, use_integers_for_enums=True)))
json.dump(decoded, sys.stdout)
