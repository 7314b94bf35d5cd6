//! `#[cache_metrics]`, `#[monitor_resource]` and `#[track_llm_usage]`: a function as the use of something that the catalogue has a set for.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, LitStr, Result};

use crate::arguments::{self, Options, switch, value};
use crate::track::{end, end_of_result};
use crate::wrap::{self, Observation, mixed, result};

/// A name, and nothing else.
#[derive(Default)]
struct CacheMetrics {
    name: Option<LitStr>,
}

impl Options for CacheMetrics {
    const EXPECTED: &'static str = "expected the cache's name in quotes, as in `(\"embedding_cache\")`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(named(text)?);
        Ok(())
    }

    fn option(&mut self, _: &Ident, _: ParseStream<'_>) -> Result<bool> {
        Ok(false)
    }
}

pub(crate) fn cache_metrics(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let CacheMetrics { name } = arguments::parse(arguments)?;
    let name = required(name, "the cache's name is missing: `(\"embedding_cache\")`")?;
    let (function, result) = (wrap::function(item)?, result());
    let cache = kept_in_static(&quote!(::tripod::catalog::cache::Cache), &quote!(#name));
    let before = mixed! {
        let cache = if ::tripod::__private::metrics_on() { ::core::option::Option::Some(#cache) } else { ::core::option::Option::None };
        let call = match cache {
            ::core::option::Option::Some(cache) => ::tripod::__private::look_up(cache),
            ::core::option::Option::None => ::tripod::__private::Call::none(),
        };
    };
    let end = end(false);
    // What says nothing of the cache is pointed at where it is written.
    let hit = quote_spanned!(function.sig.output.span()=> (&&::tripod::__private::Outcome(&#result)).hit());
    let after = mixed! {
        #end
        if let ::core::option::Option::Some(cache) = cache {
            #[allow(unused_imports)]
            use ::tripod::__private::{HitOfAny as _, HitOfResult as _};
            ::tripod::__private::looked_up(cache, #hit);
        }
    };
    Ok(wrap::wrap(function, &Observation { span: None, before, after }))
}

#[derive(Default)]
struct MonitorResource {
    name: Option<LitStr>,
    errors: Option<bool>,
}

impl Options for MonitorResource {
    const EXPECTED: &'static str =
        "expected the resource's name in quotes or `errors = false`, as in `(\"database_connection\")`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(named(text)?);
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        let known = word == "errors";
        if known {
            self.errors = Some(switch(input)?);
        }
        Ok(known)
    }
}

pub(crate) fn monitor_resource(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let MonitorResource { name, errors } = arguments::parse(arguments)?;
    let name = required(name, "the resource's name is missing: `(\"database_connection\")`")?;
    let function = wrap::function(item)?;
    let resource = kept_in_static(&quote!(::tripod::catalog::resource::Resource), &quote!(#name));
    let before = mixed! {
        let call = if ::tripod::__private::metrics_on() {
            ::tripod::__private::acquire(#resource)
        } else {
            ::tripod::__private::Call::none()
        };
    };
    Ok(wrap::wrap(function, &Observation { span: None, before, after: end(errors.unwrap_or(true)) }))
}

#[derive(Default)]
struct TrackLlmUsage {
    provider: Option<Expr>,
    model: Option<Expr>,
    operation: Option<LitStr>,
    cost_per_1k_prompt: Option<Expr>,
    cost_per_1k_completion: Option<Expr>,
}

impl Options for TrackLlmUsage {
    const EXPECTED: &'static str = "expected `provider = \"…\"`, `model = \"…\"`, `operation = \"…\"`, `cost_per_1k_prompt = …` or \
                                    `cost_per_1k_completion = …`";

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "provider" => self.provider = Some(value(word, input)?),
            "model" => self.model = Some(value(word, input)?),
            "operation" => self.operation = Some(arguments::text(word, input)?),
            "cost_per_1k_prompt" => self.cost_per_1k_prompt = Some(price(value(word, input)?)?),
            "cost_per_1k_completion" => self.cost_per_1k_completion = Some(price(value(word, input)?)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// US dollars. A literal is refused here, where it can be pointed at; anything else must be an `f64`.
fn price(price: Expr) -> Result<Expr> {
    match &price {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Float(_) => Ok(price),
            Lit::Int(whole) => {
                let whole = syn::LitFloat::new(&format!("{}.0", whole.base10_digits()), whole.span());
                Ok(syn::parse_quote!(#whole))
            }
            other => Err(Error::new(other.span(), "a price is a number: US dollars for 1000 tokens")),
        },
        Expr::Unary(_) => Err(Error::new_spanned(price, "a price is not negative: US dollars for 1000 tokens")),
        _ => Ok(price),
    }
}

pub(crate) fn track_llm_usage(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: TrackLlmUsage = arguments::parse(arguments)?;
    let provider = required(options.provider, "the provider is missing: `provider = \"openai\"`")?;
    let model = required(options.model, "the model is missing: `model = \"gpt-4\"`")?;
    let (function, result) = (wrap::function(item)?, result());
    let operation = options.operation.map(|operation| quote!(.operation(#operation)));
    let [prompt, completion] = [options.cost_per_1k_prompt, options.cost_per_1k_completion]
        .map(|price| price.map_or_else(|| quote!(0.0), |price| quote!(#price)));
    let llm = if [&provider, &model].iter().all(|name| matches!(name, Expr::Lit(_))) {
        mixed! {{
            static __LLM: ::std::sync::LazyLock<::tripod::catalog::llm::Llm> =
                ::std::sync::LazyLock::new(|| ::tripod::catalog::llm::Llm::new(#provider, #model) #operation);
            &*__LLM
        }}
    } else {
        let text = |name: &Expr| mixed!(::tripod::ToValue::to_value(&(#name)).to_string());
        let (provider, model) = (text(&provider), text(&model));
        mixed!(&::tripod::catalog::llm::Llm::new(#provider, #model) #operation)
    };
    let before = mixed! {
        let call = if ::tripod::__private::metrics_on() {
            ::tripod::__private::LlmCall::start(#llm, #prompt, #completion)
        } else {
            ::tripod::__private::LlmCall::none()
        };
    };
    let end = end_of_result();
    let usage = quote_spanned!(function.sig.output.span()=> (&&::tripod::__private::Outcome(&#result)).usage());
    let after = mixed! {{
        #[allow(unused_imports)]
        use ::tripod::__private::{UsageOfAny as _, UsageOfResult as _};
        call.end(|| (#end, #usage));
    }};
    Ok(wrap::wrap(function, &Observation { span: None, before, after }))
}

/// An expression: a reference to what was made from the name with the first call.
fn kept_in_static(ty: &TokenStream, name: &TokenStream) -> TokenStream {
    mixed! {{
        static __NAMED: ::std::sync::LazyLock<#ty> = ::std::sync::LazyLock::new(|| <#ty>::new(#name));
        &*__NAMED
    }}
}

fn named(name: LitStr) -> Result<LitStr> {
    if name.value().is_empty() { Err(Error::new(name.span(), "a name can't be empty")) } else { Ok(name) }
}

fn required<T>(name: Option<T>, message: &str) -> Result<T> {
    name.ok_or_else(|| Error::new(Span::call_site(), message))
}
