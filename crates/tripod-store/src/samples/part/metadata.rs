//! Type, help and unit by metric family.

use std::collections::BTreeMap;

use crate::Metadata;
use crate::columns::{Malformed, varint};
use crate::samples::METRIC_KINDS;

/// No part has more of it; families behind that are left out.
const MAX_BYTES: usize = 16 << 20;

pub(super) fn encode<'a>(metadata: impl IntoIterator<Item = (&'a str, &'a Metadata)>) -> Vec<u8> {
    let mut out = Vec::new();
    for (family, metadata) in metadata {
        if out.len() + family.len() + metadata.help.len() + metadata.unit.len() > MAX_BYTES {
            break;
        }
        out.push(METRIC_KINDS.iter().position(|kind| *kind == metadata.kind).unwrap_or_default() as u8);
        for text in [family, &metadata.help, &metadata.unit] {
            varint::put(text.len() as u64, &mut out);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

pub(super) fn decode(mut bytes: &[u8]) -> Result<BTreeMap<String, Metadata>, Malformed> {
    const BAD: Malformed = Malformed("metadata is not what was written");
    let mut metadata = BTreeMap::new();
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        let kind = *METRIC_KINDS.get(usize::from(*kind)).ok_or(BAD)?;
        let mut text = || {
            let len = varint::take(&mut bytes)? as usize;
            let (text, rest) = bytes.split_at_checked(len).ok_or(BAD)?;
            bytes = rest;
            String::from_utf8(text.to_vec()).map_err(|_| BAD)
        };
        let family = text()?;
        metadata.insert(family, Metadata { kind, help: text()?, unit: text()? });
    }
    Ok(metadata)
}
