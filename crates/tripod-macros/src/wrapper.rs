//! `#[instrument_adapter(wrapper = Name)]`: a type that implements the trait by passing on each call to what it points to, observed.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, FnArg, GenericParam, Generics, ItemFn, ItemTrait, Pat, PatIdent, ReceiverKind, Result, Signature,
    Token, TraitItem, TraitItemFn, Type, Visibility, WherePredicate, parse_quote,
};

use crate::adapter::take_options;
use crate::telemetry::{self, Telemetry};
use crate::wrap::mixed;

pub(crate) fn expand(mut item: ItemTrait, name: &Ident) -> Result<TokenStream> {
    let mut members = Vec::new();
    let target = target(&item);
    let mut is_mutable = false;
    for member in &mut item.items {
        match member {
            TraitItem::Fn(method) => {
                let options = take_options(&mut method.attrs)?.unwrap_or_default();
                let Some(forwarded) = Forwarded::of(method)? else { continue };
                is_mutable |= matches!(forwarded.receiver, Receiver::Mutable(_));
                members.push(forwarded.tokens(&target, &options)?);
            }
            TraitItem::Const(constant) => {
                let (ident, ty) = (&constant.ident, &constant.ty);
                members.push(quote!(const #ident: #ty = <#target>::#ident;));
            }
            TraitItem::Type(of) if of.generics.params.is_empty() => {
                let ident = &of.ident;
                members.push(quote!(type #ident = <#target>::#ident;));
            }
            TraitItem::Type(of) => {
                return Err(Error::new(
                    of.ident.span(),
                    "a wrapper can't be made for a trait with a generic associated type",
                ));
            }
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a wrapper can't be made for a trait with members that a macro writes",
                ));
            }
        }
    }
    if members.is_empty() {
        return Err(Error::new(item.ident.span(), "this trait has no method that could be observed"));
    }
    let own = type_and_constructors(&item, name);
    let implementation = implementation(&item, name, is_mutable, &members);
    Ok(quote!(#item #own #implementation))
}

/// What the calls are passed on to: `<P as Deref>::Target as Trait<…>`.
fn target(item: &ItemTrait) -> TokenStream {
    let (ident, (_, arguments, _)) = (&item.ident, item.generics.split_for_impl());
    quote!(<__P as ::core::ops::Deref>::Target as #ident #arguments)
}

fn type_and_constructors(item: &ItemTrait, name: &Ident) -> TokenStream {
    let (vis, of) = (&item.vis, &item.ident);
    let about = format!(
        " [`{of}`] that passes each call on to what it points to, with a span and the catalogue's metrics of adapters."
    );
    mixed! {
        #[doc = #about]
        #[derive(Clone)]
        #vis struct #name<__P> {
            adapter: ::tripod::catalog::adapter::Adapter,
            inner: __P,
        }

        #[allow(dead_code)]
        impl<__P: ::tripod::__private::Pointer> #name<__P> {
            /// Observes what a `Box`, an `Arc` or a reference points to, as this provider.
            #vis fn new(provider: impl ::core::convert::Into<::std::sync::Arc<str>>, inner: __P) -> Self {
                Self { adapter: ::tripod::catalog::adapter::Adapter::new(provider), inner }
            }

            /// What it points to.
            #vis fn inner(&self) -> &__P {
                &self.inner
            }

            /// What it pointed to.
            #vis fn into_inner(self) -> __P {
                self.inner
            }
        }

        impl<__P: ::core::fmt::Debug> ::core::fmt::Debug for #name<__P> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(::core::stringify!(#name))
                    .field("provider", &self.adapter.provider())
                    .field("inner", &self.inner)
                    .finish()
            }
        }
    }
}

fn implementation(item: &ItemTrait, name: &Ident, is_mutable: bool, members: &[TokenStream]) -> TokenStream {
    let (ident, unsafety, supertraits) = (&item.ident, &item.unsafety, &item.supertraits);
    let (_, arguments, _) = item.generics.split_for_impl();
    let mut generics: Generics = item.generics.clone();
    let pointer = if is_mutable { quote!(+ ::core::ops::DerefMut) } else { TokenStream::new() };
    generics.params.push(GenericParam::Type(parse_quote!(__P: ::tripod::__private::Pointer #pointer)));
    let conditions = generics.make_where_clause();
    let of_target: WherePredicate = parse_quote!(<__P as ::core::ops::Deref>::Target: #ident #arguments);
    conditions.predicates.push(of_target);
    if !supertraits.is_empty() {
        conditions.predicates.push(parse_quote!(#name<__P>: #supertraits));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    // Whatever rewrites the trait's async functions rewrites these as well.
    let rewriting = item.attrs.iter().filter(|attribute| is_async_trait(attribute));
    quote! {
        #(#rewriting)*
        #unsafety impl #impl_generics #ident #arguments for #name<__P> #where_clause {
            #(#members)*
        }
    }
}

fn is_async_trait(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "async_trait")
}

/// A method as the wrapper has it.
struct Forwarded {
    attrs: Vec<Attribute>,
    sig: Signature,
    receiver: Receiver,
    arguments: Vec<Ident>,
}

/// With the `self` that the body must name: another one would not be the same.
enum Receiver {
    None,
    Shared(Token![self]),
    Mutable(Token![self]),
}

impl Receiver {
    fn of(sig: &Signature) -> Option<Self> {
        let Some(receiver) = sig.receiver() else { return Some(Self::None) };
        match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => Some(Self::Shared(receiver.self_token)),
            ReceiverKind::Reference(_, _, Some(_)) => Some(Self::Mutable(receiver.self_token)),
            _ => None,
        }
    }
}

impl Forwarded {
    /// `None` for what the trait's own body does as well.
    fn of(method: &TraitItemFn) -> Result<Option<Self>> {
        let mut sig = method.sig.clone();
        let receiver = match Receiver::of(&sig) {
            Some(receiver) if !is_for_sized(&sig) => receiver,
            _ if method.default.is_some() => return Ok(None),
            _ => {
                let message = "a wrapper can pass on only methods that take `&self` or `&mut self`, whatever the size of what it \
                               points to: give this one a body, or implement the trait by hand";
                return Err(Error::new(sig.ident.span(), message));
            }
        };
        let mut arguments = Vec::new();
        for (at, argument) in sig.inputs.iter_mut().enumerate() {
            let FnArg::Typed(argument) = argument else { continue };
            let ident = match &*argument.pat {
                Pat::Ident(pattern) if pattern.subpat.is_none() => pattern.ident.clone(),
                _ => format_ident!("argument{at}"),
            };
            let name = ident.clone();
            *argument.pat =
                Pat::Ident(PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: name, subpat: None });
            arguments.push(ident);
        }
        let is_kept = |attribute: &&Attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("allow");
        let attrs = method.attrs.iter().filter(is_kept).cloned().collect();
        Ok(Some(Self { attrs, sig, receiver, arguments }))
    }

    fn tokens(self, target: &TokenStream, options: &Telemetry) -> Result<TokenStream> {
        let Self { attrs, sig, receiver, arguments } = self;
        let (ident, generics) = (&sig.ident, types_of(&sig));
        let wait = sig.asyncness.map(|_| quote!(.await));
        let inner = match receiver {
            Receiver::None => None,
            Receiver::Shared(_) | Receiver::Mutable(_) => Some(mixed!(inner,)),
        };
        let mut call = quote!(<#target>::#ident #generics(#inner #(#arguments),*) #wait);
        if matches!(sig.safety, syn::Safety::Unsafe(_)) {
            // What the caller promises to this method is what that one asks for.
            call = quote!(unsafe { #call });
        }
        let (this, point) = match &receiver {
            Receiver::None => return Ok(quote!(#(#attrs)* #sig { #call })),
            Receiver::Shared(this) => (this, mixed!(let inner = &*#this.inner;)),
            Receiver::Mutable(this) => (this, mixed!(let inner = &mut *#this.inner;)),
        };
        if options.leave.is_some() {
            return Ok(quote!(#(#attrs)* #sig { #point #call }));
        }
        if let Some(provider) = &options.provider {
            let message = "a wrapper is told its provider when it is made: leave the provider out here";
            return Err(Error::new_spanned(provider, message));
        }
        let function = ItemFn {
            attrs,
            vis: Visibility::Inherited,
            modifiers: syn::FnModifiers::default(),
            sig,
            block: Box::new(parse_quote!({ #call })),
        };
        // Each is borrowed alone, so that one may be changed while the other is read.
        let parts = mixed!(let adapter = &#this.adapter; #point);
        telemetry::request_by(function, &quote!(#this.adapter.provider()), &parts, &mixed!(adapter), options)
    }
}

/// Whether it can be called only where the size is known.
fn is_for_sized(sig: &Signature) -> bool {
    let Some(conditions) = &sig.generics.where_clause else { return false };
    conditions.predicates.iter().any(|predicate| match predicate {
        WherePredicate::Type(of) => {
            matches!(&of.bounded_ty, Type::Path(path) if path.path.is_ident("Self"))
                && of.bounds.iter().any(|bound| {
                    matches!(bound, syn::TypeParamBound::Trait(of) if of.path.segments.last().is_some_and(|last| last.ident == "Sized"))
                })
        }
        _ => false,
    })
}

/// The method's own types, written out where they can be.
fn types_of(sig: &Signature) -> TokenStream {
    let has_impl =
        sig.inputs.iter().any(|input| matches!(input, FnArg::Typed(of) if matches!(*of.ty, Type::ImplTrait(_))));
    let types: Vec<&Ident> = sig
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(of) => Some(&of.ident),
            GenericParam::Const(of) => Some(&of.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    if has_impl || types.is_empty() { TokenStream::new() } else { quote!(::<#(#types),*>) }
}
