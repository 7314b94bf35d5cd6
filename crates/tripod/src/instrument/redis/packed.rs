//! Commands as they are sent, read back for their names: a blocking connection is given nothing else.

/// The commands in bytes that go to the server; ends where they are none.
pub(super) fn commands(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> + Clone {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let count = header(&mut rest, b'*')?;
        // No more than there can be: each takes five bytes at least.
        let mut arguments = Vec::with_capacity(count.min(rest.len() / 5));
        for _ in 0..count {
            let len = header(&mut rest, b'$')?;
            arguments.push(rest.split_off(..len)?);
            rest.split_off(..2)?;
        }
        Some(arguments)
    })
}

/// The number in a line that begins so.
fn header(rest: &mut &[u8], mark: u8) -> Option<usize> {
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let line = rest.split_off(..end)?;
    rest.split_off(..2)?;
    let (first, digits) = line.split_first()?;
    if *first == mark { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_packed_is_read_back() {
        let pipeline = redis::pipe().atomic().set("key", "a\r\nb").get("").get_packed_pipeline();
        let read: Vec<_> = commands(&pipeline).collect();
        let expected: [&[&[u8]]; 4] = [&[b"MULTI"], &[b"SET", b"key", b"a\r\nb"], &[b"GET", b""], &[b"EXEC"]];
        assert_eq!(read, expected);
        assert_eq!(commands(b"*1\r\n$4\r\nPI").count(), 0);
        assert_eq!(commands(b"*99999999999\r\n").count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), b'0'..=b'9', any::<u8>()], 0..60)) {
            prop_assert!(commands(&bytes).count() <= bytes.len());
        }
    }
}
