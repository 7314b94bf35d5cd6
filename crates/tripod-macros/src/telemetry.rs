//! `#[telemetry]`: a call as a provider's request, with a span, the catalogue's metrics and the error, if there is one.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Expr, ItemFn, LitStr, Result};

use crate::arguments::{self, Options, switch, text, value};
use crate::span::{self, SpanOptions};
use crate::track;
use crate::wrap::{self, Observation, mixed};

#[derive(Default)]
pub(crate) struct Telemetry {
    pub(crate) provider: Option<Expr>,
    pub(crate) operation: Option<LitStr>,
    name: Option<LitStr>,
    span: SpanOptions,
    errors: Option<bool>,
    /// Set where the function is to be left as it is.
    pub(crate) leave: Option<Span>,
}

impl Options for Telemetry {
    const EXPECTED: &'static str = "expected `provider = \"…\"`, `operation = \"…\"`, `name = \"…\"`, `fields(…)`, `args`, `skip(…)`, \
                                    `kind = \"…\"`, `parent = …`, `root` or `errors = false`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        Err(Error::new(text.span(), format!("say whose name this is: `provider = \"{}\"`", text.value())))
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "provider" => self.provider = Some(provider(value(word, input)?)?),
            "operation" => self.operation = Some(text(word, input)?),
            "name" => self.name = Some(text(word, input)?),
            "errors" => self.errors = Some(switch(input)?),
            // Alone; with brackets it names arguments.
            "skip" if input.is_empty() => self.leave = Some(word.span()),
            _ => return self.span.option(word, input),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        self.span.check()
    }
}

/// A provider's name is the same for all calls, as the metrics are bound to it once.
pub(crate) fn provider(name: Expr) -> Result<Expr> {
    match &name {
        Expr::Lit(literal) if matches!(literal.lit, syn::Lit::Str(_)) => Ok(name),
        Expr::Path(_) => Ok(name),
        _ => Err(Error::new_spanned(name, "a provider's name is text in quotes or a constant")),
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: Telemetry = arguments::parse(arguments)?;
    if let Some(at) = options.leave {
        let message =
            "`skip` leaves a method out of its `impl`'s or trait's `#[instrument_adapter]`: here there is none";
        return Err(Error::new(at, message));
    }
    let Some(provider) = &options.provider else {
        return Err(Error::new(Span::call_site(), "whose function is it? `#[telemetry(provider = \"finnhub\")]`"));
    };
    let function = wrap::function(item)?;
    request(function, &quote!(#provider), &options)
}

/// The function as a request to a provider.
pub(crate) fn request(function: ItemFn, provider: &TokenStream, options: &Telemetry) -> Result<TokenStream> {
    let adapter = mixed! {{
        static __ADAPTER: ::std::sync::LazyLock<::tripod::catalog::adapter::Adapter> =
            ::std::sync::LazyLock::new(|| ::tripod::catalog::adapter::Adapter::new(#provider));
        &*__ADAPTER
    }};
    request_by(function, provider, &TokenStream::new(), &adapter, options)
}

/// The same where the adapter is at hand, once some statements have run.
pub(crate) fn request_by(
    function: ItemFn,
    provider: &TokenStream,
    first: &TokenStream,
    adapter: &TokenStream,
    options: &Telemetry,
) -> Result<TokenStream> {
    let ident = function.sig.ident.unraw();
    let operation = options.operation.clone().unwrap_or_else(|| LitStr::new(&ident.to_string(), ident.span()));
    let name = options
        .name
        .clone()
        .unwrap_or_else(|| LitStr::new(&format!("adapter.{}", operation.value()), operation.span()));
    let own = quote!("provider" = #provider, "operation" = #operation,);
    let span = options.span.tokens(&quote!(#name), &own, &function.sig)?;
    let errors = options.errors.unwrap_or(true);
    let record = errors.then(span::record_error);
    let end = track::end(errors);
    let before = mixed! {
        #first
        let call = if ::tripod::__private::metrics_on() {
            ::tripod::__private::request(#adapter, #operation)
        } else {
            ::tripod::__private::Call::none()
        };
    };
    let observation = Observation { span: Some(span), before, after: quote!(#record #end) };
    Ok(wrap::wrap(function, &observation))
}
