use proptest::prelude::*;
use tripod_wire::otlp::{AnyValue, KeyValue};
use tripod_wire::proto::{Message, put_bytes};

use super::*;
use crate::records::value::tests::any_value;
use crate::records::{ColumnSet, ColumnSource, Pick, Picks};

fn rows() -> impl Strategy<Value = Vec<Vec<KeyValue>>> {
    let attribute = ("[a-d]{0,1}", any_value()).prop_map(|(key, value)| KeyValue { key, value });
    proptest::collection::vec(proptest::collection::vec(attribute, 0..6), 0..20)
}

/// Rows as they come: read out of protobuf.
fn read(rows: &[Vec<KeyValue>]) -> Attributes {
    let mut attributes = Attributes::default();
    for row in rows {
        let mut bytes = Vec::new();
        row.iter().for_each(|attribute| put_bytes(&mut bytes, 9, &attribute.encode_to_vec()));
        let mut reader = Reader::new(&bytes, "Span");
        while let Some((_, wire_type)) = reader.next_field().unwrap() {
            attributes.read(&mut reader, wire_type).unwrap();
        }
        attributes.end_row();
    }
    attributes
}

/// Rows in protobuf, in which NaN equals itself.
fn bytes(attributes: &Attributes) -> Vec<Vec<Vec<u8>>> {
    let attribute = |(key, value): (&str, ValueRef<'_>)| KeyValue::new(key, value.to_any()).encode_to_vec();
    (0..attributes.rows()).map(|at| attributes.row(at).map(attribute).collect()).collect()
}

fn expected(rows: &[Vec<KeyValue>]) -> Vec<Vec<Vec<u8>>> {
    rows.iter().map(|row| row.iter().map(Message::encode_to_vec).collect()).collect()
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were_sent(rows in rows()) {
        let attributes = read(&rows);
        prop_assert_eq!(bytes(&attributes), expected(&rows));
        let mut columns = ColumnSet::default();
        attributes.encode("a", &mut columns);
        let decoded = Attributes::decode("a", rows.len(), &columns).unwrap();
        prop_assert_eq!(bytes(&decoded), expected(&rows));
    }

    #[test]
    fn rows_are_gathered_in_any_order_from_several_sources(
        first in rows(), second in rows(), order in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..60),
    ) {
        let mut columns = ColumnSet::default();
        read(&second).encode("a", &mut columns);
        let attributes = [read(&first), Attributes::decode("a", second.len(), &columns).unwrap()];
        let rows = [first, second];
        let picks: Vec<Pick> = order
            .into_iter()
            .filter(|(source, _)| !rows[usize::from(*source)].is_empty())
            .map(|(source, at)| Pick { source: source.into(), row: at.index(rows[usize::from(source)].len()) as u32 })
            .collect();
        let mut gathered = Attributes::default();
        // In two steps: what is added to what is there.
        let (some, others) = picks.split_at(picks.len() / 3);
        for picks in [some, others] {
            gathered.push_rows(Picks { sources: &[&attributes[0], &attributes[1]], picks }, |attributes| attributes);
        }
        let wanted: Vec<_> = picks.iter().map(|pick| rows[pick.source as usize][pick.row as usize].clone()).collect();
        prop_assert_eq!(bytes(&gathered), expected(&wanted));
        let mut columns = ColumnSet::default();
        gathered.encode("a", &mut columns);
        prop_assert_eq!(bytes(&Attributes::decode("a", wanted.len(), &columns).unwrap()), expected(&wanted));
    }

    /// Texts that repeat are kept otherwise than those that do not, and a column may go from the one to the other.
    #[test]
    fn texts_come_back_whether_or_not_they_repeat(
        sizes in prop::collection::vec((1u64..400, 1u64..300), 2..5), expected in 0usize..500, turn in 1usize..7,
    ) {
        let text = |at: u64, of: u64| format!("text {}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % of);
        let rows: Vec<Vec<String>> =
            sizes.iter().map(|(rows, of)| (0..*rows).map(|at| text(at, *of)).collect()).collect();
        let sources: Vec<Attributes> = rows
            .iter()
            .map(|texts| {
                let mut attributes = Attributes::default();
                attributes.expect(expected);
                for text in texts {
                    attributes.push("key", ValueRef::Str(text));
                    attributes.end_row();
                }
                attributes
            })
            .collect();
        let longest = rows.iter().map(Vec::len).max().unwrap_or_default();
        let picks: Vec<Pick> = (0..longest)
            .flat_map(|row| (0..rows.len()).map(move |source| (source, row * turn)))
            .map(|(source, row)| Pick { source: source as u32, row: (row % rows[source].len()) as u32 })
            .collect();
        let mut gathered = Attributes::default();
        let sources: Vec<&Attributes> = sources.iter().collect();
        gathered.push_rows(Picks { sources: &sources, picks: &picks }, |attributes| attributes);
        let mut columns = ColumnSet::default();
        gathered.encode("a", &mut columns);
        let decoded = Attributes::decode("a", picks.len(), &columns).unwrap();
        let mut counts = std::collections::HashMap::new();
        for (at, pick) in picks.iter().enumerate() {
            let text = rows[pick.source as usize][pick.row as usize].as_str();
            *counts.entry(text.to_owned()).or_insert(0) += 1;
            prop_assert_eq!(gathered.get(at, "key"), Some(ValueRef::Str(text)));
            prop_assert_eq!(decoded.get(at, "key"), Some(ValueRef::Str(text)));
        }
        for attributes in [&gathered, &decoded] {
            let mut counted = std::collections::HashMap::new();
            attributes.distinct(0, &mut |text, times| *counted.entry(String::from_utf8_lossy(text).into_owned()).or_insert(0) += times);
            prop_assert_eq!(&counted, &counts);
        }
    }

    #[test]
    fn a_key_is_found_in_memory_and_on_disk(rows in rows(), key in "[a-d]{0,1}", text in any_value()) {
        let attributes = read(&rows);
        let mut columns = ColumnSet::default();
        attributes.encode("a", &mut columns);
        let one = Attributes::decode_key("a", rows.len(), &key, &columns).unwrap();
        let all = Attributes::decode("a", rows.len(), &columns).unwrap();
        let values = rows.iter().flatten().map(|attribute| &attribute.value);
        for text in values.chain([&text]).map(AnyValue::to_string) {
            let has = |row: &[KeyValue]| row.iter().any(|attribute| attribute.key == key && attribute.value.to_string() == text);
            let wanted: Vec<u32> = (0..).zip(&rows).filter(|(_, row)| has(row)).map(|(at, _)| at).collect();
            for attributes in [&attributes, &one, &all] {
                prop_assert_eq!(&attributes.rows_with(&key, &text), &wanted);
            }
        }
        for (at, row) in rows.iter().enumerate() {
            let wanted = row.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.value.encode_to_vec());
            for attributes in [&attributes, &one] {
                prop_assert_eq!(attributes.get(at, &key).map(|value| value.to_any().encode_to_vec()), wanted.clone());
            }
            prop_assert!(one.row(at).all(|(other, _)| other == key));
        }
    }

    #[test]
    fn columns_that_were_changed_are_refused_or_read_but_never_a_panic(rows in rows(), column in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bits in 1u8..) {
        let mut columns = ColumnSet::default();
        read(&rows).encode("a", &mut columns);
        prop_assume!(columns.len() > 0);
        let names: Vec<String> = columns.names().into_iter().map(str::to_owned).collect();
        let changed = &names[column.index(names.len())];
        let mut damaged = ColumnSet::default();
        for (name, bytes) in columns.iter() {
            let mut bytes = bytes.to_vec();
            if name == changed && !bytes.is_empty() {
                let at = byte.index(bytes.len());
                bytes[at] ^= bits;
            }
            damaged.add(name, |out| out.extend_from_slice(&bytes));
        }
        if let Ok(decoded) = Attributes::decode("a", rows.len(), &damaged) {
            prop_assert_eq!(self::bytes(&decoded).len(), rows.len());
        }
    }
}

#[test]
fn a_value_that_comes_in_two_pieces_is_what_the_decoder_makes_of_it() {
    let list = |value: i64| KeyValue::new("a", AnyValue::Array(vec![AnyValue::Int(value)])).encode_to_vec();
    for pieces in [
        vec![list(1), list(2), list(3)],
        vec![list(1), KeyValue::new("", 7).encode_to_vec()],
        vec![vec![0x12, 0], list(4)],
    ] {
        let message = pieces.concat();
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, 9, &message);
        let mut reader = Reader::new(&bytes, "Span");
        let (_, wire_type) = reader.next_field().unwrap().unwrap();
        let mut attributes = Attributes::default();
        attributes.read(&mut reader, wire_type).unwrap();
        attributes.end_row();
        let (key, value) = attributes.row(0).next().unwrap();
        assert_eq!(KeyValue::new(key, value.to_any()), KeyValue::decode(&message).unwrap());
    }
}

#[test]
fn keys_are_named_once_in_the_order_they_came() {
    let rows =
        [vec![KeyValue::new("b", 1), KeyValue::new("a", "x")], vec![KeyValue::new("b", "y"), KeyValue::new("c", 2)]];
    let attributes = read(&rows);
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!((attributes.rows(), attributes.cells()), (2, 4));
}

#[test]
fn what_it_says_of_its_memory_is_about_what_it_takes() {
    let row = |at: i64| {
        let texts = (0..6).map(|key| KeyValue::new(format!("key-{key}"), format!("value-{}", at * key)));
        texts.chain([KeyValue::new("number", at), KeyValue::new("ok", at % 2 == 0)]).collect()
    };
    let attributes = read(&(0..4096).map(row).collect::<Vec<Vec<_>>>());
    let taken = attributes.capacity();
    assert!((taken / 2..taken * 2).contains(&attributes.memory()), "{} of {taken}", attributes.memory());
    // With eight attributes, the target of 350 bytes a span leaves room for what else it has.
    assert!(taken / 4096 < 250, "{} bytes a row", taken / 4096);
}

impl Attributes {
    /// Bytes that were allocated for what grows with the rows.
    fn capacity(&self) -> usize {
        let values = self.columns.iter().map(|column| column.values.capacity());
        self.cells.capacity() * 4 + self.rows.capacity() * size_of::<Row>() + values.sum::<usize>()
    }
}
