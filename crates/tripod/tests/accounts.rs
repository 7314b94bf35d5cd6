//! Every record is accounted for, whatever an exporter answers: it is taken once, or filtered, or counted as lost.

mod common;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::telemetry_with;
use tripod::{Batch, DropReason, ExportError, Exported, Exporter, Filter, Output, Records};
use tripod_wire::otlp::TracesData;
use tripod_wire::proto::Message;

/// Answers as chance has it; keeps the names of the spans that it takes, and the sizes of all batches.
struct Whimsical {
    random: u64,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    names: Vec<String>,
    largest: u64,
}

impl Whimsical {
    /// The same from run to run: xorshift.
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }
}

impl Exporter for Whimsical {
    fn name(&self) -> &'static str {
        "whimsical"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let largest = self.kept.lock().unwrap().largest.max(batch.records);
        self.kept.lock().unwrap().largest = largest;
        let reason = "a whim".to_owned();
        match self.below(12) {
            0 => return Err(ExportError::Retry { after: Some(Duration::from_millis(1)), reason }),
            1..4 => return Err(ExportError::TooLarge { reason }),
            4 => return Err(ExportError::Permanent { reason }),
            5 => std::panic::resume_unwind(Box::new("a whim")),
            _ => {}
        }
        let request = TracesData::decode(&batch.body).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let names = scopes.flat_map(|scope| scope.spans).map(|span| span.name);
        let rejected = self.below(3).min(batch.records);
        self.kept.lock().unwrap().names.extend(names.skip(rejected as usize));
        Ok(Exported { rejected, reason })
    }
}

/// Spans through an output with a filter; small and large batches, with and without a spool.
fn run(seed: u64, max_batch: usize, spool: bool) {
    const SPANS: u64 = 1000;
    let (folder, kept) = (tempfile::tempdir().unwrap(), Arc::<Mutex<Kept>>::default());
    let whimsical = Whimsical { random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), kept: Arc::clone(&kept) };
    let filter = Filter::new().drop(Records::spans().name("*3"));
    let output = Output::new(whimsical).filter(filter).max_batch(max_batch).schedule_delay(Duration::from_millis(20));
    let telemetry = telemetry_with(|builder| {
        let builder = builder.metrics(false).logs(false).max_batch(30).schedule_delay(Duration::from_millis(1));
        let builder = builder.record_memory(64 << 20).shutdown_timeout(common::PATIENCE);
        let builder = builder.exporter(output.queue_memory(if spool { 12 << 10 } else { 32 << 20 }));
        if spool { builder.spool(folder.path(), 1 << 20) } else { builder }
    });
    for n in 0..SPANS {
        tripod::span!(format!("{n}")).end();
    }
    telemetry.flush();
    let stats = telemetry.stats();
    let spans = &stats.exporters.iter().find(|exporter| exporter.name == "whimsical").unwrap().spans;
    let what = format!("seed {seed}, at most {max_batch}, spool {spool}: {spans:?}");
    let kept = kept.lock().unwrap();
    let once: HashSet<_> = kept.names.iter().collect();
    assert_eq!((kept.names.len() as u64, once.len() as u64), (spans.exported, spans.exported), "{what}");
    assert!(kept.names.iter().all(|name| !name.ends_with('3')) && kept.largest <= max_batch as u64, "{what}");
    assert_eq!((spans.offered, spans.queued), (SPANS, 0), "{what}");
    assert_eq!(spans.offered, spans.exported + spans.dropped() + spans.filtered, "{what}");
    // What found no room was not looked at.
    let full = spans.dropped_by_reason[DropReason::QueueFull as usize];
    assert!(spans.filtered <= SPANS / 10 && spans.filtered + full >= SPANS / 10, "{what}");
    assert!(spans.exported > SPANS / 100, "{what}");
}

#[test]
fn whatever_an_exporter_answers_every_record_is_taken_once_filtered_or_counted_as_lost() {
    for seed in 1..=2 {
        run(seed, 11, false);
        run(seed, 200, false);
    }
}

#[test]
fn and_so_it_is_where_batches_go_by_disk() {
    run(4, 60, true);
    run(5, 200, true);
}
