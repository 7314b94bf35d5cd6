"""Sends spans as clients of Zipkin do: py_zipkin, and OpenTelemetry's exporters in JSON and protobuf."""

import argparse
import os

import requests


def opentelemetry(exporter, service):
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("shop.orders", "1.2.3")
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER) as span:
        span.set_attribute("http.request.method", "POST")
        span.set_attribute("order.items", 3)
        with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT) as inner:
            inner.set_attribute("peer.service", "bank")
            inner.add_event("retry", {"attempt": 2})
            inner.add_event("gave up")
            inner.set_status(Status(StatusCode.ERROR, "no funds"))
    provider.shutdown()


def py_zipkin(url):
    # The protobuf classes that it brings are older than the library.
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    from py_zipkin import Encoding, Kind
    from py_zipkin.zipkin import zipkin_client_span, zipkin_span

    def send(encoded):
        requests.post(url, data=encoded, headers={"content-type": "application/json"}, timeout=10).raise_for_status()

    options = {"transport_handler": send, "encoding": Encoding.V2_JSON}
    with zipkin_span(
        service_name="py-zipkin", span_name="get /stock", kind=Kind.SERVER, sample_rate=100.0, host="10.0.0.7", port=8080, **options
    ) as span:
        span.update_binary_annotations({"http.method": "GET"})
        with zipkin_client_span(service_name="py-zipkin", span_name="select") as inner:
            inner.add_annotation("rows read")
            inner.add_sa_binary_annotation(port=5432, host="10.0.0.8", service_name="postgres")
            inner.update_binary_annotations({"error": "timed out"})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    # Both define the same protobuf messages: they can't be in one process.
    parser.add_argument("--client", required=True, choices=["opentelemetry", "py-zipkin"])
    arguments = parser.parse_args()
    if arguments.client == "py-zipkin":
        py_zipkin(arguments.url)
        return
    from opentelemetry.exporter.zipkin.json import ZipkinExporter as JsonExporter
    from opentelemetry.exporter.zipkin.proto.http import ZipkinExporter as ProtobufExporter

    opentelemetry(JsonExporter(endpoint=arguments.url), "otel-json")
    opentelemetry(ProtobufExporter(endpoint=arguments.url), "otel-protobuf")


if __name__ == "__main__":
    main()
