"""Emits traces, metrics and logs with the OpenTelemetry SDK and writes down, as JSON, exactly what it handed to the exporters.

Usage: emit.py --protocol grpc|http/protobuf|http/json --service NAME --out FILE

Endpoint, compression and temporality come from the SDK's own variables: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_EXPORTER_OTLP_COMPRESSION, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
The shape of FILE is that of `tripod_tests::records`. The program fails when the SDK says that an export failed.
"""

import argparse
import base64
import json
import logging
import sys
import time
from importlib import import_module

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

EXPORTERS = {
    "grpc": ("opentelemetry.exporter.otlp.proto.grpc", "trace_exporter", "metric_exporter", "_log_exporter"),
    "http/protobuf": ("opentelemetry.exporter.otlp.proto.http", "trace_exporter", "metric_exporter", "_log_exporter"),
    "http/json": ("opentelemetry.exporter.otlp.json.http", "trace_exporter", "metric_exporter", "_log_exporter"),
}

ORDERS = 150
ATTRIBUTES = {
    "text": "plain",
    "text.unicode": "grüße, 你好, 🚀, e\u0301",
    "text.empty": "",
    "text.quoted": "a \"quote\", a \\ and a\nline end\t\u0001",
    "text.long": "x" * 5000,
    "bool.true": True,
    "bool.false": False,
    "int": 42,
    "int.zero": 0,
    "int.negative": -7,
    "int.beyond.doubles": 2**53 + 1,
    "int.max": 2**63 - 1,
    "int.min": -(2**63),
    "float": 0.1,
    "float.whole": 5.0,
    "float.tiny": 5e-324,
    "float.huge": 1.7976931348623157e308,
    "texts": ["a", "ü", ""],
    "bools": [True, False],
    "ints": [1, -2, 2**53 + 1],
    "floats": [0.1, 2.0],
    "nothing.in.it": [],
}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--protocol", choices=EXPORTERS, required=True)
    arguments.add_argument("--service", required=True)
    arguments.add_argument("--out", required=True)
    options = arguments.parse_args()

    emitted = {"spans": [], "metrics": [], "logs": [], "results": []}
    package, *modules = EXPORTERS[options.protocol]
    spans, metrics, logs = [import_module(f"{package}.{module}") for module in modules]
    resource = Resource.create(
        {"service.name": options.service, "service.instance.id": f"{options.service}-1", "deployment.ring": 3, "zones": ["a", "b"]}
    )

    tracing = TracerProvider(resource=resource)
    exporter = recording(spans.OTLPSpanExporter(), emitted["results"], lambda batch: emitted["spans"].extend(map(span, batch)))
    tracing.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
    exporter = recording(metrics.OTLPMetricExporter(), emitted["results"], lambda data: emitted["metrics"].extend(points(data)))
    metering = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        exemplar_filter=TraceBasedExemplarFilter(),
        views=[
            View(instrument_type=Histogram, instrument_name="answer.size", aggregation=ExponentialBucketHistogramAggregation()),
            View(
                instrument_type=Histogram,
                instrument_name="signal.strength",
                aggregation=ExponentialBucketHistogramAggregation(max_size=20, max_scale=4),
            ),
        ],
    )
    exporter = recording(logs.OTLPLogExporter(), emitted["results"], lambda batch: emitted["logs"].extend(map(log, batch)))
    logging_ = LoggerProvider(resource=resource)
    logging_.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=200))

    Shop(tracing, metering, logging_).run()

    done = [provider.force_flush(30_000) for provider in (tracing, logging_)]
    for provider in (tracing, metering, logging_):
        provider.shutdown()
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(emitted, file, ensure_ascii=False, indent=1)
    failed = [result for result in emitted["results"] if result != "SUCCESS"]
    if failed or not all(done):
        sys.exit(f"exports failed: {failed}, flushed: {done}")


class Shop:
    """Takes orders, and lets every kind of telemetry happen on the way."""

    def __init__(self, tracing, metering, logging_):
        self.metering = metering
        self.tracer = tracing.get_tracer("shop.tracing", "1.2.3", attributes={"team": "checkout", "tier": 1})
        self.events = logging_.get_logger("shop.events", "2.0.0", attributes={"team": "audit"})
        self.log = logging.getLogger("shop.logging")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.addHandler(LoggingHandler(logger_provider=logging_))

        meter = metering.get_meter("shop.metering", "0.9.0", attributes={"team": "numbers"})
        self.orders = meter.create_counter("orders", "{order}", "Orders taken")
        self.sent = meter.create_counter("answer.bytes", "By", "Bytes answered")
        self.busy = meter.create_counter("cpu.time", "s", "A sum of fractions")
        self.waiting = meter.create_up_down_counter("orders.waiting", "{order}", "Orders not yet done")
        self.temperature = meter.create_gauge("room.temperature", "Cel", "How warm it is")
        self.duration = meter.create_histogram(
            "order.duration", "s", "How long an order takes", explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.1, 0.5, 1, 2.5]
        )
        self.size = meter.create_histogram("answer.size", "By", "How large answers are")
        self.strength = meter.create_histogram("signal.strength", "dB", "Over nine orders of magnitude, and zero")
        meter.create_observable_counter("pages.read", [self.read], "{page}", "Pages read so far")
        meter.create_observable_up_down_counter("queue.length", [self.read], "1", "Length of the queue")
        meter.create_observable_gauge("load.ratio", [lambda _: [Observation(0.75, {"core": 0}), Observation(0.25, {"core": 1})]], "1")
        self.pages = 0

    def read(self, _):
        self.pages += 17
        return [Observation(self.pages, {"shelf": "ä"}), Observation(self.pages * 2, {"shelf": "b"})]

    def run(self):
        for number in range(ORDERS):
            self.order(number)
            if number % 50 == 49:
                self.metering.force_flush(30_000)
                time.sleep(0.005)
        self.continue_a_trace_from_elsewhere()
        self.write_events()

    def order(self, number):
        labels = {"method": ["GET", "POST"][number % 2], "http.route": "/orders/{id}", "status": 200 + number % 3}
        self.waiting.add(1, {"lane": number % 2})
        with self.tracer.start_as_current_span("POST /orders/{id}", kind=SpanKind.SERVER, attributes=ATTRIBUTES) as root:
            root.set_attribute("order.number", number)
            self.log.info("order %d taken", number, extra={"order.number": number, "amount": number * 1.5, "rush": number % 2 == 0})
            with self.tracer.start_as_current_span("read stock", kind=SpanKind.CLIENT, attributes={"db.system": "postgresql"}) as read:
                read.add_event("cache miss", {"key": f"user:{number}", "tries": 2, "ratio": 0.5, "path": ["a", "b"]})
                read.add_event("at a given time", timestamp=read.start_time + 123)
                read.set_status(Status(StatusCode.OK))
            with self.tracer.start_as_current_span("price"):
                with self.tracer.start_as_current_span("discount"):
                    self.log.debug("no discount: %s", "günstig genug")
            if number % 10 == 3:
                self.fail(number)
            with self.tracer.start_as_current_span("orders publish", kind=SpanKind.PRODUCER) as publish:
                sent = publish.get_span_context()
            self.record(number, labels)
        link = Link(sent, {"reason": "message", "batch": 4})
        with self.tracer.start_as_current_span("orders process", kind=SpanKind.CONSUMER, links=[link]):
            self.log.warning("order %d done late", number)
        if number % 3 > 0:
            self.waiting.add(-1, {"lane": number % 2})

    def fail(self, number):
        try:
            with self.tracer.start_as_current_span("charge", kind=SpanKind.CLIENT):
                raise ValueError(f"card {number} is no card: \u2603")
        except ValueError:
            self.log.exception("charging failed")
        with self.tracer.start_as_current_span("refund") as refund:
            refund.set_status(Status(StatusCode.ERROR, "the bank says no"))
            self.log.critical("money lost", extra={"amounts": [1.5, 2.5], "accounts": ["a", "b"]})

    def record(self, number, labels):
        self.orders.add(1, labels)
        self.sent.add(1000 + number, labels)
        self.busy.add(0.1, {"cpu": number % 2})
        self.temperature.set(20 + number / 7, {"room": "küche"})
        self.duration.record([0.001, 0.005, 0.02, 0.7, 30.0][number % 5], labels)
        self.size.record(1.3**(number % 60), {"method": labels["method"]})
        self.strength.record([0.0, 3.5, 12.0, 0.001, 1e6][number % 5], {})

    def continue_a_trace_from_elsewhere(self):
        elsewhere = SpanContext(
            0x5B8EFFF798038103D269B633813FC60C,
            0x00F067AA0BA902B7,
            is_remote=True,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
            trace_state=TraceState([("vendor", "a:b"), ("other", "1")]),
        )
        context = trace.set_span_in_context(NonRecordingSpan(elsewhere))
        with self.tracer.start_as_current_span("continued", context=context, kind=SpanKind.SERVER):
            pass

    def write_events(self):
        for severity in SeverityNumber:
            if severity is not SeverityNumber.UNSPECIFIED:
                body = f"severity {severity.value}"
                self.events.emit(LogRecord(timestamp=time.time_ns(), severity_number=severity, severity_text=severity.name, body=body))
        bodies = [{"url": "https://x.test/ä", "depth": {"list": [1, "two", False], "n": 1.25}}, ["a", 1], 17, 2.0, True, ""]
        for body in bodies:
            record = LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                severity_text="Note",
                body=body,
                attributes={"nested": {"k": "v", "deep": {"n": 1}}, **ATTRIBUTES},
                event_name="page.view",
            )
            self.events.emit(record)


def recording(exporter, results, record):
    """Has `record` see what the exporter is given, and `results` what it says it did with that."""
    send = exporter.export

    def export(batch, *arguments, **named):
        record(batch)
        result = send(batch, *arguments, **named)
        results.append(result.name)
        return result

    exporter.export = export
    return exporter


def attributes(given):
    return {key: value(item) for key, item in (given or {}).items()}


def value(given):
    if isinstance(given, bytes):
        return base64.b64encode(given).decode()
    if isinstance(given, (list, tuple)):
        return [value(item) for item in given]
    if hasattr(given, "items"):
        return attributes(given)
    return given


def source(resource, scope):
    return {"resource": attributes(resource.attributes), "scope": {"name": scope.name, "version": scope.version or "", "attributes": attributes(scope.attributes)}}


def span(given):
    context = given.get_span_context()
    return {
        **source(given.resource, given.instrumentation_scope),
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_span_id": f"{given.parent.span_id:016x}" if given.parent else "",
        "trace_state": context.trace_state.to_header(),
        "name": given.name,
        "kind": given.kind.name.lower(),
        "start_unix_nano": given.start_time,
        "end_unix_nano": given.end_time,
        "attributes": attributes(given.attributes),
        "events": [
            {"name": event.name, "time_unix_nano": event.timestamp, "attributes": attributes(event.attributes)}
            for event in given.events
        ],
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "attributes": attributes(link.attributes),
            }
            for link in given.links
        ],
        "status": {"code": given.status.status_code.name, "message": given.status.description or ""},
    }


def log(given):
    record = given.log_record
    return {
        **source(given.resource, given.instrumentation_scope),
        "time_unix_nano": record.timestamp,
        "observed_unix_nano": record.observed_timestamp or 0,
        "severity_number": record.severity_number.value,
        "severity": record.severity_text,
        "body": value(record.body),
        "trace_id": f"{record.trace_id:032x}" if record.trace_id else "",
        "span_id": f"{record.span_id:016x}" if record.span_id else "",
        "event_name": record.event_name or "",
        "attributes": attributes(record.attributes),
    }


def points(data):
    """One entry a data point, whatever its kind: the SDK's own fields, and those of its metric."""
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    fields = json.loads(point.to_json())
                    fields["attributes"] = attributes(point.attributes)
                    fields["exemplars"] = [exemplar(given) for given in point.exemplars]
                    fields["name"] = metric.name
                    fields["kind"] = type(metric.data).__name__
                    fields["delta"] = getattr(metric.data, "aggregation_temporality", None) == AggregationTemporality.DELTA
                    yield {**source(resource.resource, scope.scope), **fields}


def exemplar(given):
    return {
        "trace_id": f"{given.trace_id:032x}",
        "span_id": f"{given.span_id:016x}",
        "value": given.value,
        "time_unix_nano": given.time_unix_nano,
    }


if __name__ == "__main__":
    main()
