//! The attributes and derives of the crate `tripod`, which re-exports them. One file a matter.

mod labels;
mod traced;

use proc_macro::TokenStream;

/// Runs a function, sync or async, in a span.
///
/// - `#[traced]`: the span has the function's name.
/// - `#[traced("fetch user")]` or `#[traced(name = "fetch user")]`: the span has this name.
/// - `#[traced(name = format!("fetch {kind}"))]`: a computed name, which may use the arguments. Keep the number of names small.
/// - `#[traced(fields(user.id = id, table = "users"))]`: fields as in `tripod::span!`; they may use the arguments.
/// - `#[traced(kind = "server")]`: the span's kind, one of `internal`, `server`, `client`, `producer`, `consumer`.
/// - `#[traced(parent = context)]`: the span is a part of this `tripod::Context`; `#[traced(root)]`: it begins a trace.
/// - `#[traced(errors = false)]`: a returned `Err` is not recorded.
///
/// A returned `Err` is recorded with its type, message and (where it is a `std::error::Error`) chain of causes, and the span's status
/// is an error. An error that can't be displayed is not recorded.
///
/// ```ignore
/// #[tripod::traced(fields(user.id = id))]
/// async fn fetch_user(id: u64) -> Result<User, sqlx::Error> { … }
/// ```
#[proc_macro_attribute]
pub fn traced(arguments: TokenStream, function: TokenStream) -> TokenStream {
    traced::expand(arguments.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A struct as a label set: each field a label, for `tripod::metrics::Typed` instruments.
///
/// - A field's name is the label's key, or what `#[label(rename = "http.route")]` says.
/// - A field of type `Option` is left out when it is `None`.
/// - `#[label(skip)]` leaves a field out.
/// - A value is what its type's `tripod::ToValue` says; with `#[label(display)]` or `#[label(debug)]` it is that form of it.
///
/// ```ignore
/// #[derive(tripod::Labels)]
/// struct HttpLabels<'a> {
///     method: Method,
///     #[label(rename = "http.route")]
///     route: &'a str,
///     status: u16,
///     user: Option<&'a str>,
/// }
/// ```
#[proc_macro_derive(Labels, attributes(label))]
pub fn labels(input: TokenStream) -> TokenStream {
    labels::expand_labels(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// An enum without fields as a label's or an attribute's value: its variants' names in snake case.
///
/// `#[label(rename_all = "UPPERCASE")]` on the enum says otherwise for all variants (`snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`,
/// `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`), `#[label(rename = "…")]` for one.
#[proc_macro_derive(LabelValue, attributes(label))]
pub fn label_value(input: TokenStream) -> TokenStream {
    labels::expand_value(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
