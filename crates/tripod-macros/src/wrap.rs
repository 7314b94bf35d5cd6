//! A function around which something is observed: the same for every attribute.
//!
//! The body moves into a closure or an `async` block, so that its `return`s and `?`s end there and the result can be looked at. Names that
//! are added are hygienic: the body can't see them. What is added for a function that is sync, async, or gives back a future differs only
//! here.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Block, Error, Expr, ExprAsync, GenericArgument, Item, ItemFn, PathArguments, Result, ReturnType, Stmt, TraitItemFn,
    Type, TypeParamBound,
};

/// As `quote!`, with names that only the expansion sees.
macro_rules! mixed {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
pub(crate) use mixed;

/// What is observed of each call.
#[derive(Clone, Default)]
pub(crate) struct Observation {
    /// The span that the call runs in.
    pub(crate) span: Option<SpanTokens>,
    /// Statements before the body, which may use the arguments. What they bind is kept while the body runs.
    pub(crate) before: TokenStream,
    /// Statements after it, which may look at [`result`].
    pub(crate) after: TokenStream,
}

/// A span, as an expression.
#[derive(Clone)]
pub(crate) struct SpanTokens {
    /// Of type `LocalSpan`.
    pub(crate) entered: TokenStream,
    /// Of type `Span`.
    pub(crate) started: TokenStream,
}

/// What the body came to, by reference.
pub(crate) fn result() -> Ident {
    Ident::new("result", Span::mixed_site())
}

/// The function that an attribute stands on.
pub(crate) fn function(item: TokenStream) -> Result<ItemFn> {
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => return Err(why_not_a_function(item, error)),
    };
    if let Some(constant) = &function.sig.constness {
        let message = "a const fn can't be observed, as the compiler may run it: leave out `const`, or the attribute";
        return Err(Error::new(constant.span, message));
    }
    Ok(function)
}

fn why_not_a_function(item: TokenStream, error: Error) -> Error {
    if let Ok(TraitItemFn { sig, default: None, .. }) = syn::parse2(item.clone()) {
        let message =
            "there is no body here that could be observed: put the attribute on the function where it is implemented";
        return Error::new(sig.ident.span(), message);
    }
    let at = match syn::parse2::<Item>(item) {
        Ok(Item::Impl(item)) => (
            item.impl_token.span,
            "this attribute belongs on a function: for all methods of an `impl` use `#[instrument_adapter]`",
        ),
        Ok(Item::Trait(item)) => (
            item.trait_token.span,
            "this attribute belongs on a function: for all methods of a trait use `#[instrument_adapter]`",
        ),
        Ok(Item::Struct(item)) => (item.struct_token.span, "this attribute belongs on a function"),
        Ok(Item::Enum(item)) => (item.enum_token.span, "this attribute belongs on a function"),
        Ok(Item::Mod(item)) => (item.mod_token.span, "this attribute belongs on a function"),
        Ok(item) => return Error::new_spanned(item, "this attribute belongs on a function"),
        Err(_) => return error,
    };
    Error::new(at.0, at.1)
}

/// How a function runs.
enum Shape {
    Sync,
    Async,
    /// The body is nothing but an `async` block, perhaps boxed: so `async_trait` writes async functions.
    Block {
        block: ExprAsync,
        boxed: Option<TokenStream>,
    },
    /// It gives back a future, come by in whatever way; boxed again where its type says `Pin<Box<…>>`.
    Future {
        boxed: bool,
    },
}

/// The function with all that is observed around its body.
pub(crate) fn wrap(function: ItemFn, observation: &Observation) -> TokenStream {
    let ItemFn { attrs, vis, modifiers, sig, block } = function;
    let defaultness = modifiers.defaultness;
    let allowed = (sig.asyncness.is_some() && is_never(&sig.output)).then(|| quote!(#[allow(unreachable_code)]));
    let body = body(&sig.output, sig.asyncness.is_some(), &block, observation);
    quote! { #(#attrs)* #allowed #vis #defaultness #sig #body }
}

fn body(output: &ReturnType, is_async: bool, block: &Block, observation: &Observation) -> TokenStream {
    let Observation { span, before, after } = observation;
    if span.is_none() && after.is_empty() {
        return quote!({ #before #block });
    }
    match Shape::of(output, is_async, block) {
        Shape::Sync => sync(output, block, observation),
        Shape::Async => {
            let future = of_block(output_type(output).as_ref(), &quote!(async move), block);
            if is_never(output) {
                let nothing = Observation { after: TokenStream::new(), ..observation.clone() };
                // Before edition 2024 an `async` block that never ends is said to give `()`.
                let future = mixed!(async move { #future.await; });
                let observed = observed(&quote!(async move), &future, &nothing);
                return mixed!({ #observed.await; ::core::unreachable!() });
            }
            let observed = observed(&quote!(async move), &future, observation);
            mixed!({ #observed.await })
        }
        Shape::Block { block, boxed } => {
            let ExprAsync { async_token, capture, block, .. } = block;
            let head = quote!(#async_token #capture);
            let future = of_block(future_output(output).as_ref(), &head, &block);
            let observed = observed(&head, &future, observation);
            if let Some(path) = boxed { quote!({ #path(#observed) }) } else { quote!({ #observed }) }
        }
        Shape::Future { boxed } => {
            let future = future(output, block, observation);
            // In a call, so that the next attribute does not take it for a body that is all async.
            let pin = if boxed { quote!(::std::boxed::Box::pin) } else { quote!(::core::convert::identity) };
            mixed!({ #future #pin(future) })
        }
    }
}

fn sync(output: &ReturnType, block: &Block, Observation { span, before, after }: &Observation) -> TokenStream {
    let result = result();
    let span = span.as_ref().map(|SpanTokens { entered, .. }| mixed!(let _span: ::tripod::LocalSpan = #entered;));
    if is_never(output) {
        return mixed! {{
            #span
            #before
            ::tripod::__private::run(move || -> ! #block)
        }};
    }
    let ty = output_type(output).map(|ty| quote!(-> #ty));
    mixed! {{
        #span
        #before
        let #result = ::tripod::__private::run(move || #ty #block);
        #after
        #result
    }}
}

/// An expression: a future that runs another one, observed.
fn observed(
    head: &TokenStream,
    future: &TokenStream,
    Observation { span, before, after }: &Observation,
) -> TokenStream {
    let result = result();
    let observed = mixed! {
        #head {
            #before
            let #result = #future.await;
            #after
            #result
        }
    };
    match span {
        None => observed,
        // Within an async block: the span starts when the future is first polled.
        Some(SpanTokens { started, .. }) => mixed! {
            #head {
                let span: ::tripod::Span = #started;
                ::tripod::InSpanExt::in_span(#observed, span).await
            }
        },
    }
}

/// Statements that bind `future`: the observed one. The call itself is a part of what is observed.
fn future(output: &ReturnType, block: &Block, Observation { span, before, after }: &Observation) -> TokenStream {
    let result = result();
    let start = span.as_ref().map(|SpanTokens { started, .. }| mixed!(let mut span: ::tripod::Span = #started;));
    let ty = match future_type(output) {
        Some((ty, true)) => Some(quote!(-> #ty)),
        _ => None,
    };
    let call = mixed!(move || #ty #block);
    let call = if span.is_some() {
        mixed!(::tripod::Span::in_scope(&mut span, #call))
    } else {
        mixed!(::tripod::__private::run(#call))
    };
    let end = span.as_ref().map(|_| mixed!(let future = ::tripod::InSpanExt::in_span(future, span);));
    mixed! {
        #start
        #before
        let future = #call;
        let future = async move {
            let #result = future.await;
            #after
            #result
        };
        #end
    }
}

/// The body as a future. What it gives is said by a `return` that is never run, as there is no other place for it.
fn of_block(ty: Option<&TokenStream>, head: &TokenStream, block: &Block) -> TokenStream {
    let say = ty.map(|ty| {
        mixed! {
            #[allow(
                unreachable_code,
                clippy::diverging_sub_expression,
                clippy::empty_loop,
                clippy::let_unit_value,
                clippy::let_with_type_underscore,
                clippy::needless_return,
                clippy::unused_unit
            )]
            if false {
                let result: #ty = loop {};
                return result;
            }
        }
    });
    mixed!(#head { #say #block })
}

impl Shape {
    fn of(output: &ReturnType, is_async: bool, block: &Block) -> Self {
        if is_async {
            return Self::Async;
        }
        if let [Stmt::Expr(only, None)] = &block.stmts[..] {
            match only {
                Expr::Async(block) => return Self::Block { block: block.clone(), boxed: None },
                Expr::Call(call) => {
                    if let (Expr::Path(path), Some(Expr::Async(block)), 1) =
                        (&*call.func, call.args.first(), call.args.len())
                        && ends_in_box_pin(&path.path)
                    {
                        return Self::Block { block: block.clone(), boxed: Some(path.to_token_stream()) };
                    }
                }
                _ => {}
            }
        }
        match future_type(output) {
            Some((_, boxed)) => Self::Future { boxed },
            None => Self::Sync,
        }
    }
}

fn ends_in_box_pin(path: &syn::Path) -> bool {
    let mut segments = path.segments.iter().rev();
    segments.next().is_some_and(|last| last.ident == "pin") && segments.next().is_some_and(|owner| owner.ident == "Box")
}

/// The type, where it says that it is a future, and whether it is a boxed one.
fn future_type(output: &ReturnType) -> Option<(&Type, bool)> {
    let ReturnType::Type(_, ty) = output else { return None };
    match &**ty {
        Type::ImplTrait(of) => of.bounds.iter().any(is_future).then_some((ty, false)),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let boxed = match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => true,
                "Pin" => dyn_future(last).is_some(),
                _ => false,
            };
            boxed.then_some((ty, true))
        }
        _ => None,
    }
}

fn is_future(bound: &TypeParamBound) -> bool {
    matches!(bound, TypeParamBound::Trait(of) if of.path.segments.last().is_some_and(|last| last.ident == "Future"))
}

/// The `dyn Future` in `Pin<Box<dyn Future>>`.
fn dyn_future(pin: &syn::PathSegment) -> Option<&TypeParamBound> {
    let Type::Path(boxed) = first_type(pin)? else { return None };
    let boxed = boxed.path.segments.last().filter(|last| last.ident == "Box")?;
    let Type::TraitObject(object) = first_type(boxed)? else { return None };
    object.bounds.iter().find(|bound| is_future(bound))
}

fn first_type(segment: &syn::PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| if let GenericArgument::Type(ty) = argument { Some(ty) } else { None })
}

/// What a future gives, where the type of the future says so.
fn future_output(output: &ReturnType) -> Option<TokenStream> {
    let (ty, _) = future_type(output)?;
    let bound = match ty {
        Type::ImplTrait(of) => of.bounds.iter().find(|bound| is_future(bound))?,
        Type::Path(path) => dyn_future(path.path.segments.last()?)?,
        _ => return None,
    };
    let TypeParamBound::Trait(bound) = bound else { return None };
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(named) if named.ident == "Output" => Some(erased(&named.ty)),
        _ => None,
    })
}

/// What the function gives, where it can be written in the body.
fn output_type(output: &ReturnType) -> Option<TokenStream> {
    match output {
        ReturnType::Default => Some(quote!(())),
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_) | Type::ImplTrait(_)) => None,
        ReturnType::Type(_, ty) => Some(erased(ty)),
    }
}

fn is_never(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)))
}

/// The type with `_` for each `impl Trait`, which has no name in a body.
fn erased(ty: &Type) -> TokenStream {
    match ty {
        Type::ImplTrait(_) => quote!(_),
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                let PathArguments::AngleBracketed(arguments) = &mut segment.arguments else { continue };
                for argument in &mut arguments.args {
                    if let GenericArgument::Type(ty) = argument {
                        *ty = Type::Verbatim(erased(ty));
                    }
                }
            }
            path.to_token_stream()
        }
        Type::Tuple(tuple) => {
            let parts = tuple.elems.iter().map(erased);
            quote!((#(#parts,)*))
        }
        Type::Reference(reference) => {
            let mut reference = reference.clone();
            *reference.elem = Type::Verbatim(erased(&reference.elem));
            reference.to_token_stream()
        }
        Type::Array(array) => {
            let mut array = array.clone();
            *array.elem = Type::Verbatim(erased(&array.elem));
            array.to_token_stream()
        }
        Type::Paren(inner) => erased(&inner.elem),
        Type::Group(inner) => erased(&inner.elem),
        other => other.to_token_stream(),
    }
}
