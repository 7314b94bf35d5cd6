//! The attributes and derives of the crate `tripod`, which re-exports them. One file a matter.

mod adapter;
mod arguments;
mod labels;
mod span;
mod telemetry;
mod traced;
mod track;
mod uses;
mod wrap;
mod wrapper;

use proc_macro::TokenStream;

/// Runs a function, sync or async, in a span.
///
/// - `#[traced]`: the span has the function's name.
/// - `#[traced("fetch user")]` or `#[traced(name = "fetch user")]`: the span has this name.
/// - `#[traced(name = format!("fetch {kind}"))]`: a computed name, which may use the arguments. Keep the number of names small.
/// - `#[traced(fields(user.id = id, order = %order.id, table = "users", tier))]`: fields as in `tripod::span!`; they may use the
///   arguments.
/// - `#[traced(args)]`: a field for each argument, by its name; `#[traced(args, skip(password))]`: for all but these. Names that begin
///   with `_` are left out. Without `args` no argument is recorded, as what a function takes may be secret, or large.
/// - `#[traced(kind = "server")]`: the span's kind, one of `internal`, `server`, `client`, `producer`, `consumer`.
/// - `#[traced(parent = context)]`: the span is a part of this `tripod::Context`; `#[traced(root)]`: it begins a trace.
/// - `#[traced(errors = false)]`: a returned `Err` is not recorded.
///
/// A returned `Err` is recorded with its type, message and (where it is a `std::error::Error`) chain of causes, and the span's status
/// is an error. An error that can't be displayed is not recorded.
///
/// A function that gives back a future (`async fn`, `-> impl Future`, `-> Pin<Box<dyn Future>>` as `async_trait` makes it) has a span that
/// lasts until the future is done or dropped.
///
/// ```ignore
/// #[tripod::traced(fields(user.id = id))]
/// async fn fetch_user(id: u64) -> Result<User, sqlx::Error> { /* … */ }
/// ```
#[proc_macro_attribute]
pub fn traced(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(traced::expand, arguments, item)
}

/// Counts a function's calls and errors and measures how long it takes.
///
/// - `{name}_calls_total`: calls, counted when they begin.
/// - `{name}_errors_total` by `error_type`: calls that gave an `Err`, panicked (`panic`) or whose future was dropped before it was done
///   (`cancelled`). An error's type is its type's name, or what its `tripod::ErrorType` says.
/// - `{name}_duration_seconds`: how long they took, however they ended.
///
/// The name is the function's, or what stands in quotes: `#[track_metrics("orders")]`, `#[track_metrics(name = "orders")]`. Functions of
/// one name share their metrics.
///
/// - `labels(component = "processor", method = request.method, tier = %tier)`: labels for all three, literals or made of the arguments.
///   Keep the number of values small.
/// - `calls = false`, `errors = false`, `duration = false`: leaves one out.
/// - `buckets = [0.01, 0.1, 1.0]`: the upper bounds of the duration's buckets.
///
/// ```ignore
/// #[tripod::track_metrics("custom_operation", labels(component = "processor"))]
/// async fn process(data: &Data) -> Result<(), Error> { /* … */ }
/// ```
#[proc_macro_attribute]
pub fn track_metrics(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(track::track_metrics, arguments, item)
}

/// Measures how long a function takes, in a histogram: `#[measure_latency("api_latency_seconds", labels(tier = tier))]`.
///
/// Labels and `buckets = […]` are as in [`macro@track_metrics`]. A call that fails, panics or is cancelled is measured as well.
#[proc_macro_attribute]
pub fn measure_latency(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(track::measure_latency, arguments, item)
}

/// Counts a function's calls: `#[count_calls("function_calls_total", labels(user_tier = tier))]`.
///
/// Labels are as in [`macro@track_metrics`]. A call is counted when it begins: an `async fn` when its future is first polled.
#[proc_macro_attribute]
pub fn count_calls(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(track::count_calls, arguments, item)
}

/// A function as a request to a provider: a span, the catalogue's metrics of adapters, and the error, if there is one.
///
/// `#[telemetry(provider = "finnhub")]` on `fn fetch` makes a span `adapter.fetch` with the attributes `provider` and `operation`, and
/// records what `tripod::catalog::adapter::Adapter::request` does: requests by status, their duration, those under way, and errors by
/// type. A future that is dropped before it is done counts as `cancelled`, a panic as an error of type `panic`.
///
/// - `operation = "fetch_quote"`: in place of the function's name; `name = "…"`: in place of the span's.
/// - `fields(…)`, `args`, `skip(…)`, `kind`, `parent`, `root`: as in [`macro@traced`].
/// - `errors = false`: an `Err` is an answer like any other.
///
/// The provider is text or the path of a constant.
#[proc_macro_attribute]
pub fn telemetry(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(telemetry::expand, arguments, item)
}

/// Counts what a function finds in a cache, and measures how long looking takes: `#[cache_metrics("embedding_cache")]`.
///
/// What the function gives back says whether it was found: `(value, hit)` with a `bool`, an `Option`, whatever is a
/// `tripod::CacheOutcome`, or a `Result` of one of these, of which an `Err` is neither hit nor miss. Recorded by `cache_name` are
/// `cache_hits_total`, `cache_misses_total` and `cache_lookup_duration_seconds`; of a look-up that panics or is cancelled only the latter.
#[proc_macro_attribute]
pub fn cache_metrics(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(uses::cache_metrics, arguments, item)
}

/// Watches a resource that is held while a function runs: `#[monitor_resource("database_connection")]`.
///
/// Recorded by `resource` are `resource_in_use`, `resource_acquisitions_total`, `resource_held_seconds` and, by `error_type` as in
/// [`macro@track_metrics`], `resource_errors_total`. A future that is dropped gives the resource back, and is no error.
///
/// `errors = false`: an `Err` is an answer like any other.
#[proc_macro_attribute]
pub fn monitor_resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(uses::monitor_resource, arguments, item)
}

/// A function as a request to a language model: requests by status, tokens, duration and cost.
///
/// What the function gives back, or its `Ok`, is a `tripod::LlmUsage`, which tells the tokens. Recorded is what
/// `tripod::catalog::llm::Llm` records, under the catalogue's names and under OpenTelemetry's for generative AI.
///
/// - `provider = "openai"`, `model = "gpt-4"`: needed; either may use the arguments: `model = request.model`.
/// - `cost_per_1k_prompt = 0.03`, `cost_per_1k_completion = 0.06`: US dollars for 1000 tokens; 0 without them.
/// - `operation = "embeddings"`: what is asked, as `gen_ai.operation.name` has it; `chat` without this.
#[proc_macro_attribute]
pub fn track_llm_usage(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(uses::track_llm_usage, arguments, item)
}

/// Every method of an `impl` or a trait as a provider's request, as [`macro@telemetry`] has it.
///
/// ```ignore
/// #[instrument_adapter("finnhub")]
/// impl Finnhub {
///     async fn fetch(&self, symbol: &str) -> Result<Quote, Error> { /* … */ } // the span `adapter.fetch`
///
///     #[telemetry(operation = "search", fields(query))]
///     async fn find(&self, query: &str) -> Result<Vec<Symbol>, Error> { /* … */ }
///
///     #[telemetry(skip)]
///     fn name(&self) -> &str { /* … */ }
/// }
/// ```
///
/// - On an `impl`, of a type or of a trait: its methods that take `self`. Functions without `self` and `const fn`s stay as they are.
/// - On a trait, `#[instrument_adapter("finnhub")]`: the methods that have a body here, for whoever does not write others. A method
///   without a body is observed only where it is implemented.
/// - On a trait, `#[instrument_adapter(wrapper = InstrumentedQuotes)]`: a type `InstrumentedQuotes` that implements the trait and passes
///   each call on, observed, to what it points to: `InstrumentedQuotes::new("finnhub", boxed)` for a `Box<dyn Quotes>`, an `Arc` or a
///   reference. So a provider that is chosen when the program runs is observed, and neither it nor its callers change.
///
/// Above `#[async_trait]` or below it, both work.
#[proc_macro_attribute]
pub fn instrument_adapter(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(adapter::expand, arguments, item)
}

/// A struct as a label set: each field a label, for `tripod::metrics::Typed` instruments.
///
/// - A field's name is the label's key, or what `#[label(rename = "http.route")]` says.
/// - A field of type `Option` is left out when it is `None`.
/// - `#[label(skip)]` leaves a field out.
/// - A value is what its type's `tripod::ToValue` says; with `#[label(display)]` or `#[label(debug)]` it is that form of it.
///
/// ```ignore
/// #[derive(tripod::Labels)]
/// struct HttpLabels<'a> {
///     method: Method,
///     #[label(rename = "http.route")]
///     route: &'a str,
///     status: u16,
///     user: Option<&'a str>,
/// }
/// ```
#[proc_macro_derive(Labels, attributes(label))]
pub fn labels(input: TokenStream) -> TokenStream {
    labels::expand_labels(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// An enum without fields as a label's or an attribute's value: its variants' names in snake case.
///
/// `#[label(rename_all = "UPPERCASE")]` on the enum says otherwise for all variants (`snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`,
/// `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`), `#[label(rename = "…")]` for one.
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn label_value(input: TokenStream) -> TokenStream {
    labels::expand_value(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Where it can't be expanded, the message stands beside the item as it was, so that nothing else seems to be missing.
fn expand(
    attribute: fn(proc_macro2::TokenStream, proc_macro2::TokenStream) -> syn::Result<proc_macro2::TokenStream>,
    arguments: TokenStream,
    item: TokenStream,
) -> TokenStream {
    let written = item.clone();
    attribute(arguments.into(), item.into()).map_or_else(
        |error| {
            let mut message = TokenStream::from(error.into_compile_error());
            message.extend(TokenStream::from(adapter::without_options(written.into())));
            message
        },
        TokenStream::from,
    )
}
