//! `#[track_metrics]`, `#[measure_latency]` and `#[count_calls]`: instruments of a function, made once and kept in a static beside its
//! body.
//!
//! Labels that are literals are bound once. Others are computed when the call begins and copied, as the body may take the arguments that
//! they are made of, and they are needed once more when it ends.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Expr, ItemFn, LitStr, Result};

use crate::arguments::{self, Fields, Options, in_brackets, metric_name, switch, text, value};
use crate::wrap::{self, Observation, mixed, result};

#[derive(Default)]
struct TrackMetrics {
    name: Option<LitStr>,
    labels: Fields,
    buckets: Option<Expr>,
    parts: Parts,
}

/// What is recorded; everything unless it is left out.
#[derive(Clone, Copy)]
struct Parts {
    calls: bool,
    errors: bool,
    duration: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { calls: true, errors: true, duration: true }
    }
}

impl Options for TrackMetrics {
    const EXPECTED: &'static str = "expected a name in quotes, `name = \"…\"`, `labels(…)`, `buckets = […]`, `calls = false`, \
                                    `errors = false` or `duration = false`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(metric_name(text)?);
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "name" => self.name = Some(metric_name(text(word, input)?)?),
            "labels" => self.labels = in_brackets(word, input)?,
            "buckets" => self.buckets = Some(value(word, input)?),
            "calls" => self.parts.calls = switch(input)?,
            "errors" => self.parts.errors = switch(input)?,
            "duration" => self.parts.duration = switch(input)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        let Parts { calls, errors, duration } = self.parts;
        if !(calls || errors || duration) {
            return Err(Error::new(
                proc_macro2::Span::call_site(),
                "nothing is left to be recorded: leave the attribute out",
            ));
        }
        if errors { self.labels.without(&["error_type"]) } else { Ok(()) }
    }
}

pub(crate) fn track_metrics(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: TrackMetrics = arguments::parse(arguments)?;
    let function = wrap::function(item)?;
    let name = match &options.name {
        Some(name) => name.value(),
        None => own_name(&function)?,
    };
    Ok(wrap::wrap(function, &track(&name, &options)))
}

/// The function's name, where it can be a metric's.
fn own_name(function: &ItemFn) -> Result<String> {
    let name = &function.sig.ident.unraw();
    metric_name(LitStr::new(&name.to_string(), name.span())).map(|name| name.value()).map_err(|_| {
        Error::new(name.span(), format!("`{name}` can't begin the name of a metric: say another, `name = \"…\"`"))
    })
}

fn track(name: &str, TrackMetrics { labels, buckets, parts, .. }: &TrackMetrics) -> Observation {
    let constant = labels.is_constant();
    let (held, kept) = if constant { (TokenStream::new(), labels.clone()) } else { labels.held() };
    let buckets = buckets.as_ref().map(|bounds| quote!(.buckets(&#bounds)));
    let bind = constant.then(|| quote!(.bind(::tripod::labels!(#labels))));
    let (counter, histogram) = if constant {
        (quote!(::tripod::metrics::BoundCounter), quote!(::tripod::metrics::BoundHistogram))
    } else {
        (quote!(::tripod::Counter), quote!(::tripod::Histogram))
    };
    let part = |on: bool, tokens: TokenStream, none: TokenStream| if on { tokens } else { none };
    let Parts { calls, errors, duration } = *parts;

    let calls_type = part(calls, counter, quote!(()));
    let duration_type = part(duration, histogram, quote!(()));
    let errors_type = part(errors, quote!(::tripod::Counter), quote!(()));
    let make_calls = part(calls, quote!(::tripod::__private::calls(#name) #bind), quote!(()));
    let make_duration = part(duration, quote!(::tripod::__private::duration(#name) #buckets.build() #bind), quote!(()));
    let make_errors = part(errors, quote!(::tripod::__private::errors(#name)), quote!(()));

    let labels = if constant { TokenStream::new() } else { quote!(::tripod::labels!(#kept)) };
    let count = calls.then(|| mixed!(metrics.0.inc(#labels);));
    let start = duration.then(|| mixed!(let started = ::tripod::__private::Started::now();));
    let measure = duration.then(|| mixed!(metrics.1.record(started.seconds(), #labels);));
    let count_error = errors.then(|| {
        mixed! {
            if let ::core::option::Option::Some(error_type) = end.error_type() {
                metrics.2.inc(::tripod::labels!(#kept "error_type" = error_type));
            }
        }
    });
    let statics = mixed! {
        static __METRICS: ::std::sync::LazyLock<(#calls_type, #duration_type, #errors_type)> =
            ::std::sync::LazyLock::new(|| (#make_calls, #make_duration, #make_errors));
    };
    if !(errors || duration) {
        let before = mixed! {{
            #statics
            if ::tripod::__private::metrics_on() {
                let metrics = &*__METRICS;
                #held
                #count
            }
        }};
        return Observation { before, ..Observation::default() };
    }
    let before = mixed! {
        let call = {
            #statics
            if ::tripod::__private::metrics_on() {
                let metrics = &*__METRICS;
                #held
                #count
                #start
                ::tripod::__private::Call::new(move |end: ::tripod::__private::End<'_>| {
                    #measure
                    #count_error
                })
            } else {
                ::tripod::__private::Call::none()
            }
        };
    };
    Observation { span: None, before, after: end(errors) }
}

/// The end of the call that `before` bound as `call`, by its result.
pub(crate) fn end(errors: bool) -> TokenStream {
    if !errors {
        return mixed!(call.end(|| ::tripod::__private::End::Success););
    }
    let end = end_of_result();
    mixed!(call.end(|| #end);)
}

/// An expression: how the call ended, by its result.
pub(crate) fn end_of_result() -> TokenStream {
    let result = result();
    mixed! {{
        #[allow(unused_imports)]
        use ::tripod::__private::{EndAny as _, EndNamed as _, EndTyped as _};
        (&&::tripod::__private::Outcome(&#result)).end()
    }}
}

#[derive(Default)]
struct MeasureLatency {
    name: Option<LitStr>,
    labels: Fields,
    buckets: Option<Expr>,
}

impl Options for MeasureLatency {
    const EXPECTED: &'static str = "expected the metric's name in quotes, `labels(…)` or `buckets = […]`, as in `(\"api_latency_seconds\", labels(tier = \"gold\"))`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(metric_name(text)?);
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "labels" => self.labels = in_brackets(word, input)?,
            "buckets" => self.buckets = Some(value(word, input)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

pub(crate) fn measure_latency(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let MeasureLatency { name, labels, buckets } = arguments::parse(arguments)?;
    let name = required(name, "api_latency_seconds")?;
    let function = wrap::function(item)?;
    let buckets = buckets.map(|bounds| quote!(.buckets(&#bounds)));
    let constant = labels.is_constant();
    let (held, kept) = if constant { Default::default() } else { labels.held() };
    let bind = constant.then(|| quote!(.bind(::tripod::labels!(#labels))));
    let ty = if constant { quote!(::tripod::metrics::BoundHistogram) } else { quote!(::tripod::Histogram) };
    let labels = (!constant).then(|| quote!(::tripod::labels!(#kept)));
    let before = mixed! {
        let call = {
            static __LATENCY: ::std::sync::LazyLock<#ty> =
                ::std::sync::LazyLock::new(|| ::tripod::__private::latency(#name) #buckets.build() #bind);
            if ::tripod::__private::metrics_on() {
                let latency = &*__LATENCY;
                #held
                let started = ::tripod::__private::Started::now();
                ::tripod::__private::Call::new(move |_: ::tripod::__private::End<'_>| {
                    latency.record(started.seconds(), #labels);
                })
            } else {
                ::tripod::__private::Call::none()
            }
        };
    };
    Ok(wrap::wrap(function, &Observation { span: None, before, after: end(false) }))
}

#[derive(Default)]
struct CountCalls {
    name: Option<LitStr>,
    labels: Fields,
}

impl Options for CountCalls {
    const EXPECTED: &'static str = "expected the metric's name in quotes or `labels(…)`, as in `(\"function_calls_total\", labels(user_tier = tier))`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(metric_name(text)?);
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "labels" => self.labels = in_brackets(word, input)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

pub(crate) fn count_calls(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let CountCalls { name, labels } = arguments::parse(arguments)?;
    let name = required(name, "function_calls_total")?;
    let function = wrap::function(item)?;
    let (ty, bind, labels) = if labels.is_constant() {
        (quote!(::tripod::metrics::BoundCounter), quote!(.bind(::tripod::labels!(#labels))), TokenStream::new())
    } else {
        (quote!(::tripod::Counter), TokenStream::new(), quote!(::tripod::labels!(#labels)))
    };
    let before = mixed! {{
        static __CALLS: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| ::tripod::counter(#name).build() #bind);
        if ::tripod::__private::metrics_on() {
            __CALLS.inc(#labels);
        }
    }};
    Ok(wrap::wrap(function, &Observation { before, ..Observation::default() }))
}

fn required(name: Option<LitStr>, example: &str) -> Result<LitStr> {
    let message = format!("the metric's name is missing: `(\"{example}\")`");
    name.ok_or_else(|| Error::new(proc_macro2::Span::call_site(), message))
}
