//! Attributes by the catalogue's sets: adapters and their wrappers, caches, resources, language models.
#![allow(clippy::unused_async, clippy::unnecessary_wraps, clippy::unused_self, clippy::unnecessary_box_returns)]

mod common;

use std::fmt::Debug;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use common::attribute;
use tripod::{
    CacheOutcome, LlmUsage, StatusCode, cache_metrics, instrument_adapter, labels, monitor_resource, traced,
    track_llm_usage,
};
use tripod_wire::otlp::metrics::MetricData;

fn counted(name: &str, labels: &[(&str, tripod::Value<'_>)]) -> f64 {
    tripod::counter(name.to_owned()).build().get(labels)
}

/// Requests of a provider by operation and status.
fn requests(provider: &str, operation: &str, status: &str) -> f64 {
    counted("adapter_requests_total", labels!(provider, operation, status))
}

/// Measurements and their sum in a histogram, of all series with this value of a label.
fn measured(name: &str, label: &str) -> (u64, f64) {
    let metric = tripod::metrics::collect().into_iter().find(|metric| metric.name == name).expect("it is collected");
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("{name} is a histogram") };
    let of = data_points.iter().filter(|point| point.attributes.iter().any(|has| has.value.to_string() == label));
    of.fold((0, 0.0), |(count, sum), point| (count + point.count, sum + point.sum.unwrap_or_default()))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn is_send<T: Send>(value: T) -> T {
    value
}

/// Polls once, then drops.
fn polled_once(future: impl Future) {
    block_on(async {
        tokio::select! {
            biased;
            _ = future => panic!("it is not done by then"),
            () = std::future::ready(()) => {}
        }
    });
}

#[test]
fn every_method_of_an_impl_is_a_request() {
    struct Adapter {
        made: u32,
    }
    #[instrument_adapter("my_provider")]
    impl Adapter {
        const START: u32 = 1;

        fn new() -> Self {
            Self { made: Self::START }
        }

        const fn made(&self) -> u32 {
            self.made
        }

        fn fetch_data(&self, symbol: &str) -> Result<String, std::fmt::Error> {
            if symbol.is_empty() { Err(std::fmt::Error) } else { Ok(symbol.to_lowercase()) }
        }

        /// With options of its own.
        #[telemetry(operation = "search", fields(query = query), kind = "client")]
        async fn find(&mut self, query: String) -> &u32 {
            tokio::task::yield_now().await;
            drop(query);
            self.made += 1;
            &self.made
        }

        #[telemetry(skip)]
        fn name(&self) -> &'static str {
            "adapter"
        }

        #[traced("around")]
        #[telemetry(provider = "another")]
        fn elsewhere(self) -> u32 {
            self.made
        }
    }
    let telemetry = common::telemetry();
    let mut adapter = Adapter::new();
    assert_eq!(adapter.fetch_data("AAPL").as_deref(), Ok("aapl"));
    assert!(adapter.fetch_data("").is_err());
    assert_eq!(*block_on(is_send(adapter.find("apple".to_owned()))), 2);
    assert_eq!((adapter.name(), adapter.made(), adapter.elsewhere()), ("adapter", 2, 2));

    assert_eq!(requests("my_provider", "fetch_data", "success"), 1.0);
    assert_eq!(requests("my_provider", "fetch_data", "error"), 1.0);
    assert_eq!(requests("my_provider", "search", "success"), 1.0);
    assert_eq!(requests("another", "elsewhere", "success"), 1.0);
    let failed = labels!(provider = "my_provider", operation = "fetch_data", error_type = "fmt::Error");
    assert_eq!(counted("adapter_errors_total", failed), 1.0);
    assert_eq!(attribute(&telemetry.span("adapter.search").attributes, "query"), &"apple".into());
    assert_eq!(telemetry.span("adapter.elsewhere").parent_span_id, telemetry.span("around").span_id);
    let mut names: Vec<String> = telemetry.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    assert_eq!(names, ["adapter.elsewhere", "adapter.fetch_data", "adapter.fetch_data", "adapter.search", "around"]);
}

#[test]
fn an_impl_of_a_trait_is_observed_above_and_below_async_trait() {
    #[async_trait]
    trait Feed: Send + Sync {
        async fn poll(&self, n: u32) -> Result<u32, std::fmt::Error>;
    }
    struct Above;
    struct Below;
    #[instrument_adapter("above")]
    #[async_trait]
    impl Feed for Above {
        async fn poll(&self, n: u32) -> Result<u32, std::fmt::Error> {
            tokio::task::yield_now().await;
            Ok(n)
        }
    }
    #[async_trait]
    #[instrument_adapter("below")]
    impl Feed for Below {
        #[telemetry(args)]
        async fn poll(&self, n: u32) -> Result<u32, std::fmt::Error> {
            tokio::task::yield_now().await;
            drop(tripod::span!("within"));
            Err(std::fmt::Error).or(if n == 0 { Ok(0) } else { Err(std::fmt::Error) })
        }
    }
    let telemetry = common::telemetry();
    let feeds: [Box<dyn Feed>; 2] = [Box::new(Above), Box::new(Below)];
    let answers: Vec<_> = feeds.iter().map(|feed| block_on(is_send(feed.poll(7)))).collect();
    assert_eq!(answers, [Ok(7), Err(std::fmt::Error)]);
    assert_eq!(requests("above", "poll", "success"), 1.0);
    assert_eq!(requests("below", "poll", "error"), 1.0);
    let spans = telemetry.spans();
    let below = spans.iter().find(|span| span.name == "adapter.poll" && span.status.code == StatusCode::ERROR).unwrap();
    assert_eq!(attribute(&below.attributes, "n"), &7_i64.into());
    assert_eq!(telemetry.span("within").parent_span_id, below.span_id);
}

#[test]
fn methods_of_a_trait_that_have_a_body_are_observed() {
    #[instrument_adapter("default_bodies")]
    trait Source {
        fn raw(&self) -> u32;

        fn doubled(&self) -> u32 {
            self.raw() * 2
        }

        #[telemetry(skip)]
        fn tripled(&self) -> u32 {
            self.raw() * 3
        }
    }
    struct Seven;
    impl Source for Seven {
        fn raw(&self) -> u32 {
            7
        }
    }
    let _turn = common::turn();
    assert_eq!((Seven.doubled(), Seven.tripled()), (14, 21));
    assert_eq!(requests("default_bodies", "doubled", "success"), 1.0);
    assert_eq!(requests("default_bodies", "raw", "success"), 0.0);
    assert_eq!(requests("default_bodies", "tripled", "success"), 0.0);
}

#[instrument_adapter(wrapper = ObservedQuotes)]
trait Quotes: Debug + Send + Sync {
    fn quote(&self, symbol: &str) -> Result<f64, std::fmt::Error>;

    #[telemetry(operation = "subscribe", fields(symbols = symbols.len()))]
    fn add(&mut self, symbols: &[&str]) -> usize;

    #[telemetry(skip)]
    fn name(&self) -> String;

    fn closing(&self, _: u32) -> f64 {
        0.0
    }

    fn history<'a>(
        &'a self,
        symbol: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<&'a str, std::fmt::Error>> + Send + 'a>>;

    fn into_name(self) -> String
    where
        Self: Sized,
    {
        self.name()
    }
}

#[derive(Debug)]
struct Fixed(usize);

impl Quotes for Fixed {
    fn quote(&self, symbol: &str) -> Result<f64, std::fmt::Error> {
        if symbol == "AAPL" { Ok(1.5) } else { Err(std::fmt::Error) }
    }

    fn add(&mut self, symbols: &[&str]) -> usize {
        self.0 += symbols.len();
        self.0
    }

    fn name(&self) -> String {
        "fixed".to_owned()
    }

    fn closing(&self, day: u32) -> f64 {
        f64::from(day)
    }

    fn history<'a>(
        &'a self,
        symbol: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<&'a str, std::fmt::Error>> + Send + 'a>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if symbol == "slow" {
                std::future::pending::<()>().await;
            }
            Ok(symbol)
        })
    }
}

#[test]
fn a_provider_that_is_chosen_when_the_program_runs_is_observed_by_a_wrapper() {
    let telemetry = common::telemetry();
    let chosen: Box<dyn Quotes> = Box::new(Fixed(1));
    let mut quotes: Box<dyn Quotes> = Box::new(ObservedQuotes::new("chosen", chosen));
    assert_eq!(quotes.quote("AAPL"), Ok(1.5));
    assert_eq!(quotes.quote("MSFT"), Err(std::fmt::Error));
    assert_eq!(quotes.add(&["a", "b"]), 3);
    assert_eq!((quotes.name().as_str(), quotes.closing(3)), ("fixed", 3.0));
    assert_eq!(block_on(is_send(quotes.history("AAPL"))), Ok("AAPL"));
    polled_once(quotes.history("slow"));
    assert_eq!(Fixed(1).into_name(), "fixed", "what takes `self` is not passed on");

    let counts = [
        ("quote", "success", 1.0),
        ("quote", "error", 1.0),
        ("subscribe", "success", 1.0),
        ("name", "success", 0.0),
        ("closing", "success", 1.0),
        ("history", "success", 1.0),
        ("history", "cancelled", 1.0),
    ];
    for (operation, status, count) in counts {
        assert_eq!(requests("chosen", operation, status), count, "{operation} {status}");
    }
    let active = tripod::up_down_counter("adapter_active_requests").build();
    assert_eq!(active.get(labels!(provider = "chosen")), 0.0);
    let added = telemetry.span("adapter.subscribe");
    assert_eq!(attribute(&added.attributes, "symbols"), &2_i64.into());
    assert_eq!(attribute(&added.attributes, "provider"), &"chosen".into());
    assert_eq!(format!("{quotes:?}"), "ObservedQuotes { provider: \"chosen\", inner: Fixed(3) }");
}

#[test]
fn a_wrapper_holds_whatever_points_to_what_it_observes() {
    #[instrument_adapter(wrapper = ObservedClock)]
    trait Clock {
        const ZONE: &'static str;
        type Time: Default;
        fn now(&self) -> Self::Time;
        fn zero() -> Self::Time {
            Self::Time::default()
        }
        fn pick<T: Clone, const N: usize>(&self, of: [T; N]) -> Option<T>;
        fn each(&self, count: u8, then: impl FnMut(u8));
        unsafe fn raw(&self) -> u8;
    }
    #[derive(Clone)]
    struct Utc;
    impl Clock for Utc {
        type Time = u64;
        const ZONE: &'static str = "UTC";
        fn now(&self) -> u64 {
            17
        }
        fn pick<T: Clone, const N: usize>(&self, of: [T; N]) -> Option<T> {
            of.first().cloned()
        }
        fn each(&self, count: u8, then: impl FnMut(u8)) {
            (0..count).for_each(then);
        }
        unsafe fn raw(&self) -> u8 {
            1
        }
    }
    fn zone<C: Clock>(_: &C) -> &'static str {
        C::ZONE
    }
    let _turn = common::turn();
    let by_reference = ObservedClock::new("clock", &Utc);
    let shared = ObservedClock::new("clock".to_owned(), Arc::new(Utc));
    assert_eq!((by_reference.now(), shared.clone().now()), (17, 17));
    assert_eq!(ObservedClock::<Box<Utc>>::zero(), 0);
    assert_eq!((zone(&shared), shared.pick(["a", "b"])), ("UTC", Some("a")));
    let mut sum = 0;
    shared.each(4, |n| sum += n);
    assert_eq!(sum, 6);
    // SAFETY: nothing is asked for.
    assert_eq!(unsafe { shared.raw() }, 1);
    assert_eq!(shared.inner().now(), 17);
    drop(shared.into_inner());
    assert_eq!(requests("clock", "now", "success"), 2.0);
    assert_eq!(requests("clock", "each", "success"), 1.0);
}

#[test]
fn a_wrapper_is_made_for_generic_and_for_async_traits() {
    #[instrument_adapter(wrapper = ObservedStore)]
    #[async_trait]
    trait Store<K: Send + Sync + 'static>: Send + Sync {
        #[telemetry(args, skip(value))]
        async fn put(&mut self, key: K, value: &str) -> Result<usize, std::fmt::Error>
        where
            K: Debug;
        async fn get(&self, key: &K) -> Option<String>;
    }
    #[derive(Default)]
    struct Memory(Vec<(u32, String)>);
    #[async_trait]
    impl Store<u32> for Memory {
        async fn put(&mut self, key: u32, value: &str) -> Result<usize, std::fmt::Error> {
            tokio::task::yield_now().await;
            self.0.push((key, value.to_owned()));
            Ok(self.0.len())
        }
        async fn get(&self, key: &u32) -> Option<String> {
            self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
        }
    }
    #[instrument_adapter(wrapper = ObservedNative)]
    trait Native {
        async fn add(&mut self, n: u32) -> u32;
        fn later(&self, n: u32) -> impl Future<Output = u32> + Send;
    }
    struct Sum(u32);
    impl Native for Sum {
        async fn add(&mut self, n: u32) -> u32 {
            tokio::task::yield_now().await;
            self.0 += n;
            self.0
        }
        async fn later(&self, n: u32) -> u32 {
            self.0 + n
        }
    }
    let telemetry = common::telemetry();
    let memory: Box<dyn Store<u32>> = Box::new(Memory::default());
    let mut store = ObservedStore::new("memory", memory);
    assert_eq!(block_on(is_send(store.put(1, "one"))), Ok(1));
    assert_eq!(block_on(is_send(store.get(&1))).as_deref(), Some("one"));
    let mut sum = ObservedNative::new("sum", Box::new(Sum(1)));
    assert_eq!(block_on(sum.add(2)), 3);
    assert_eq!(block_on(is_send(sum.later(2))), 5);
    assert_eq!(requests("memory", "put", "success") + requests("memory", "get", "success"), 2.0);
    assert_eq!(requests("sum", "add", "success") + requests("sum", "later", "success"), 2.0);
    let put = telemetry.span("adapter.put");
    assert_eq!(attribute(&put.attributes, "key"), &"1".into());
    assert!(put.attributes.iter().all(|attribute| attribute.key != "value"));
}

#[test]
fn hits_and_misses_of_a_cache_are_told_by_what_the_function_gives_back() {
    struct Answer {
        cached: bool,
    }
    impl CacheOutcome for Answer {
        fn is_hit(&self) -> bool {
            self.cached
        }
    }
    #[cache_metrics("pairs")]
    async fn pair(hit: bool) -> (String, bool) {
        tokio::task::yield_now().await;
        ("text".to_owned(), hit)
    }
    #[cache_metrics("options")]
    fn option(hit: bool) -> Option<u8> {
        hit.then_some(1)
    }
    #[cache_metrics("results")]
    fn result(hit: Option<bool>) -> Result<Answer, std::fmt::Error> {
        hit.map(|cached| Answer { cached }).ok_or(std::fmt::Error)
    }
    #[cache_metrics("cancelled")]
    async fn never() -> (u8, bool) {
        std::future::pending().await
    }
    let _turn = common::turn();
    for hit in [true, false, true] {
        let _ = (block_on(is_send(pair(hit))), option(hit));
        let _ = (result(Some(hit)), result(None));
    }
    polled_once(never());
    for (cache_name, hits, misses, lookups) in
        [("pairs", 2.0, 1.0, 3), ("options", 2.0, 1.0, 3), ("results", 2.0, 1.0, 6), ("cancelled", 0.0, 0.0, 1)]
    {
        assert_eq!(counted("cache_hits_total", labels!(cache_name)), hits, "{cache_name}");
        assert_eq!(counted("cache_misses_total", labels!(cache_name)), misses, "{cache_name}");
        assert_eq!(measured("cache_lookup_duration_seconds", cache_name).0, lookups, "{cache_name}");
    }
}

#[test]
fn a_resource_is_in_use_while_the_function_runs() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    fn in_use() -> f64 {
        tripod::up_down_counter("resource_in_use").build().get(labels!(resource = "database_connection"))
    }
    #[monitor_resource("database_connection")]
    async fn execute(query: &str) -> Result<u32, std::num::ParseIntError> {
        tokio::task::yield_now().await;
        SEEN.store(in_use() as u32, Ordering::Relaxed);
        query.parse()
    }
    #[monitor_resource("database_connection")]
    async fn waits() {
        std::future::pending::<()>().await;
    }
    #[monitor_resource("database_connection")]
    fn panics() {
        panic!("on purpose");
    }
    #[monitor_resource("database_connection", errors = false)]
    fn fails() -> Result<(), ()> {
        Err(())
    }
    let _turn = common::turn();
    assert!(block_on(is_send(execute("1"))).is_ok() && block_on(execute("x")).is_err());
    assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    polled_once(waits());
    assert!(catch_unwind(panics).is_err() && fails().is_err());
    assert_eq!(in_use(), 0.0);
    assert_eq!(counted("resource_acquisitions_total", labels!(resource = "database_connection")), 5.0);
    assert_eq!(measured("resource_held_seconds", "database_connection").0, 5);
    for (error_type, count) in [("ParseIntError", 1.0), ("panic", 1.0), ("cancelled", 0.0), ("()", 0.0)] {
        let of = labels!(resource = "database_connection", error_type);
        assert_eq!(counted("resource_errors_total", of), count, "{error_type}");
    }
}

#[test]
fn usage_of_a_language_model_is_read_from_the_answer() {
    struct Answer {
        prompt: u64,
        completion: u64,
        billed: Option<f64>,
    }
    impl LlmUsage for Answer {
        fn prompt_tokens(&self) -> u64 {
            self.prompt
        }
        fn completion_tokens(&self) -> u64 {
            self.completion
        }
        fn cost(&self) -> Option<f64> {
            self.billed
        }
    }
    #[track_llm_usage(provider = "openai", model = "gpt-4", cost_per_1k_prompt = 0.03, cost_per_1k_completion = 0.06)]
    async fn call_llm(prompt: &str) -> Result<Answer, std::fmt::Error> {
        tokio::task::yield_now().await;
        if prompt.is_empty() {
            Err(std::fmt::Error)
        } else {
            Ok(Answer { prompt: 2000, completion: 500, billed: None })
        }
    }
    #[track_llm_usage(provider = "local", model = model, cost_per_1k_prompt = 1)]
    fn named(model: String) -> Box<Answer> {
        drop(model);
        Box::new(Answer { prompt: 1000, completion: 9, billed: None })
    }
    #[track_llm_usage(provider = "openai", model = "billed", operation = "text_completion")]
    fn billed() -> Answer {
        Answer { prompt: 1, completion: 1, billed: Some(0.5) }
    }
    #[track_llm_usage(provider = "openai", model = "broken")]
    fn panics() -> Answer {
        panic!("on purpose")
    }
    #[track_llm_usage(provider = "openai", model = "slow")]
    async fn waits() -> Answer {
        std::future::pending().await
    }
    let _turn = common::turn();
    assert!(block_on(is_send(call_llm("hello"))).is_ok() && block_on(call_llm("")).is_err());
    assert_eq!(named("small".to_owned()).completion, 9);
    assert_eq!(billed().prompt, 1);
    assert!(catch_unwind(panics).is_err());
    polled_once(waits());

    let requests =
        |provider: &str, model: &str, status: &str| counted("llm_requests_total", labels!(provider, model, status));
    assert_eq!((requests("openai", "gpt-4", "success"), requests("openai", "gpt-4", "error")), (1.0, 1.0));
    assert_eq!((requests("openai", "broken", "error"), requests("openai", "slow", "cancelled")), (1.0, 1.0));
    let tokens =
        |token_type: &str| counted("llm_tokens_used_total", labels!(provider = "openai", model = "gpt-4", token_type));
    assert_eq!((tokens("prompt"), tokens("completion")), (2000.0, 500.0));
    for (provider, model, cost) in [("openai", "gpt-4", 0.09), ("local", "small", 1.0), ("openai", "billed", 0.5)] {
        let counted = counted("llm_cost_dollars", labels!(provider, model));
        assert!((counted - cost).abs() < 1e-9, "{model}: {counted}");
    }
    assert_eq!(measured("llm_request_duration_seconds", "gpt-4").0, 2);
    assert_eq!(measured("gen_ai.client.operation.duration", "text_completion").0, 1);
}
