//! `http::HeaderMap` as a carrier, without a name or value being copied more often than the map itself asks for.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::carrier::Visible;
use super::{Extractor, Injector};

/// Up to so many headers are looked through faster than a name is hashed.
const FEW: usize = 8;

macro_rules! own_names {
    ($($name:literal)*) => {
        /// The name as the map knows it, for the formats' own: made once, as making one takes longer than looking it up. Inlined to
        /// where the name is a constant, which leaves nothing of the search.
        #[inline(always)]
        #[allow(clippy::inline_always, reason = "otherwise the name is compared with all of them at each call")]
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
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `own`")]
    fn set(&mut self, name: &'static str, value: &str) {
        match own(name) {
            // `HeaderValue::from_str` looks at each byte by itself.
            Some(own) if is_visible(value.as_bytes()) => put(self, own, value.as_bytes()),
            _ => self.set_owned(name.to_owned(), value),
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `own`")]
    fn set_visible(&mut self, name: &'static str, value: Visible<'_>) {
        match own(name) {
            Some(own) => put(self, own, value.as_str().as_bytes()),
            None => self.set_owned(name.to_owned(), value.as_str()),
        }
    }

    fn set_owned(&mut self, name: String, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            self.insert(name, value);
        }
    }
}

impl Extractor for HeaderMap {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `own`")]
    fn get(&self, name: &str) -> Option<&str> {
        text(find(self, name)?)
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `own`")]
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

/// Sets a header to what [`is_visible`]. One that is there already, as where a request is sent once more or passed on, is found by
/// looking, too.
fn put(headers: &mut HeaderMap, name: &'static HeaderName, visible: &[u8]) {
    let value = Bytes::copy_from_slice(visible);
    // SAFETY: the bytes are ASCII and visible, or spaces, as the caller has checked or knows: all that `HeaderValue` asks of them.
    let value = unsafe { HeaderValue::from_maybe_shared_unchecked(value) };
    if headers.len() <= FEW {
        let mut same = headers.iter_mut().filter(|(other, _)| *other == name).map(|(_, value)| value);
        if let (Some(only), None) = (same.next(), same.next()) {
            *only = value;
            return;
        }
    }
    headers.insert(name, value);
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as `own`")]
fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    match own(name) {
        Some(own) => find_own(headers, own),
        None => headers.get(name),
    }
}

fn find_own<'a>(headers: &'a HeaderMap, own: &'static HeaderName) -> Option<&'a HeaderValue> {
    if headers.len() > FEW {
        return headers.get(own);
    }
    headers.iter().find(|(name, _)| *name == own).map(|(_, value)| value)
}

/// As text, if it is some. `HeaderValue::to_str` takes ASCII only, and looks at each byte by itself.
#[inline]
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// Whether all bytes are ASCII and visible, or spaces: eight at a time, the last eight once more if need be.
#[inline]
fn is_visible(value: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some(last) = value.last_chunk() else { return value.iter().all(|byte| matches!(byte, b' '..=b'~')) };
    let wrong = |eight: &[u8; 8]| {
        let word = u64::from_le_bytes(*eight);
        // What is beyond the tilde carries into the highest bit or has it, what is below the space borrows it.
        word | word.wrapping_add(ONES) | word.wrapping_sub(ONES * u64::from(b' '))
    };
    let wrong = value.as_chunks().0.iter().fold(wrong(last), |so_far, eight| so_far | wrong(eight));
    wrong & (ONES << 7) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_bytes_only_the_visible_ones_and_the_space_are_visible_wherever_they_stand() {
        // Miri is slow: one length below, at and above a word each.
        for len in (1..20).filter(|len| !cfg!(miri) || [7, 8, 9].contains(len)) {
            for at in 0..len {
                for byte in 0..=255 {
                    for others in [b' ', b'~'] {
                        let mut value = [others; 20];
                        value[at] = byte;
                        assert_eq!(
                            is_visible(&value[..len]),
                            matches!(byte, b' '..=b'~'),
                            "{byte:#x} at {at} of {len}"
                        );
                    }
                }
            }
        }
        assert!(is_visible(b""));
    }

    #[test]
    fn a_header_that_is_set_takes_the_place_of_all_of_its_name() {
        for others in [0, 20] {
            let mut headers = HeaderMap::new();
            for n in 0..others {
                headers.insert(HeaderName::try_from(format!("x-{n}")).unwrap(), HeaderValue::from_static("value"));
            }
            for earlier in 0..3 {
                for _ in 0..earlier {
                    headers.append("b3", HeaderValue::from_static("earlier"));
                }
                headers.set("b3", "0");
                assert!(HeaderMap::get_all(&headers, "b3").iter().eq(["0"]), "{earlier} earlier, {others} others");
                assert_eq!(headers.len(), others + 1);
            }
        }
    }
}
