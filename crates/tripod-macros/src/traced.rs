//! `#[traced]`: the function's body, moved into a span.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Error, Expr, Ident, ItemFn, LitBool, LitStr, Result, ReturnType, Token, Type, TypeImplTrait, parenthesized};

/// What stands in the attribute's brackets.
struct Arguments {
    /// Text, or an expression that may use the arguments.
    name: Option<Expr>,
    fields: TokenStream,
    kind: Option<Ident>,
    parent: Option<Expr>,
    root: bool,
    errors: bool,
}

const EXPECTED: &str =
    "expected a name, `name = …`, `fields(…)`, `kind = \"…\"`, `parent = …`, `root` or `errors = false`";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments =
            Self { name: None, fields: TokenStream::new(), kind: None, parent: None, root: false, errors: true };
        if input.peek(LitStr) {
            arguments.name = Some(input.parse()?);
            take_comma(input)?;
        }
        while !input.is_empty() {
            arguments.take(input)?;
            take_comma(input)?;
        }
        if let (true, Some(parent)) = (arguments.root, &arguments.parent) {
            return Err(Error::new(parent.span(), "a span that is a `root` has no `parent`"));
        }
        Ok(arguments)
    }
}

impl Arguments {
    fn take(&mut self, input: ParseStream<'_>) -> Result<()> {
        let word: Ident = input.parse()?;
        match word.to_string().as_str() {
            "root" => self.root = true,
            "fields" => {
                let fields;
                parenthesized!(fields in input);
                self.fields = fields.parse()?;
            }
            "name" => self.name = Some(value(input)?),
            "parent" => self.parent = Some(value(input)?),
            "kind" => self.kind = Some(kind(&value(input)?)?),
            "errors" => self.errors = value::<LitBool>(input)?.value,
            _ => return Err(Error::new(word.span(), EXPECTED)),
        }
        Ok(())
    }

    /// The span, by the macro, or by a builder where it needs more; `start` is the builder's last call.
    fn span(&self, name: &TokenStream, simple: &TokenStream, start: &TokenStream) -> TokenStream {
        let fields = &self.fields;
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
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The constant of `SpanKind`.
fn kind(name: &LitStr) -> Result<Ident> {
    let kinds = ["internal", "server", "client", "producer", "consumer"];
    if !kinds.contains(&name.value().as_str()) {
        return Err(Error::new(name.span(), format!("a span's kind is one of {}", kinds.join(", "))));
    }
    Ok(Ident::new(&name.value().to_uppercase(), name.span()))
}

fn take_comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

pub(crate) fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let ItemFn { attrs, vis, modifiers, sig, block } = syn::parse2(function)?;
    if let Some(constant) = &sig.constness {
        return Err(Error::new(constant.span, "a const fn can't be traced: a span has a start and an end in time"));
    }
    let own_name = LitStr::new(&sig.ident.to_string(), sig.ident.span());
    let name = arguments.name.as_ref().map_or_else(|| quote!(#own_name), |name| quote!(#name));
    // The type is written out, because `?` in the body leaves it open; `impl Trait` can't be, and holds no error to record.
    let annotation = match &sig.output {
        ReturnType::Type(_, ty) if !holds_impl(ty) => quote!(: #ty),
        _ => TokenStream::new(),
    };
    let record = arguments.errors.then(|| {
        quote! {{
            #[allow(unused_imports)]
            use ::tripod::__private::{RecordAny as _, RecordDisplay as _, RecordError as _};
            (&&::tripod::__private::Outcome(&result)).record();
        }}
    });
    let body = if sig.asyncness.is_some() {
        let span = arguments.span(&name, &quote!(::tripod::async_span), &quote!(start));
        quote! {{
            let span: ::tripod::Span = #span;
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
        let span = arguments.span(&name, &quote!(::tripod::span), &quote!(enter));
        quote! {{
            let _span: ::tripod::LocalSpan = #span;
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
