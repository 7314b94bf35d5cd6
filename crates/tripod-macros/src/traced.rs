//! `#[traced]`: a call runs in a span.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit, LitStr, Result};

use crate::arguments::{self, Options, switch, value};
use crate::span::{self, SpanOptions};
use crate::wrap::{self, Observation};

#[derive(Default)]
struct Traced {
    /// Text, or an expression that may use the arguments.
    name: Option<Expr>,
    span: SpanOptions,
    errors: Option<bool>,
}

impl Options for Traced {
    const EXPECTED: &'static str = "expected a name in quotes, `name = …`, `fields(…)`, `args`, `skip(…)`, `kind = \"…\"`, \
                                    `parent = …`, `root` or `errors = false`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.name = Some(Expr::Lit(ExprLit { attrs: Vec::new(), lit: Lit::Str(text) }));
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "name" => self.name = Some(value(word, input)?),
            "errors" => self.errors = Some(switch(input)?),
            _ => return self.span.option(word, input),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        self.span.check()
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: Traced = arguments::parse(arguments)?;
    let function = wrap::function(item)?;
    let own_name = LitStr::new(&function.sig.ident.unraw().to_string(), function.sig.ident.span());
    let name = options.name.as_ref().map_or_else(|| quote!(#own_name), |name| quote!(#name));
    let span = options.span.tokens(&name, &TokenStream::new(), &function.sig)?;
    let after = if options.errors.unwrap_or(true) { span::record_error() } else { TokenStream::new() };
    Ok(wrap::wrap(function, &Observation { span: Some(span), before: TokenStream::new(), after }))
}
