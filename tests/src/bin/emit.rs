//! A small instrumented program: emits with the `tripod` crate, says on standard output, as JSON, what that was, then stops telemetry.
//!
//! Usage: `emit ENDPOINT SERVICE ORDERS`. It exits with 1 when not all could be delivered.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tripod::{SpanBuilder, SpanContext, SpanKind, StatusCode, labels};

/// What a bank answers.
#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bank says no: \u{2603}")
    }
}

impl std::error::Error for Declined {}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, service, orders] = arguments.as_slice() else {
        eprintln!("usage: emit ENDPOINT SERVICE ORDERS");
        return ExitCode::from(2);
    };
    let orders: i64 = orders.parse().expect("ORDERS is a number");
    let guard = tripod::init()
        .service_name(service)
        .resource_attribute("service.instance.id", "the-one")
        .otlp_endpoint(endpoint)
        .log_level(tripod::Level::Trace)
        .shutdown_timeout(Duration::from_secs(50))
        .start()
        .expect("telemetry starts");

    let mut shop = Shop::default();
    (0..orders).for_each(|number| shop.order(number));
    println!("{}", json!({ "spans": shop.spans, "logs": shop.logs, "exemplars": shop.measured }));
    if guard.shutdown() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was emitted, in the shape of `tripod_tests::records`, as far as the program can know it.
#[derive(Default)]
struct Shop {
    spans: Vec<Value>,
    logs: Vec<Value>,
    measured: Vec<Value>,
}

impl Shop {
    fn order(&mut self, number: i64) {
        let (method, lane) = (["GET", "POST"][(number % 2) as usize], number % 3);
        let labels = labels!(method, lane);
        let root = SpanBuilder::new("POST /orders").kind(SpanKind::SERVER).attribute("order", number).enter();
        let taken = root.context();
        root.set_attribute("ratio", 0.5);
        root.set_attribute("text", "grüße \u{1F680}");
        root.set_attribute("rush", number % 2 == 0);
        root.set_attribute("items", &["a", "b"]);
        root.add_event("validated", labels!(rules = 3, strict = true));
        tripod::info!("order {number} taken", order = number, amount = 1.5);
        self.log(&taken, "INFO", 9, &format!("order {number} taken"), &json!({"order": number, "amount": 1.5}));

        let charge = SpanBuilder::new("charge").kind(SpanKind::CLIENT).link(taken).enter();
        let charged = charge.context();
        tripod::counter("orders").unit("{order}").build().add(1, labels);
        tripod::up_down_counter("orders.open").build().add(1, &[]);
        tripod::gauge("room.temperature").unit("Cel").build().set(20.0 + number as f64, labels!(room = "k\u{fc}che"));
        let seconds = [0.001, 0.02, 0.7, 30.0][(number % 4) as usize];
        tripod::histogram("order.duration").unit("s").buckets(&[0.01, 0.1, 1.0]).build().record(seconds, labels);
        self.measured.push(json!([hex(&charged).0, hex(&charged).1, seconds]));
        let declined = number % 10 == 3;
        if declined {
            charge.set_status(StatusCode::ERROR, "declined");
            tripod::error!("no money", code = 51);
            self.log(&charged, "ERROR", 17, "no money", &json!({"code": 51}));
        }
        drop(charge);
        let status = if declined { json!({"code": "ERROR", "message": "declined"}) } else { unset() };
        let link = json!([{"trace_id": hex(&taken).0, "span_id": hex(&taken).1}]);
        self.span(&charged, Some(&taken), "charge", "client", &json!({}), &json!([]), &link, &status);

        let refund = tripod::span!("refund", number);
        let refunded = refund.context();
        refund.record_error(&Declined);
        drop(refund);
        let exception = json!({"name": "exception", "time_unix_nano": 0, "attributes": {
            "exception.type": "emit::Declined", "exception.message": Declined.to_string()}});
        let status = json!({"code": "ERROR", "message": Declined.to_string()});
        let (attributes, events) = (json!({"number": number}), json!([exception]));
        self.span(&refunded, Some(&taken), "refund", "internal", &attributes, &events, &json!([]), &status);
        drop(root);

        let attributes = json!({"order": number, "ratio": 0.5, "text": "grüße \u{1F680}", "rush": number % 2 == 0, "items": ["a", "b"]});
        let events = json!([{"name": "validated", "time_unix_nano": 0, "attributes": {"rules": 3, "strict": true}}]);
        self.span(&taken, None, "POST /orders", "server", &attributes, &events, &json!([]), &unset());
        tripod::trace!("done", number);
        self.logs.push(log(("", ""), "TRACE", 1, "done", &json!({"number": number})));
    }

    fn log(&mut self, span: &SpanContext, severity: &str, number: i64, body: &str, attributes: &Value) {
        let (trace, span) = hex(span);
        self.logs.push(log((&trace, &span), severity, number, body, attributes));
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a span, once each")]
    fn span(
        &mut self,
        own: &SpanContext,
        parent: Option<&SpanContext>,
        name: &str,
        kind: &str,
        attributes: &Value,
        events: &Value,
        links: &Value,
        status: &Value,
    ) {
        let (trace_id, span_id) = hex(own);
        let parent = parent.map_or_else(String::new, |parent| hex(parent).1);
        self.spans.push(json!({
            "resource": {}, "scope": {"name": ""}, "trace_id": trace_id, "span_id": span_id, "parent_span_id": parent,
            "trace_state": "", "name": name, "kind": kind, "start_unix_nano": 0, "end_unix_nano": 0,
            "attributes": attributes, "events": events, "links": links, "status": status,
        }));
    }
}

fn log((trace_id, span_id): (&str, &str), severity: &str, number: i64, body: &str, attributes: &Value) -> Value {
    json!({
        "resource": {}, "scope": {"name": ""}, "time_unix_nano": 0, "observed_unix_nano": 0,
        "severity_number": number, "severity": severity, "body": body,
        "trace_id": trace_id, "span_id": span_id, "event_name": "", "attributes": attributes,
    })
}

fn unset() -> Value {
    json!({"code": "UNSET", "message": ""})
}

fn hex(context: &SpanContext) -> (String, String) {
    (context.trace_id.to_string(), context.span_id.to_string())
}
