//! One switch for everything that is global, in a program where others are in its place. One test: the places are the process's.

use opentelemetry::trace::noop::{NoopSpan, NoopTracer};
use opentelemetry::trace::{SpanBuilder, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use tripod::instrument;

struct Other;

impl log::Log for Other {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        false
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[test]
fn what_others_hold_is_left_to_them_and_said() {
    log::set_logger(&Other).unwrap();
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    metrics::set_global_recorder(metrics::NoopRecorder).unwrap();
    opentelemetry::global::set_text_map_propagator(tripod::bridge::opentelemetry::Propagator::new());

    let instrumented = instrument::all();
    assert_eq!(instrumented.on().collect::<Vec<_>>(), ["system", "prometheus"]);
    let why: Vec<(&str, &str)> = instrumented.off().collect();
    let [(_, log), (_, tracing), (_, metrics), (_, opentelemetry)] = why[..] else { panic!("{instrumented}") };
    assert!(log.ends_with("hand its records on to tripod::bridge::log::Logger"), "{log}");
    assert!(tracing.ends_with("add tripod::bridge::tracing::layer() to that subscriber"), "{tracing}");
    assert!(metrics.ends_with("have that recorder hand on to tripod::bridge::metrics::Recorder"), "{metrics}");
    assert_eq!(opentelemetry, "there is a global propagator already");
    assert!(!instrumented.is_on("log") && instrumented.is_on("system"));

    opentelemetry::global::set_meter_provider(Stateful(1));
    assert_eq!(why_not("opentelemetry"), "there is a global provider of meters already");
    opentelemetry::global::set_tracer_provider(Making);
    assert_eq!(why_not("opentelemetry"), "there is a global provider of tracers already");
}

fn why_not(part: &str) -> String {
    instrument::all().off().find(|(name, _)| *name == part).unwrap().1.to_owned()
}

struct Stateful(#[allow(dead_code, reason = "so that it has a size")] u8);

impl opentelemetry::metrics::MeterProvider for Stateful {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> opentelemetry::metrics::Meter {
        opentelemetry::metrics::noop::NoopMeterProvider::new().meter_with_scope(scope)
    }
}

/// Makes spans of their own, as an SDK does.
#[derive(Clone)]
struct Making;

impl TracerProvider for Making {
    type Tracer = Self;

    fn tracer_with_scope(&self, _: InstrumentationScope) -> Self {
        Self
    }
}

impl Tracer for Making {
    type Span = NoopSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> NoopSpan {
        let trace_id = parent.span().span_context().trace_id();
        let own = SpanContext::new(trace_id, SpanId::from(7), TraceFlags::NOT_SAMPLED, false, TraceState::NONE);
        NoopTracer::new().build_with_context(builder, &Context::new().with_remote_span_context(own))
    }
}
