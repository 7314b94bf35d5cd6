//! The attributes of the crate `tripod`, which re-exports them. One file an attribute.

mod traced;

use proc_macro::TokenStream;

/// Runs a function, sync or async, in a span.
///
/// - `#[traced]`: the span has the function's name.
/// - `#[traced("fetch user")]` or `#[traced(name = "fetch user")]`: the span has this name.
/// - `#[traced(fields(user.id = id, table = "users"))]`: fields as in `tripod::span!`; they may use the arguments.
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
