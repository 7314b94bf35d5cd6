/** What one pastes to get the first span, by language. */
import type { Status } from "../../api/status";

export interface Recipe {
  key: string;
  title: string;
  steps: { title: string; text: string }[];
}

export function recipes({ otlp_http, otlp_grpc }: Status["endpoints"]): Recipe[] {
  const variables = [`export OTEL_EXPORTER_OTLP_ENDPOINT=http://${otlp_http}`, "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "export OTEL_SERVICE_NAME=my-service"];
  const http = { title: "Variables", text: variables.join("\n") };
  return [
    {
      key: "any",
      title: "Any SDK",
      steps: [
        http,
        { title: "…or over gRPC", text: [`export OTEL_EXPORTER_OTLP_ENDPOINT=http://${otlp_grpc}`, "export OTEL_EXPORTER_OTLP_PROTOCOL=grpc"].join("\n") },
        { title: "One log record with curl", text: curl(otlp_http) },
      ],
    },
    { key: "rust", title: "Rust", steps: [{ title: "Add the crate", text: "cargo add tripod" }, { title: "src/main.rs", text: RUST }, { ...http, title: "Variables, then cargo run" }] },
    {
      key: "python",
      title: "Python",
      steps: [
        { title: "Install", text: "pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install" },
        { title: "Run your program", text: [...variables, "export OTEL_LOGS_EXPORTER=otlp", "opentelemetry-instrument python app.py"].join("\n") },
      ],
    },
    {
      key: "node",
      title: "Node.js",
      steps: [
        { title: "Install", text: "npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node" },
        { title: "Run your program", text: [...variables, "node --require @opentelemetry/auto-instrumentations-node/register app.js"].join("\n") },
      ],
    },
  ];
}

const RUST = `fn main() -> Result<(), tripod::Error> {
    let _tripod = tripod::init().start()?;
    let _span = tripod::span!("greet", name = "world");
    tripod::info!("hello from inside the span");
    tripod::counter("greetings_total").build().inc(tripod::labels!(language = "en"));
    Ok(())
}`;

const curl = (otlp: string) => `curl http://${otlp}/v1/logs -H 'content-type: application/json' -d '{
  "resourceLogs": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my-service"}}]},
    "scopeLogs": [{"logRecords": [{
      "timeUnixNano": "'$(date +%s)000000000'",
      "severityNumber": 9,
      "body": {"stringValue": "hello from curl"}
    }]}]
  }]
}'`;
