//! `#[instrument_adapter]`: every method of an `impl` or a trait as a provider's request.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::ParseStream;
use syn::{
    Attribute, Error, Expr, ImplItem, Item, ItemFn, ItemImpl, ItemTrait, LitStr, Result, Signature, TraitItem,
    Visibility,
};

use crate::arguments::{self, Options, value};
use crate::telemetry::{self, Telemetry};
use crate::wrapper;

#[derive(Default)]
struct InstrumentAdapter {
    provider: Option<Expr>,
    wrapper: Option<Ident>,
}

impl Options for InstrumentAdapter {
    const EXPECTED: &'static str =
        "expected the provider's name in quotes, `provider = CONSTANT` or, on a trait, `wrapper = Name`";

    fn text(&mut self, text: LitStr) -> Result<()> {
        self.provider = Some(syn::parse_quote!(#text));
        Ok(())
    }

    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "provider" => self.provider = Some(telemetry::provider(value(word, input)?)?),
            "wrapper" => self.wrapper = Some(value(word, input)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        match (&self.provider, &self.wrapper) {
            (None, None) => {
                let message = "whose adapter is it? `#[instrument_adapter(\"finnhub\")]`, or on a trait `wrapper = Name` for a type \
                               that is told so when it is made";
                Err(Error::new(Span::call_site(), message))
            }
            (Some(_), Some(wrapper)) => Err(Error::new(
                wrapper.span(),
                "a wrapper is told its provider when it is made: leave the provider out here",
            )),
            _ => Ok(()),
        }
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: InstrumentAdapter = arguments::parse(arguments)?;
    match (syn::parse2(item)?, options.provider, options.wrapper) {
        (Item::Impl(item), Some(provider), _) => of_impl(item, &quote!(#provider)),
        (Item::Impl(_), None, wrapper) => Err(Error::new(
            wrapper.map_or_else(Span::call_site, |wrapper| wrapper.span()),
            "a wrapper is made for a trait, not for an `impl`",
        )),
        (Item::Trait(item), Some(provider), _) => of_trait(item, &quote!(#provider)),
        (Item::Trait(item), None, Some(wrapper)) => wrapper::expand(item, &wrapper),
        (Item::Fn(item), ..) => Err(Error::new(
            item.sig.ident.span(),
            "this attribute belongs on an `impl` or a trait: for a function use `#[telemetry]`",
        )),
        (item, ..) => Err(Error::new_spanned(item, "this attribute belongs on an `impl` or a trait")),
    }
}

fn of_impl(mut item: ItemImpl, provider: &TokenStream) -> Result<TokenStream> {
    let mut observed = Observed::default();
    for member in &mut item.items {
        let ImplItem::Fn(method) = member else { continue };
        let Some(options) = observed.take(&mut method.attrs, &method.sig)? else { continue };
        let method = method.clone();
        let function = ItemFn {
            attrs: method.attrs,
            vis: method.vis,
            modifiers: method.modifiers,
            sig: method.sig,
            block: Box::new(method.block),
        };
        *member = ImplItem::Verbatim(request(function, provider, &options)?);
    }
    observed.check(item.impl_token.span, "no method of this `impl` takes `self`: nothing would be observed")?;
    Ok(item.into_token_stream())
}

fn of_trait(mut item: ItemTrait, provider: &TokenStream) -> Result<TokenStream> {
    let mut observed = Observed::default();
    for member in &mut item.items {
        let TraitItem::Fn(method) = member else { continue };
        let Some(block) = method.default.clone() else {
            refuse_options(&method.attrs)?;
            continue;
        };
        let Some(options) = observed.take(&mut method.attrs, &method.sig)? else { continue };
        let (attrs, sig) = (method.attrs.clone(), method.sig.clone());
        let function = ItemFn {
            attrs,
            vis: Visibility::Inherited,
            modifiers: method.modifiers.clone(),
            sig,
            block: Box::new(block),
        };
        *member = TraitItem::Verbatim(request(function, provider, &options)?);
    }
    let message = "no method of this trait has a body that could be observed: put the attribute on the `impl`s, or have a wrapper made \
                   by `#[instrument_adapter(wrapper = Name)]`";
    observed.check(item.trait_token.span, message)?;
    Ok(item.into_token_stream())
}

fn request(function: ItemFn, provider: &TokenStream, options: &Telemetry) -> Result<TokenStream> {
    match &options.provider {
        Some(own) => telemetry::request(function, &quote!(#own), options),
        None => telemetry::request(function, provider, options),
    }
}

/// Which methods are observed: those that take `self`, as what has none makes the adapter rather than using it.
#[derive(Default)]
struct Observed {
    methods: usize,
}

impl Observed {
    /// What `#[telemetry]` says of a method, unless it is left as it is.
    fn take(&mut self, attrs: &mut Vec<Attribute>, sig: &Signature) -> Result<Option<Telemetry>> {
        let options = take_options(attrs)?;
        if let (Some(_), None) = (&options, sig.receiver()) {
            return Err(Error::new(
                sig.ident.span(),
                "a function without `self` is not observed here: put `#[telemetry(provider = \"…\")]` on it in an `impl` of its own",
            ));
        }
        let is_observed = sig.receiver().is_some() && sig.constness.is_none();
        self.methods += usize::from(is_observed);
        Ok(is_observed.then(|| options.unwrap_or_default()).filter(|options| options.leave.is_none()))
    }

    fn check(&self, at: Span, message: &str) -> Result<()> {
        if self.methods == 0 { Err(Error::new(at, message)) } else { Ok(()) }
    }
}

/// Takes the options of a method out of its attributes.
pub(crate) fn take_options(attrs: &mut Vec<Attribute>) -> Result<Option<Telemetry>> {
    let Some(at) = attrs.iter().position(is_telemetry) else { return Ok(None) };
    let attribute = attrs.remove(at);
    let arguments = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    arguments::parse(arguments).map(Some)
}

fn refuse_options(attrs: &[Attribute]) -> Result<()> {
    match attrs.iter().find(|attribute| is_telemetry(attribute)) {
        Some(attribute) => {
            Err(Error::new_spanned(attribute, "this method has no body here: it is observed where it is implemented"))
        }
        None => Ok(()),
    }
}

fn is_telemetry(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "telemetry")
}

/// The item as it was, without what only this attribute understands.
pub(crate) fn without_options(item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(mut item)) => {
            for member in &mut item.items {
                if let ImplItem::Fn(method) = member {
                    method.attrs.retain(|attribute| !is_telemetry(attribute));
                }
            }
            item.into_token_stream()
        }
        Ok(Item::Trait(mut item)) => {
            for member in &mut item.items {
                if let TraitItem::Fn(method) = member {
                    method.attrs.retain(|attribute| !is_telemetry(attribute));
                }
            }
            item.into_token_stream()
        }
        _ => item,
    }
}
