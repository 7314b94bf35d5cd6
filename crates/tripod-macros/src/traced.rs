//! `#[traced]`: the function's body, moved into a span.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::visit::Visit;
use syn::{Error, Ident, ItemFn, LitStr, Result, ReturnType, Token, Type, TypeImplTrait, parenthesized};

/// What stands in the attribute's brackets.
#[derive(Default)]
struct Arguments {
    name: Option<LitStr>,
    fields: TokenStream,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        if input.peek(LitStr) {
            arguments.name = Some(input.parse()?);
            take_comma(input)?;
        }
        while !input.is_empty() {
            let word: Ident = input.parse()?;
            if word == "name" {
                input.parse::<Token![=]>()?;
                arguments.name = Some(input.parse()?);
            } else if word == "fields" {
                let fields;
                parenthesized!(fields in input);
                arguments.fields = fields.parse()?;
            } else {
                return Err(Error::new(word.span(), "expected `name = \"…\"` or `fields(…)`"));
            }
            take_comma(input)?;
        }
        Ok(arguments)
    }
}

fn take_comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let Arguments { name, fields } = syn::parse2(arguments)?;
    let ItemFn { attrs, vis, modifiers, sig, block } = syn::parse2(function)?;
    if let Some(constant) = &sig.constness {
        return Err(Error::new(constant.span, "a const fn can't be traced: a span has a start and an end in time"));
    }
    let name = name.unwrap_or_else(|| LitStr::new(&sig.ident.to_string(), sig.ident.span()));
    // The type is written out, because `?` in the body leaves it open; `impl Trait` can't be, and holds no error to record.
    let annotation = match &sig.output {
        ReturnType::Type(_, ty) if !holds_impl(ty) => quote!(: #ty),
        _ => TokenStream::new(),
    };
    let record = quote! {{
        #[allow(unused_imports)]
        use ::tripod::__private::{RecordAny as _, RecordDisplay as _, RecordError as _};
        (&&::tripod::__private::Outcome(&result)).record();
    }};
    let body = if sig.asyncness.is_some() {
        quote! {{
            let span = ::tripod::async_span!(#name, #fields);
            ::tripod::InSpanExt::in_span(
                async move {
                    let result #annotation = async move #block.await;
                    #record
                    result
                },
                span,
            )
            .await
        }}
    } else {
        quote! {{
            let _span = ::tripod::span!(#name, #fields);
            #[allow(clippy::redundant_closure_call)]
            let result #annotation = (move || #block)();
            #record
            result
        }}
    };
    let defaultness = modifiers.defaultness;
    Ok(quote! { #(#attrs)* #vis #defaultness #sig #body })
}

fn holds_impl(ty: &Type) -> bool {
    struct Finder(bool);
    impl Visit<'_> for Finder {
        fn visit_type_impl_trait(&mut self, _: &TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut finder = Finder(false);
    finder.visit_type(ty);
    finder.0
}
