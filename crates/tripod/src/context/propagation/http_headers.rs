//! `http::HeaderMap` as a carrier, without a name or value being copied more often than the map itself asks for.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Extractor, Injector};

/// Up to so many headers are looked through faster than a name is hashed.
const FEW: usize = 8;

macro_rules! own_names {
    ($($name:literal)*) => {
        /// The name as the map knows it, for the formats' own: made once, as making one takes longer than looking it up.
        #[inline]
        fn own(name: &str) -> Option<&'static HeaderName> {
            match name {
                $($name => {
                    static NAME: HeaderName = HeaderName::from_static($name);
                    Some(&NAME)
                })*
                _ => None,
            }
        }
    };
}
own_names! {
    "traceparent" "tracestate" "baggage" "b3" "x-b3-traceid" "x-b3-spanid" "x-b3-sampled" "x-b3-flags" "uber-trace-id"
    "x-amzn-trace-id"
}

impl Injector for HeaderMap {
    #[inline]
    fn set(&mut self, name: &'static str, value: &str) {
        match (own(name), header_value(value)) {
            (Some(own), Some(value)) => {
                self.insert(own, value);
            }
            (None, Some(_)) => self.set_owned(name.to_owned(), value),
            (_, None) => {}
        }
    }

    fn set_owned(&mut self, name: String, value: &str) {
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), header_value(value)) {
            self.insert(name, value);
        }
    }
}

impl Extractor for HeaderMap {
    #[inline]
    fn get(&self, name: &str) -> Option<&str> {
        text(find(self, name)?)
    }

    #[inline]
    fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        find(self, name).map(HeaderValue::as_bytes)
    }

    fn get_all<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(HeaderMap::get_all(self, name).iter().filter_map(text))
    }

    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(HeaderMap::keys(self).map(HeaderName::as_str))
    }
}

#[inline]
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    match own(name) {
        Some(own) if headers.len() <= FEW => headers.iter().find(|(name, _)| *name == own).map(|(_, value)| value),
        Some(own) => headers.get(own),
        None => headers.get(name),
    }
}

/// As text, if it is some. `HeaderValue::to_str` takes ASCII only, and looks at each byte by itself.
#[inline]
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// The value, if it may stand in a header.
#[inline]
fn header_value(value: &str) -> Option<HeaderValue> {
    // All bytes at once; `HeaderValue::from_str` looks at each by itself.
    let is_visible = value.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~'));
    if !is_visible {
        return HeaderValue::from_str(value).ok();
    }
    let value = Bytes::copy_from_slice(value.as_bytes());
    // SAFETY: the bytes are ASCII and visible, or spaces, as was just checked: all that `HeaderValue` asks of its bytes.
    Some(unsafe { HeaderValue::from_maybe_shared_unchecked(value) })
}
