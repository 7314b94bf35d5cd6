use proptest::prelude::*;

use super::*;

fn strings(values: &[impl AsRef<[u8]>]) -> Strings {
    let mut strings = Strings::default();
    values.iter().for_each(|value| strings.push(value.as_ref()));
    strings
}

fn encoded(values: &Strings) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(values, &mut bytes);
    bytes
}

fn decoded(bytes: &[u8], count: usize) -> Strings {
    let column = decode(bytes, count).unwrap();
    let mut strings = Strings::default();
    (0..column.len()).for_each(|at| strings.push(column.get(at)));
    strings
}

/// Columns of one kind of value, and some with values of another kind among them.
fn columns() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let kind = prop_oneof![
        Just("[0-9a-f]{16}"),
        Just("[0-9A-F]{3}-[0-9A-F]{4}"),
        Just("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        Just("ord-[0-9]{6}"),
        Just("[0-9]{1,21}"),
        Just("x[0-9]{25}"),
        Just("[0-9a-fA-F]{4}"),
        Just("/users/(0|[1-9][0-9]{0,4})/cart"),
        Just("user-1[0-9]{0,2}"),
        Just("a|b|c"),
        Just("\\PC{0,12}"),
        Just(""),
    ];
    (kind, proptest::option::weighted(0.2, any::<Vec<u8>>())).prop_flat_map(|(kind, other)| {
        let values = proptest::collection::vec(
            proptest::string::string_regex(kind).unwrap().prop_map(String::into_bytes),
            0..200,
        );
        (values, any::<prop::sample::Index>()).prop_map(move |(mut values, place)| {
            if let Some(other) = &other {
                values.insert(place.index(values.len() + 1), other.clone());
            }
            values
        })
    })
}

proptest! {
    #[test]
    fn strings_come_back(values in columns()) {
        let values = strings(&values);
        prop_assert_eq!(decoded(&encoded(&values), values.len()), values);
    }

    #[test]
    fn codes_are_the_strings_that_they_stand_for(values in columns(), places in proptest::collection::vec(any::<prop::sample::Index>(), 0..300)) {
        let distinct = strings(&values);
        let codes: Vec<u32> = places.iter().filter(|_| !values.is_empty()).map(|place| place.index(values.len()) as u32).collect();
        let mut bytes = Vec::new();
        encode_coded(distinct.len(), |code| distinct.get(code as usize), codes.iter().copied(), &mut bytes);
        let expected: Vec<&[u8]> = codes.iter().map(|code| distinct.get(*code as usize)).collect();
        prop_assert_eq!(decoded(&bytes, codes.len()), strings(&expected));
    }

    #[test]
    fn any_bytes_are_an_error_or_strings(
        values in columns(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        count in 0usize..500,
    ) {
        let mut bytes = encoded(&strings(&values));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        for (bytes, count) in [(bytes.as_slice(), values.len()), (&bytes, count), (&bytes[..cut.index(bytes.len())], count)] {
            if let Ok(column) = decode(bytes, count) {
                prop_assert_eq!(column.len(), count);
                (0..count).for_each(|at| drop(column.get(at).to_vec()));
            }
        }
    }
}

fn bytes_a_value(value: impl Fn(u64) -> String) -> f64 {
    let values: Vec<String> =
        (0..4096u64).map(|at| value(at.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ at)).collect();
    encoded(&strings(&values)).len() as f64 / 4096.0
}

#[test]
fn ids_as_text_take_what_their_digits_take() {
    assert!(bytes_a_value(|random| format!("{random:016x}")) < 8.1);
    assert!(bytes_a_value(|random| format!("{random:016X}")) < 8.1);
    let uuid = |random: u64| {
        let text = format!("{random:016x}{:016x}", random.wrapping_mul(0xd6e8_feb8_6659_fd93));
        format!("{}-{}-4{}-8{}-{}", &text[..8], &text[8..12], &text[12..15], &text[15..18], &text[18..30])
    };
    assert!(bytes_a_value(uuid) < 15.1);
    assert!(bytes_a_value(|random| format!("ord-{:06}", random % 1_000_000)) < 2.6);
    assert!(bytes_a_value(|random| format!("/users/{}/cart", random % 1_000_000)) < 2.6);
    assert!(bytes_a_value(|random| ["GET", "PUT", "POST", "DELETE"][random as usize % 4].to_owned()) < 0.27);
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let mut lengths = Vec::new();
    ints::encode(&[u64::from(u32::MAX >> 2)], &mut lengths);
    let mut bytes = vec![PLAIN, 0, lengths.len() as u8];
    bytes.append(&mut lengths);
    // A frame of zstd that says the same.
    bytes.push(1);
    varint::put(u64::from(u32::MAX >> 2), &mut bytes);
    bytes.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd]);
    assert!(decode(&bytes, 1).is_err());
}
