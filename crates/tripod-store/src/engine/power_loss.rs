//! The engine on a disk that loses power at any operation, that fails at any, and that fills up: what was acknowledged is there
//! once, and no part is unreadable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::testing::Harness;
use super::toy::{Row, Toy, all, request};
use super::{Durability, Keep, Options, RecordKind, Retention};
use crate::StoreError;
use crate::disk::simulated::{Random, SimulatedDisk};

const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

/// Rows of days before this one are dropped by retention.
const KEPT_FROM: u64 = 2;

fn options() -> Options {
    let keep = Keep { age: Some(Duration::from_nanos(DAY)), bytes: None };
    Options {
        memory_limit: 9 * 64,
        segment_bytes: 300,
        wal_bytes: 1000,
        merge_share: 1.0,
        min_free_bytes: 0,
        retention: Retention { samples: keep, ..Retention::default() },
        ..Options::new("/data/store")
    }
}

fn open(disk: &SimulatedDisk) -> Result<Harness<Toy>, StoreError> {
    Harness::open_with(Arc::new(disk.clone()), options(), Toy::default())
}

/// What a program did, and what it was told.
#[derive(Debug, Default)]
struct Model {
    next: u64,
    acknowledged: Vec<Row>,
}

impl Model {
    /// Some appends and background work, as a seed decides; ends when the store can't be opened any more.
    fn run(&mut self, disk: &SimulatedDisk, steps: u64, random: &mut Random) {
        let Ok(mut store) = open(disk) else { return };
        for _ in 0..steps {
            match random.below(12) {
                0 => drop(store.engine.flush()),
                1 => drop(store.engine.flush_all()),
                2 => drop(store.engine.merge(9 * DAY)),
                3 => drop(store.engine.retain((KEPT_FROM + 1) * DAY)),
                4 => {
                    drop(store);
                    match open(disk) {
                        Ok(again) => store = again,
                        Err(_) => return,
                    }
                }
                _ => self.append(&store, random),
            }
        }
    }

    fn append(&mut self, store: &Harness<Toy>, random: &mut Random) {
        let count = 1 + random.below(4);
        let rows: Vec<Row> = (0..count).map(|at| (random.below(4) * DAY, self.next + at)).collect();
        self.next += count;
        if store.append(RecordKind::Logs, &request(&rows)).is_ok() {
            self.acknowledged.extend(rows);
        }
    }

    /// Everything that was acknowledged is found once, what was not at most once, and nothing else.
    fn check(&self, store: &Harness<Toy>) {
        assert_eq!(store.recovery.damaged, [], "nothing that a crash leaves is damage");
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        for (_, value) in all(&store.view()).unwrap() {
            *found.entry(value).or_default() += 1;
        }
        for (time, value) in &self.acknowledged {
            let dropped = *time < KEPT_FROM * DAY;
            assert!(dropped || found.contains_key(value), "row {value} was acknowledged and is lost");
        }
        assert!(found.iter().all(|(value, count)| *count == 1 && *value < self.next), "{found:?}");
        assert!(store.verify().is_empty());
    }
}

/// Opens what a loss of power left, checks it, and sees that it goes on to work and survives the next one.
fn check_after_power_loss(disk: &SimulatedDisk, mut model: Model, random: &mut Random) {
    let disk = disk.power_cycle(random);
    let store = open(&disk).unwrap();
    model.check(&store);
    drop(store);
    model.run(&disk, 12, random);
    let disk = disk.power_cycle(random);
    model.check(&open(&disk).unwrap());
}

#[test]
fn the_power_may_go_at_any_operation() {
    let (seed, steps) = (7, 50);
    let whole = SimulatedDisk::default();
    Model::default().run(&whole, steps, &mut Random::new(seed));
    for cut in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.cut_at(cut);
        let mut model = Model::default();
        model.run(&disk, steps, &mut Random::new(seed));
        check_after_power_loss(&disk, model, &mut Random::new(cut));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_power_may_go_at_random(seed in any::<u64>(), cut in 0u64..1500, loss in any::<u64>()) {
        let disk = SimulatedDisk::default();
        disk.cut_at(cut);
        let mut model = Model::default();
        model.run(&disk, 200, &mut Random::new(seed));
        check_after_power_loss(&disk, model, &mut Random::new(loss));
    }

    #[test]
    fn any_operation_may_fail_once(seed in any::<u64>(), fail in 0u64..600, loss in any::<u64>()) {
        let disk = SimulatedDisk::default();
        disk.fail_at(fail);
        let mut model = Model::default();
        model.run(&disk, 80, &mut Random::new(seed));
        model.run(&disk, 20, &mut Random::new(seed + 1));
        check_after_power_loss(&disk, model, &mut Random::new(loss));
    }

    #[test]
    fn a_disk_that_fills_up_refuses_what_comes_and_goes_on_when_there_is_room(
        seed in any::<u64>(), capacity in 300u64..6000, loss in any::<u64>(),
    ) {
        let disk = SimulatedDisk::default();
        disk.fill_at(capacity);
        let mut model = Model::default();
        model.run(&disk, 80, &mut Random::new(seed));
        disk.fill_at(u64::MAX);
        let before = model.acknowledged.len();
        model.run(&disk, 30, &mut Random::new(seed + 1));
        prop_assert!(model.acknowledged.len() > before);
        check_after_power_loss(&disk, model, &mut Random::new(loss));
    }
}

#[test]
fn a_full_disk_says_so_with_its_numbers() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    disk.fill_at(disk.used() + 10);
    let error = store.append(RecordKind::Logs, &request(&[(0, 1)])).unwrap_err();
    assert!(matches!(&error, StoreError::Full { path, needed: 25, .. } if path.starts_with("/data/store")), "{error}");
    disk.fill_at(u64::MAX);
    store.append(RecordKind::Logs, &request(&[(0, 2)])).unwrap();
    assert_eq!(all(&store.view()).unwrap(), [(0, 2)]);
}

#[test]
fn rows_that_can_not_be_written_are_refused_until_they_can() {
    let disk = SimulatedDisk::default();
    let store = open(&disk).unwrap();
    let append = |value| store.engine.append(&store.table, RecordKind::Logs, &request(&[(3 * DAY, value); 5]));
    for value in 0..3 {
        append(value).unwrap();
    }
    assert_eq!(store.table.frozen(), 2);
    disk.fail_at(disk.operations());
    store.engine.flush().unwrap_err();
    let error = append(3).unwrap_err();
    assert!(matches!(error, StoreError::Overloaded { waiting: 128, limit: 128 }), "{error}");
    store.engine.flush().unwrap();
    append(4).unwrap();
    assert_eq!(all(&store.view()).unwrap().len(), 4 * 5);
}

#[test]
fn what_is_answered_before_it_is_on_disk_survives_from_the_sync_on() {
    let disk = SimulatedDisk::default();
    let options = Options { durability: Durability::None, ..options() };
    let open =
        |disk: &SimulatedDisk| Harness::open_with(Arc::new(disk.clone()), options.clone(), Toy::default()).unwrap();
    let store = open(&disk);
    let append = |store: &Harness<Toy>, value| store.append(RecordKind::Logs, &request(&[(3 * DAY, value)])).unwrap();
    append(&store, 1);
    store.engine.wal.sync().unwrap();
    append(&store, 2);
    let found: Vec<usize> = (0..50)
        .map(|seed| {
            let after = open(&disk.power_cycle(&mut Random::new(seed)));
            let rows = all(&after.view()).unwrap();
            assert_eq!((rows[0], after.recovery.damaged.len()), ((3 * DAY, 1), 0));
            rows.len()
        })
        .collect();
    assert!(found.contains(&1) && found.contains(&2));
}

#[test]
fn what_the_log_lost_in_a_failed_sync_is_written_as_parts() {
    for rotates in [false, true] {
        let disk = SimulatedDisk::default();
        let options = Options { durability: Durability::None, segment_bytes: 100, ..options() };
        let store = Harness::open_with(Arc::new(disk.clone()), options.clone(), Toy::default()).unwrap();
        let append = |rows: &[Row]| store.append(RecordKind::Logs, &request(rows));
        append(&[(3 * DAY, 1)]).unwrap();
        disk.fail_at(disk.operations());
        if rotates {
            // A new segment is begun when the one before is on disk.
            append(&[(3 * DAY, 2); 4]).unwrap_err();
            store.engine.flush().unwrap();
        } else {
            store.engine.sync().unwrap();
        }
        for seed in 0..20 {
            let disk = disk.power_cycle(&mut Random::new(seed));
            let store = Harness::open_with(Arc::new(disk), options.clone(), Toy::default()).unwrap();
            assert_eq!((all(&store.view()).unwrap(), store.recovery.damaged.len()), (vec![(3 * DAY, 1)], 0));
        }
    }
}
