//! The macros: names and fields at the call, nothing evaluated when it is not recorded.
//!
//! Fields are `key = value`, where the key is a name with dots (`http.route`) or a string literal, and the value anything that
//! is [`crate::ToValue`]; `key = %value` records its `Display` form, `key = ?value` its `Debug` form, and a name alone, `user`,
//! is short for `user = user`. In a log record `error = !error` records an error's type, message and causes, as the semantic
//! conventions have them, in place of the name (`!&*boxed` of a boxed one).

/// Starts a span as the current one of this thread, until the guard is dropped.
///
/// ```
/// let order = 17;
/// let _span = tripod::span!("place order", order, customer.tier = "gold", total = 99.5);
/// ```
#[macro_export]
macro_rules! span {
    ($name:expr $(, $($fields:tt)*)?) => {
        if $crate::__private::traces_on() {
            $crate::LocalSpan::enter($name, $crate::__fields!($($($fields)*)?))
        } else {
            $crate::LocalSpan::none()
        }
    };
}

/// Starts a span that is not current, to go along with a future or to another thread; a part of the one that is current here.
///
/// ```
/// use tripod::InSpanExt;
/// let work = async { 1 + 1 }.in_span(tripod::async_span!("add", terms = 2));
/// # drop(work);
/// ```
#[macro_export]
macro_rules! async_span {
    ($name:expr $(, $($fields:tt)*)?) => {
        if $crate::__private::traces_on() {
            $crate::__private::start_span($name, $crate::__fields!($($($fields)*)?))
        } else {
            $crate::Span::none()
        }
    };
}

/// Adds an event to the current span.
///
/// ```
/// tripod::event!("cache miss", key = "user:17");
/// ```
#[macro_export]
macro_rules! event {
    ($name:expr $(, $($fields:tt)*)?) => {
        if $crate::__private::traces_on() {
            $crate::current().add_event($name, $crate::__fields!($($($fields)*)?));
        }
    };
}

/// Writes a log record of the given level: a message, which may name variables in braces, and fields.
///
/// ```
/// let user = "ada";
/// tripod::log!(tripod::Level::Warn, "{user} is locked out", attempts = 5);
/// ```
///
/// Before the message may stand `target:`, the scope under which it is written, and `event:`, the name that makes it one of
/// OpenTelemetry's events; in this order, both constant.
///
/// ```
/// tripod::info!(target: "shop::users", event: "user.login", "welcome back", user.id = 17);
/// if let Err(error) = "x".parse::<u32>() {
///     tripod::error!("no number", error = !error);
/// }
/// ```
#[macro_export]
macro_rules! log {
    ($level:expr, target: $target:expr, event: $event:expr, $($rest:tt)*) => { $crate::__log!($target, $event, $level, $($rest)*) };
    ($level:expr, target: $target:expr, $($rest:tt)*) => { $crate::__log!($target, "", $level, $($rest)*) };
    ($level:expr, event: $event:expr, $($rest:tt)*) => { $crate::__log!("", $event, $level, $($rest)*) };
    ($level:expr, $($rest:tt)*) => { $crate::__log!("", "", $level, $($rest)*) };
}

/// Writes a log record from one place in the code.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($target:expr, $event:expr, $level:expr, $message:literal $(, $($fields:tt)*)?) => {
        if $crate::log_enabled($level) {
            static SITE: $crate::__private::CallSite =
                $crate::__private::CallSite::new($target, $event, ::core::module_path!(), ::core::file!(), ::core::line!());
            if SITE.admits() {
                SITE.write($level, ::core::format_args!($message), $crate::__fields!($($($fields)*)?));
            }
        }
    };
}

macro_rules! level_macro {
    ($($(#[$doc:meta])* $name:ident $level:ident;)*) => {
        level_macro! { @ ($) $($(#[$doc])* $name $level;)* }
    };
    (@ ($d:tt) $($(#[$doc:meta])* $name:ident $level:ident;)*) => {
        $($(#[$doc])*
        #[macro_export]
        macro_rules! $name {
            ($d($d argument:tt)*) => { $crate::log!($crate::Level::$level, $d($d argument)*) };
        })*
    };
}

level_macro! {
    /// Writes a log record of level TRACE; see [`log!`](crate::log!).
    trace Trace;
    /// Writes a log record of level DEBUG; see [`log!`](crate::log!).
    debug Debug;
    /// Writes a log record of level INFO; see [`log!`](crate::log!).
    info Info;
    /// Writes a log record of level WARN; see [`log!`](crate::log!).
    warn Warn;
    /// Writes a log record of level ERROR; see [`log!`](crate::log!).
    error Error;
    /// Writes a log record of level FATAL; see [`log!`](crate::log!).
    fatal Fatal;
}

/// Labels of a metric, or attributes of an event: `labels!(method = "GET", status = 200)`.
///
/// ```
/// let requests = tripod::counter("http_requests_total").build();
/// requests.add(1, tripod::labels!(method = "GET", status = 200));
/// ```
///
/// They borrow what they are made of, so they stay within the call; [`let_labels!`](crate::let_labels!) keeps them in a variable.
#[cfg(not(all(feature = "off", not(feature = "on"))))]
#[macro_export]
macro_rules! labels {
    ($($fields:tt)*) => { $crate::__fields!($($fields)*) };
}

/// Labels of a metric, or attributes of an event; in this build nothing is recorded, so none are evaluated.
#[cfg(all(feature = "off", not(feature = "on")))]
#[macro_export]
macro_rules! labels {
    ($($fields:tt)*) => {{
        if false {
            let _: &[(&str, $crate::Value<'_>)] = $crate::__fields!($($fields)*);
        }
        &[]
    }};
}

/// Labels in a variable, for more than one call: `let_labels!(set = method = "GET", length = body.len())` is `let set = …`.
///
/// ```
/// let (requests, errors) = (tripod::counter("requests_total").build(), tripod::counter("errors_total").build());
/// let route = String::from("/orders");
/// tripod::let_labels!(http = route, method = "GET", length = route.len());
/// requests.inc(http);
/// errors.inc(http);
/// ```
#[cfg(not(all(feature = "off", not(feature = "on"))))]
#[macro_export]
macro_rules! let_labels {
    ($name:ident = $($fields:tt)*) => { $crate::__let_fields!(@ $name [] $($fields)*); };
}

/// Labels in a variable; in this build nothing is recorded, so none are evaluated.
#[cfg(all(feature = "off", not(feature = "on")))]
#[macro_export]
macro_rules! let_labels {
    ($name:ident = $($fields:tt)*) => { let $name: &[(&str, $crate::Value<'_>)] = $crate::labels!($($fields)*); };
}

/// One `let` for each value, then one for the slice. Each `value` is another variable, as each expansion has names of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __let_fields {
    (@ $name:ident [$($done:tt)*]) => { let $name: &[(&str, $crate::Value<'_>)] = &[$($done)*]; };
    (@ $name:ident [$($done:tt)*] $($key:ident).+ = ?$value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* (::core::stringify!($($key).+), $crate::Value::debug(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $($key:ident).+ = %$value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* (::core::stringify!($($key).+), $crate::Value::display(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $($key:ident).+ = $value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* (::core::stringify!($($key).+), $crate::ToValue::to_value(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $key:literal = ?$value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* ($key, $crate::Value::debug(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $key:literal = %$value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* ($key, $crate::Value::display(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $key:literal = $value:expr $(, $($rest:tt)*)?) => {
        let value = &$value;
        $crate::__let_fields!(@ $name [$($done)* ($key, $crate::ToValue::to_value(value)),] $($($rest)*)?);
    };
    (@ $name:ident [$($done:tt)*] $key:ident $(, $($rest:tt)*)?) => {
        let value = &$key;
        $crate::__let_fields!(@ $name [$($done)* (::core::stringify!($key), $crate::ToValue::to_value(value)),] $($($rest)*)?);
    };
}

/// Fields as a slice of keys and values.
#[doc(hidden)]
#[macro_export]
macro_rules! __fields {
    (@ [$($done:tt)*]) => { &[$($done)*] };
    (@ [$($done:tt)*] $($key:ident).+ = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* (::core::stringify!($($key).+), $crate::Value::debug(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $($key:ident).+ = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* (::core::stringify!($($key).+), $crate::Value::display(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $($key:ident).+ = !$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* (::core::stringify!($($key).+), $crate::Value::error(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $($key:ident).+ = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* (::core::stringify!($($key).+), $crate::ToValue::to_value(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $key:literal = ?$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* ($key, $crate::Value::debug(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $key:literal = %$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* ($key, $crate::Value::display(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $key:literal = !$value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* ($key, $crate::Value::error(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $key:literal = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* ($key, $crate::ToValue::to_value(&$value)),] $($($rest)*)?)
    };
    (@ [$($done:tt)*] $key:ident $(, $($rest:tt)*)?) => {
        $crate::__fields!(@ [$($done)* (::core::stringify!($key), $crate::ToValue::to_value(&$key)),] $($($rest)*)?)
    };
    (@ $($wrong:tt)*) => {
        ::core::compile_error!("fields are `key = value`, `key = %display`, `key = ?debug` or a variable's name, separated by commas")
    };
    () => { &[] };
    ($($fields:tt)+) => { $crate::__fields!(@ [] $($fields)+) };
}
