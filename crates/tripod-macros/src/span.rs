//! The span of a call: its name, what is recorded with it, and what of its result.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Error, Expr, FnArg, LitStr, PatIdent, Result, Signature, Token};

use crate::arguments::{Fields, in_brackets, switch, text, value};
use crate::wrap::{SpanTokens, mixed, result};

/// What attributes say of a span.
#[derive(Default)]
pub(crate) struct SpanOptions {
    fields: Fields,
    args: Option<Ident>,
    skip: Option<Skipped>,
    kind: Option<Ident>,
    parent: Option<Expr>,
    root: bool,
}

struct Skipped {
    word: Ident,
    names: Vec<Ident>,
}

impl SpanOptions {
    pub(crate) fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "fields" => self.fields = in_brackets(word, input)?,
            "args" => self.args = switch(input)?.then(|| word.clone()),
            "skip" => self.skip = Some(Skipped { word: word.clone(), names: in_brackets::<Names>(word, input)?.0 }),
            "kind" => self.kind = Some(kind(&text(word, input)?)?),
            "parent" => self.parent = Some(value(word, input)?),
            "root" => self.root = switch(input)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let (true, Some(parent)) = (self.root, &self.parent) {
            return Err(Error::new(parent.span(), "a span that is a `root` has no `parent`"));
        }
        if let (None, Some(skip)) = (&self.args, &self.skip) {
            let message =
                "no argument is recorded unless it is asked for: `skip` goes with `args`, which records all of them";
            return Err(Error::new(skip.word.span(), message));
        }
        Ok(())
    }

    /// Expressions that make the span of a call; `own` are fields that the attribute adds.
    pub(crate) fn tokens(&self, name: &TokenStream, own: &TokenStream, sig: &Signature) -> Result<SpanTokens> {
        let (fields, args) = (&self.fields, self.arguments(sig)?);
        let fields = quote!(#own #fields #args);
        let make = |simple: TokenStream, start: TokenStream| {
            if self.kind.is_none() && self.parent.is_none() && !self.root {
                return quote!(#simple!(#name, #fields));
            }
            let kind = self.kind.as_ref().map(|kind| quote!(.kind(::tripod::SpanKind::#kind)));
            let parent = self.parent.as_ref().map(|parent| quote!(.parent(#parent)));
            let root = self.root.then(|| quote!(.root()));
            quote! {
                if ::tripod::__private::traces_on() {
                    ::tripod::SpanBuilder::new(#name) #kind #parent #root.attributes(::tripod::labels!(#fields)).#start()
                } else {
                    ::core::default::Default::default()
                }
            }
        };
        Ok(SpanTokens {
            entered: make(quote!(::tripod::span), quote!(enter)),
            started: make(quote!(::tripod::async_span), quote!(start)),
        })
    }

    /// Fields of all arguments but those that are left out, have a field already or are said to be unused.
    fn arguments(&self, sig: &Signature) -> Result<TokenStream> {
        let names = argument_names(sig);
        let skipped = self.skip.as_ref().map_or(&[][..], |skip| &skip.names);
        if let Some(unknown) = skipped.iter().find(|skipped| !names.contains(skipped)) {
            let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let known =
                if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", known.join(", ")) };
            return Err(Error::new(unknown.span(), format!("no argument has the name `{unknown}`: {known}")));
        }
        if self.args.is_none() {
            return Ok(TokenStream::new());
        }
        let has_field = |name: &Ident| self.fields.0.iter().any(|field| *name == field.key.value());
        let is_unused = |name: &Ident| name.to_string().starts_with('_');
        let wanted = names.iter().filter(|name| !skipped.contains(name) && !has_field(name) && !is_unused(name));
        Ok(wanted
            .map(|name| {
                let key = LitStr::new(&name.to_string(), name.span());
                quote_spanned! { name.span()=> #key = {
                    #[allow(unused_imports)]
                    use ::tripod::__private::{ArgumentDebug as _, ArgumentUnknown as _, ArgumentValue as _};
                    (&&::tripod::__private::Argument(&#name)).value()
                }, }
            })
            .collect())
    }
}

struct Names(Vec<Ident>);

impl Parse for Names {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Punctuated::<Ident, Token![,]>::parse_terminated(input).map(|names| Self(names.into_iter().collect()))
    }
}

/// What the function's patterns bind.
fn argument_names(sig: &Signature) -> Vec<Ident> {
    struct Finder(Vec<Ident>);
    impl Visit<'_> for Finder {
        fn visit_pat_ident(&mut self, pattern: &PatIdent) {
            self.0.push(pattern.ident.clone());
            visit::visit_pat_ident(self, pattern);
        }
    }
    let mut finder = Finder(Vec::new());
    for argument in &sig.inputs {
        if let FnArg::Typed(argument) = argument {
            finder.visit_pat(&argument.pat);
        }
    }
    finder.0
}

/// The constant of `SpanKind`.
fn kind(name: &LitStr) -> Result<Ident> {
    let kinds = ["internal", "server", "client", "producer", "consumer"];
    if !kinds.contains(&name.value().as_str()) {
        let kinds = kinds.map(|kind| format!("`\"{kind}\"`")).join(", ");
        return Err(Error::new(name.span(), format!("a span's kind is one of {kinds}")));
    }
    Ok(Ident::new(&name.value().to_uppercase(), name.span()))
}

/// Records an `Err` on the current span.
pub(crate) fn record_error() -> TokenStream {
    let result = result();
    mixed! {{
        #[allow(unused_imports)]
        use ::tripod::__private::{RecordAny as _, RecordDisplay as _, RecordError as _};
        (&&::tripod::__private::Outcome(&#result)).record();
    }}
}
