//! The label pairs of a part, sorted by name, then by value: a pair is its place among them, and each has the series that have it.
//!
//! Leaves of 128 pairs lie below nodes of up to 128 leaves or nodes, so a million pairs are found, by text or by place, in
//! three reads of a few KiB. Every leaf and node but the last of its level is full, so the way to a place is computed.
//! Small sets of series stand in the leaf, larger ones in a piece of their own.

mod read;
mod write;

pub(super) use self::read::Pairs;
pub(super) use self::write::PairsWriter;
use crate::columns::Malformed;

/// Pairs of a leaf, and leaves or nodes of a node.
const FAN: u32 = 128;

/// What ends a name in a key; a zero within is followed by something larger. So keys are sorted as (name, value) are.
const END: [u8; 2] = [0, 1];
const ZERO: [u8; 2] = [0, 0xff];

/// The key of a pair.
pub(super) fn key(name: &str, value: &str, key: &mut Vec<u8>) {
    key.clear();
    key_of_name(name, key);
    key.extend_from_slice(value.as_bytes());
}

fn key_of_name(name: &str, key: &mut Vec<u8>) {
    for byte in name.bytes() {
        match byte {
            0 => key.extend_from_slice(&ZERO),
            _ => key.push(byte),
        }
    }
    key.extend_from_slice(&END);
}

/// Name and value out of a key.
pub(super) fn pair(key: &[u8]) -> Result<(Box<str>, &str), Malformed> {
    const NONE: Malformed = Malformed("a label pair is none");
    let mut name = Vec::new();
    let mut rest = key;
    loop {
        rest = match rest {
            [0, 1, rest @ ..] => {
                let name = String::from_utf8(name).map_err(|_| NONE)?;
                return Ok((name.into(), std::str::from_utf8(rest).map_err(|_| NONE)?));
            }
            [0, 0xff, rest @ ..] => {
                name.push(0);
                rest
            }
            [byte, rest @ ..] if *byte != 0 => {
                name.push(*byte);
                rest
            }
            _ => return Err(NONE),
        };
    }
}
