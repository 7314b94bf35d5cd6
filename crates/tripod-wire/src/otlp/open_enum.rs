//! Protobuf enumerations: named numbers, of which a newer sender may know more than we do.

/// Defines a number with names for the values known today; any other value is kept as it came.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i32);

        impl $name {
            $($(#[$value_doc])* pub const $value: Self = Self($number);)*

            /// The name of the value in the protocol, if it is one known today.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }

            /// The value with this name in the protocol.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self($number)),)*
                    _ => None,
                }
            }
        }

        impl $crate::proto::kind::OpenEnum for $name {
            fn number(self) -> i32 {
                self.0
            }

            fn from_number(number: i32) -> Self {
                Self(number)
            }

            #[cfg(feature = "json")]
            fn named(name: &str) -> Option<Self> {
                Self::from_name(name)
            }
        }

        #[cfg(feature = "json")]
        $crate::otlp::json::json_enum!($name);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}({})", stringify!($name), self.0),
                }
            }
        }
    };
}
