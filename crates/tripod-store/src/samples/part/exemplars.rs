//! Exemplars of a chunk: values as a column, ids as they are, further labels as text. Their times are the chunk's column.

use tripod_wire::{SpanId, TraceId};

use super::values;
use crate::columns::{Malformed, varint};
use crate::{Exemplar, Labels};

/// Encodes exemplars; the decoder must be told their times.
pub(super) fn encode(exemplars: &[Exemplar], out: &mut Vec<u8>) {
    let mut column = Vec::new();
    values::encode(&exemplars.iter().map(|exemplar| exemplar.value).collect::<Vec<_>>(), &mut column);
    varint::put(column.len() as u64, out);
    out.extend_from_slice(&column);
    for exemplar in exemplars {
        out.extend_from_slice(&exemplar.trace_id.0);
        out.extend_from_slice(&exemplar.span_id.0);
        varint::put(exemplar.labels.iter().len() as u64, out);
        for text in exemplar.labels.iter().flat_map(|(name, value)| [name, value]) {
            varint::put(text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Decodes exemplars.
pub(super) fn decode(mut bytes: &[u8], times: &[i64]) -> Result<Vec<Exemplar>, Malformed> {
    let len = varint::take(&mut bytes)? as usize;
    let mut values = Vec::new();
    values::decode(take(&mut bytes, len)?, times.len(), &mut values::Scratch::default(), &mut values)?;
    let exemplar = |(time, value): (&i64, f64)| {
        Ok(Exemplar {
            time: *time,
            value,
            trace_id: TraceId(id(&mut bytes)?),
            span_id: SpanId(id(&mut bytes)?),
            labels: labels(&mut bytes)?,
        })
    };
    times.iter().zip(values).map(exemplar).collect()
}

fn labels(bytes: &mut &[u8]) -> Result<Labels, Malformed> {
    let count = varint::take(bytes)?;
    let pairs = (0..count).map(|_| Ok((text(bytes)?, text(bytes)?))).collect::<Result<Vec<_>, Malformed>>()?;
    Ok(Labels::new(pairs))
}

fn text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let len = varint::take(bytes)? as usize;
    std::str::from_utf8(take(bytes, len)?).map_err(|_| Malformed("a label of an exemplar is no UTF-8"))
}

fn id<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (id, rest) = bytes.split_first_chunk().ok_or(Malformed("an exemplar is cut off"))?;
    *bytes = rest;
    Ok(*id)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or(Malformed("an exemplar is cut off"))?;
    *bytes = rest;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exemplar() -> impl Strategy<Value = Exemplar> {
        let labels = prop::collection::btree_map("[a-c]{1,3}", "[a-z]{1,3}", 0..3);
        (any::<[u8; 16]>(), any::<[u8; 8]>(), -1e9..1e9, labels).prop_map(|(trace, span, value, labels)| Exemplar {
            time: 5,
            value,
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            labels: Labels::new(labels),
        })
    }

    proptest! {
        #[test]
        fn exemplars_come_back(exemplars in prop::collection::vec(exemplar(), 0..20), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let times = vec![5; exemplars.len()];
            let mut bytes = Vec::new();
            encode(&exemplars, &mut bytes);
            prop_assert_eq!(&decode(&bytes, &times).unwrap(), &exemplars);
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = decode(&bytes, &times);
            let _ = decode(&bytes[..at], &times);
        }
    }
}
