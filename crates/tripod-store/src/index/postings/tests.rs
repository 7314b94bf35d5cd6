use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::hash;
use super::super::tests::Memory;
use super::sketch::Sketch;
use super::*;

/// Blocks and rows of each pair.
type Model = BTreeMap<(String, String), (BTreeSet<u32>, u64)>;

/// What a part's postings hold, and which pairs its filters would.
struct Built {
    section: Memory,
    postings: Postings,
    filtered: BTreeSet<(u32, String, String)>,
}

fn written(write: impl FnOnce(&mut Sink<'_>) -> Result<(), StoreError>) -> Memory {
    let mut bytes = Vec::new();
    write(&mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    Memory::new(bytes)
}

fn build(pairs: &BTreeMap<(u32, String, String), u64>) -> Built {
    let mut builder = Builder::default();
    let mut filtered = BTreeSet::new();
    for ((block, key, value), rows) in pairs {
        if !builder.add(*block, key, value, *rows) {
            filtered.insert((*block, key.clone(), value.clone()));
        }
    }
    let section = written(|sink| builder.finish(sink));
    let postings = Postings::open(&section).unwrap();
    Built { section, postings, filtered }
}

fn model<'a>(pairs: impl IntoIterator<Item = (&'a (u32, String, String), &'a u64)>) -> Model {
    let mut model = Model::new();
    for ((block, key, value), rows) in pairs {
        let of_pair = model.entry((key.clone(), value.clone())).or_default();
        of_pair.0.insert(*block);
        of_pair.1 += rows;
    }
    model
}

fn check(section: &Memory, postings: &Postings, filtered: &BTreeSet<(u32, String, String)>, model: &Model) {
    for ((key, value), (blocks, rows)) in model {
        let entry = postings.find(section, key, value).unwrap();
        let mut found: BTreeSet<u32> = entry.iter().flat_map(|entry| entry.blocks().unwrap()).collect();
        if filtered.iter().all(|(_, k, v)| (k, v) != (key, value)) {
            assert_eq!(entry.unwrap().rows, *rows, "{key} = {value}");
        }
        if !postings.is_complete(key) {
            found.extend(filtered.iter().filter(|(_, k, v)| (k, v) == (key, value)).map(|(block, ..)| *block));
        }
        assert_eq!(&found, blocks, "{key} = {value}");
    }
    for key in postings.keys() {
        let of_key = model.iter().filter(|((name, _), _)| *name == key.name);
        assert_eq!(key.rows, of_key.clone().map(|(_, (_, rows))| rows).sum::<u64>());
        // How near an estimate is to the number is the sketch's matter; here it must be that of all values.
        let mut all = Sketch::new();
        of_key.clone().for_each(|((name, value), _)| all.add(hash::pair(name, value)));
        let distinct = if key.is_complete() { of_key.count() as u64 } else { all.estimate().max(key.listed) };
        assert_eq!(key.distinct(), distinct, "values of {}", key.name);
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "ord-[0-9]{1,2}", "[äöü€]{1,3}", "x{250,260}"]
}

fn pairs() -> impl Strategy<Value = BTreeMap<(u32, String, String), u64>> {
    let blocks = prop_oneof![0u32..4, 0u32..300, Just(MAX_BLOCKS - 1), Just(MAX_BLOCKS)];
    proptest::collection::btree_map((blocks, "[kl]{1,2}", texts()), 1u64..100, 0..300)
}

proptest! {
    #[test]
    fn every_pair_is_in_the_postings_or_left_to_the_filters(pairs in pairs(), absent in texts()) {
        let built = build(&pairs);
        let model = model(&pairs);
        check(&built.section, &built.postings, &built.filtered, &model);
        for key in built.postings.keys() {
            prop_assert_eq!(key.is_complete(), built.filtered.iter().all(|(_, name, _)| *name != key.name));
            let known = built.postings.find(&built.section, &key.name, &absent).unwrap().is_some();
            prop_assert!(!known || model.contains_key(&(key.name.clone(), absent.clone())));
        }
    }

    #[test]
    fn values_are_listed_by_prefix(pairs in pairs(), prefix in "[abox]{0,2}") {
        let built = build(&pairs);
        for key in built.postings.keys() {
            let all = |prefix: &str| -> Vec<String> {
                built.postings.entries(&built.section, &key.name, prefix).map(|entry| entry.unwrap().value).collect()
            };
            prop_assert_eq!(all(&prefix), all("").into_iter().filter(|value| value.starts_with(&prefix)).collect::<Vec<_>>());
            prop_assert!(all("").is_sorted());
            prop_assert_eq!(all("").len() as u64, key.listed);
        }
    }

    #[test]
    fn merged_postings_are_those_of_the_parts(parts in proptest::collection::vec(pairs(), 1..4), fold in 1u32..9) {
        let built: Vec<Built> = parts.iter().map(build).collect();
        // Blocks of the parts take turns in the merged one, and some of them become one.
        let block = |part: usize, block: u32| (block < 300).then(|| block / fold * parts.len() as u32 + part as u32);
        let blocks: Vec<_> = (0..parts.len()).map(|part| move |number| block(part, number)).collect();
        let inputs: Vec<Input<'_>> = built
            .iter()
            .zip(&blocks)
            .map(|(built, block)| Input { postings: &built.postings, section: &built.section, block })
            .collect();
        let section = written(|sink| merge(&inputs, sink));
        let postings = Postings::open(&section).unwrap();

        // What lies in blocks that are no more is left out here, for its rows can't be told apart.
        let mut expected = Model::new();
        let mut filtered = BTreeSet::new();
        for (part, (pairs, built)) in parts.iter().zip(&built).enumerate() {
            for ((key, value), (blocks, rows)) in model(pairs) {
                let of_pair = expected.entry((key, value)).or_default();
                of_pair.0.extend(blocks.into_iter().filter_map(|number| block(part, number)));
                of_pair.1 += rows;
            }
            filtered.extend(built.filtered.iter().filter_map(|(number, key, value)| Some((block(part, *number)?, key.clone(), value.clone()))));
        }
        for ((key, value), (blocks, rows)) in &expected {
            let entry = postings.find(&section, key, value).unwrap();
            let exact = built.iter().all(|built| built.filtered.iter().all(|(_, k, v)| (k, v) != (key, value)));
            if let Some(entry) = entry.as_ref().filter(|_| exact) {
                prop_assert_eq!(entry.rows, *rows);
            }
            let mut found: BTreeSet<u32> = entry.iter().flat_map(|entry| entry.blocks().unwrap()).collect();
            if !postings.is_complete(key) {
                found.extend(filtered.iter().filter(|(_, k, v)| (k, v) == (key, value)).map(|(block, ..)| *block));
            }
            prop_assert_eq!(&found, blocks, "{} = {}", key, value);
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_postings(
        pairs in pairs(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = build(&pairs).section.bytes;
        for (place, byte) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
        let whole = Memory::new(bytes.clone());
        bytes.truncate(cut.index(bytes.len()));
        for section in [Memory::new(bytes.clone()), whole] {
            if let Ok(postings) = Postings::open(&section) {
                for (_, key, value) in pairs.keys() {
                    let _ = postings.find(&section, key, value);
                }
            }
        }
        // Behind the checksums.
        if let Ok(entries) = page::decode(&bytes) {
            entries.iter().for_each(|entry| drop(entry.blocks()));
        }
        let _ = set::decode(&bytes, MAX_BLOCKS);
    }

    #[test]
    fn a_set_comes_back(blocks in prop_oneof![
        proptest::collection::btree_set(0u32..40, 0..40),
        proptest::collection::btree_set(0..MAX_BLOCKS, 0..100),
        (0u32..3000, 0u32..3000).prop_map(|(first, len)| (first..first + len).collect()),
    ]) {
        let mut bytes = Vec::new();
        set::put(&blocks.iter().collect(), &mut bytes);
        let mut rest = bytes.as_slice();
        prop_assert_eq!(set::take(&mut rest).unwrap(), bytes.as_slice());
        prop_assert!(rest.is_empty());
        prop_assert_eq!(set::decode(&bytes, MAX_BLOCKS).unwrap().iter().collect::<BTreeSet<_>>(), blocks);
    }
}

#[test]
fn a_key_of_many_values_keeps_some_and_counts_all() {
    let pairs =
        (0..10_000).map(|number: u32| ((number / 500, "user.id".to_owned(), format!("user-{number:05}")), 2)).collect();
    let built = build(&pairs);
    let key = built.postings.key("user.id").unwrap();
    assert!(!key.is_complete());
    assert_eq!((key.rows, key.listed), (20_000, 1024));
    assert!(key.distinct().abs_diff(10_000) < 2_000, "{}", key.distinct());
    assert_eq!(built.filtered.len(), 10_000 - 1024);
    assert!(built.postings.has_all_keys());
    assert!(built.postings.is_complete("no such key"));
}

#[test]
fn postings_have_a_limit_of_bytes_and_say_what_they_lost() {
    let mut builder = Builder::default();
    let taken = (0..200_000).filter(|number| builder.add(0, &format!("key-{number:0100}"), "value", 1)).count();
    assert!((10_000..100_000).contains(&taken), "{taken}");
    let section = written(|sink| builder.finish(sink));
    let postings = Postings::open(&section).unwrap();
    assert!(!postings.has_all_keys());
    assert!(!postings.is_complete("another key"));
}

#[test]
fn a_look_up_reads_one_page() {
    let pairs =
        (0..1000).map(|number: u32| ((number % 7, "route".to_owned(), format!("/orders/{number}")), 1)).collect();
    let built = build(&pairs);
    built.section.reads.set(0);
    assert_eq!(built.postings.find(&built.section, "route", "/orders/77").unwrap().unwrap().rows, 1);
    assert_eq!(built.section.reads.get(), 1);
    assert!(built.section.bytes.len() < 11 * 1000, "{}", built.section.bytes.len());
}
