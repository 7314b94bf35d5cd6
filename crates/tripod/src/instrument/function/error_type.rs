//! What an error is called in a label: a name of which there are few.

use std::any::type_name;

/// An error that says by what name it is counted, where the name of its type says too little.
///
/// ```
/// use tripod::ErrorType;
///
/// #[derive(Debug, thiserror::Error)]
/// enum FetchError {
///     #[error("no answer after {0} s")]
///     Timeout(u32),
///     #[error("status {0}")]
///     Status(u16),
/// }
///
/// impl ErrorType for FetchError {
///     fn error_type(&self) -> &str {
///         match self {
///             Self::Timeout(_) => "timeout",
///             Self::Status(_) => "status",
///         }
///     }
/// }
///
/// #[tripod::track_metrics]
/// fn fetch() -> Result<(), FetchError> {
///     Err(FetchError::Timeout(5)) // counts in fetch_errors_total{error_type="timeout"}
/// }
/// # assert!(fetch().is_err());
/// # assert_eq!(tripod::counter("fetch_errors_total").build().get(tripod::labels!(error_type = "timeout")), 1.0);
/// # let _ = FetchError::Status(404);
/// ```
///
/// Errors without it are counted by their type's name, without its path and parameters: `ParseIntError`. Of a type that is just called
/// `Error` it is said whose: `fmt::Error`, `io::error::Error`.
pub trait ErrorType {
    /// The name. Keep the number of names small: never a message.
    fn error_type(&self) -> &str;
}

/// The name of an error's type in a label.
pub(crate) fn of_type<E: ?Sized>() -> &'static str {
    short(type_name::<E>())
}

/// A type's name without its path, pointers and parameters.
fn short(mut name: &'static str) -> &'static str {
    let pointers = ["&", "mut ", "dyn ", "alloc::boxed::Box<", "alloc::sync::Arc<", "alloc::rc::Rc<"];
    while let Some(inner) = pointers.iter().find_map(|pointer| name.strip_prefix(pointer)) {
        name = inner;
    }
    let path = &name[..name.find(['<', '>', ' ', '+']).unwrap_or(name.len())];
    let mut begins = path.rmatch_indices("::").map(|(at, _)| at + 2);
    let mut begin = begins.next().unwrap_or(0);
    // Half of all errors are called just that.
    while matches!(&path[begin..], "Error" | "error::Error") {
        match begins.next() {
            Some(earlier) => begin = earlier,
            None => return path,
        }
    }
    &path[begin..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_called_by_its_last_name_and_error_by_whose_it_is() {
        struct Of<T>(std::marker::PhantomData<T>);
        assert_eq!(of_type::<std::num::ParseIntError>(), "ParseIntError");
        assert_eq!(of_type::<Of<Vec<String>>>(), "Of");
        assert_eq!(of_type::<&'static str>(), "str");
        assert_eq!(of_type::<()>(), "()");
        assert_eq!(of_type::<std::fmt::Error>(), "fmt::Error");
        assert_eq!(of_type::<std::io::Error>(), "io::error::Error");
        assert_eq!(of_type::<Box<std::num::ParseIntError>>(), "ParseIntError");
        assert_eq!(of_type::<Box<dyn std::error::Error + Send + Sync>>(), "core::error::Error");
        assert_eq!(of_type::<(u8, String)>(), "(u8,");
    }
}
