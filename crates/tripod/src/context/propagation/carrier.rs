//! Carriers: what holds the headers of a request.

use std::collections::HashMap;
use std::hash::BuildHasher;

/// The text of a header that was put together from digits and separators: visible ASCII.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Visible<'a>(&'a [u8]);

impl<'a> Visible<'a> {
    /// Of a template of visible ASCII in which places were filled by `hex::write` and with single digits.
    #[inline]
    pub(super) fn filled(template: &'a [u8]) -> Self {
        debug_assert!(template.iter().all(u8::is_ascii_graphic));
        Self(template)
    }

    #[inline]
    pub(super) fn as_str(self) -> &'a str {
        // SAFETY: as `filled` is only called with what it says, the bytes are ASCII.
        unsafe { std::str::from_utf8_unchecked(self.0) }
    }
}

/// Takes headers.
pub trait Injector {
    /// Sets a header; an earlier one of the same name is replaced.
    fn set(&mut self, name: &'static str, value: &str);

    /// The same of a text that is known to fit: for a carrier that would look.
    #[doc(hidden)]
    #[inline]
    fn set_visible(&mut self, name: &'static str, value: Visible<'_>) {
        self.set(name, value.as_str());
    }

    /// The same of a name that is made up at run time, as Jaeger's baggage needs it. A carrier that has no such names
    /// leaves it out: nothing is set.
    fn set_owned(&mut self, _name: String, _value: &str) {}
}

/// Gives headers.
pub trait Extractor {
    /// The value of a header, its name compared without regard to case; `None` when there is none or it is no text.
    fn get(&self, name: &str) -> Option<&str>;

    /// The same as bytes: a carrier that has bytes need not look whether they are text.
    #[inline]
    fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(str::as_bytes)
    }

    /// The values of all headers of this name, in order; the first alone unless the carrier tells.
    fn get_all<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(self.get(name).into_iter())
    }

    /// The names of all headers, for formats that have a header for each pair, as Jaeger's baggage; none unless the carrier tells.
    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(std::iter::empty())
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, name: &'static str, value: &str) {
        self.insert(name.to_owned(), value.to_owned());
    }

    fn set_owned(&mut self, name: String, value: &str) {
        self.insert(name, value.to_owned());
    }
}

impl<S: BuildHasher> Extractor for HashMap<String, String, S> {
    fn get(&self, name: &str) -> Option<&str> {
        let exact = HashMap::get(self, name);
        exact
            .or_else(|| self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
            .map(String::as_str)
    }

    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(HashMap::keys(self).map(String::as_str))
    }
}

impl Injector for Vec<(String, String)> {
    fn set(&mut self, name: &'static str, value: &str) {
        self.set_owned(name.to_owned(), value);
    }

    fn set_owned(&mut self, name: String, value: &str) {
        self.retain(|(key, _)| !key.eq_ignore_ascii_case(&name));
        self.push((name, value.to_owned()));
    }
}

impl Extractor for Vec<(String, String)> {
    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn get_all<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        let name = name.to_owned();
        let same = self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(&name));
        Box::new(same.map(|(_, value)| value.as_str()))
    }

    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.iter().map(|(key, _)| key.as_str()))
    }
}
