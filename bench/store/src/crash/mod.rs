//! Kills the store with `kill -9` at random moments under load, again and again, and looks what is there afterwards.
//!
//! A child process appends from four threads and says what was acknowledged; its memory tables and segments are small, so that
//! flushes, merges, swaps of the manifest and retention go on all the time. Then the store is opened here, and checked: nothing
//! acknowledged is lost (but for what retention may drop: the oldest), no request is there in part, nothing is there twice, no
//! part is unreadable. What was under way at the moment of the kill is told from the files that it left.

mod check;
mod child;
mod files;
mod units;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub use child::run as child;

use self::check::Known;
use self::units::SIGNALS;
use crate::arguments::Arguments;
use crate::report::{short, table};

/// Rounds with one directory, which then is checked as a whole and given up.
const ROUNDS_A_LIFE: u64 = 20;
/// Bytes of a signal's parts in a life with retention.
const LIMIT: u64 = 4 << 20;

/// What all rounds in which the same was under way came to.
#[derive(Default)]
struct Row {
    rounds: u64,
    acknowledged: u64,
    /// Requests that were on disk though their sender had not been told yet: allowed.
    unacknowledged: u64,
    opened: Duration,
}

pub fn run(arguments: &Arguments) {
    let rounds: u64 = arguments.get("--rounds").unwrap_or(200);
    let dir: PathBuf = arguments.get("--dir").unwrap_or_else(|| std::env::temp_dir().join("tripod-store-crash"));
    let seed = arguments.get("--seed").unwrap_or_else(|| fastrand::u64(..));
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let (mut acknowledged, mut dropped) = (0, 0);
    let mut known = Known::default();
    for round in 0..rounds {
        let limit = (round / ROUNDS_A_LIFE % 2 == 1).then_some(LIMIT);
        if round % ROUNDS_A_LIFE == 0 {
            let _ = std::fs::remove_dir_all(&dir);
            known = Known::new(round, limit);
        }
        // One in five is killed while it starts, before it has said anything.
        let early = rng.u8(0..5) == 0;
        let after = Duration::from_micros(if early { rng.u64(0..60_000) } else { rng.u64(5_000..600_000) });
        let said = run_and_kill(&dir, &known, early, after);
        for (signal, unit) in &said {
            known.acknowledge(*signal, *unit);
        }
        acknowledged += said.len() as u64;
        let left = files::list(&dir);
        let begin = Instant::now();
        let (store, recovery) = units::open(&dir, known.limit);
        let opened = begin.elapsed();
        assert!(recovery.damaged.is_empty(), "round {round}, seed {seed}: {:?}", recovery.damaged);
        let whole = round % ROUNDS_A_LIFE == ROUNDS_A_LIFE - 1 || round + 1 == rounds;
        let found = check::check(&store, &mut known, whole).unwrap_or_else(|what| {
            panic!("round {round}, seed {seed}, {}: {what}", dir.display());
        });
        drop(store);
        dropped += found.dropped;
        for what in files::under_way(&left, &files::list(&dir), recovery.truncated_bytes, early) {
            let row = rows.entry(what).or_default();
            row.rounds += 1;
            row.acknowledged += said.len() as u64;
            row.unacknowledged += found.unacknowledged;
            row.opened = row.opened.max(opened);
        }
        if (round + 1).is_multiple_of(10) {
            eprintln!("{} of {rounds} rounds, {acknowledged} requests acknowledged", round + 1);
        }
    }

    let header = ["under way when killed", "rounds", "requests acknowledged", "kept unacknowledged", "slowest start"];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(rows.into_iter().map(|(what, row)| {
        let numbers = [row.rounds, row.acknowledged, row.unacknowledged].map(|number| short(number as f64));
        let mut cells = vec![what];
        cells.extend(numbers);
        cells.push(format!("{} ms", short(row.opened.as_secs_f64() * 1e3)));
        cells
    }));
    println!(
        "# kill -9, {rounds} rounds\n\n{} requests of {} were acknowledged. None was lost but {} of the oldest, which retention dropped; \
         none was there in part or twice; no part was unreadable. Several things may have been under way in a round.\n\n{}",
        short(acknowledged as f64),
        SIGNALS.join(", "),
        short(dropped as f64),
        table(&lines)
    );
    let _ = std::fs::remove_dir_all(&dir);
}

/// Runs the child until it is killed; what it acknowledged.
fn run_and_kill(dir: &Path, known: &Known, early: bool, after: Duration) -> Vec<(usize, u64)> {
    let mut child = spawn(dir, known);
    let (tell, first) = mpsc::channel();
    let mut lines = BufReader::new(child.stdout.take().expect("it has been asked for")).lines();
    // Read all the time: the child must not wait for a full pipe.
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        while let Some(Ok(line)) = lines.next() {
            let Some((signal, unit)) = line.split_once(' ') else { continue };
            let (Ok(signal), Ok(unit)) = (signal.parse(), unit.parse()) else { continue };
            if said.is_empty() {
                let _ = tell.send(());
            }
            said.push((signal, unit));
        }
        said
    });
    if !early && first.recv_timeout(Duration::from_secs(60)).is_err() {
        let ended = child.try_wait();
        let _ = child.kill();
        panic!("the program acknowledged nothing; it {ended:?}");
    }
    thread::sleep(after);
    assert!(matches!(child.try_wait(), Ok(None)), "the program ended by itself");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    reader.join().expect("the reader ends with the pipe")
}

fn spawn(dir: &Path, known: &Known) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program's path"));
    command.arg("crash-child").arg("--dir").arg(dir).args(known.arguments());
    command.stdout(Stdio::piped()).spawn().expect("the program starts")
}
