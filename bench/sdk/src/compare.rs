//! Takes the peers of a row in turn, round by round, each in processes of its own, so that what disturbs the machine disturbs
//! them alike and none inherits another's heap.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::child::{Outcome, Round};
use crate::row::{Measure, Row};

/// How thorough a run is.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Processes a peer, one after the other.
    pub processes: usize,
    /// Rounds in each.
    pub rounds: usize,
}

impl Effort {
    pub const FULL: Self = Self { processes: 3, rounds: 7 };
    pub const QUICK: Self = Self { processes: 1, rounds: 5 };
}

/// What a peer did, over all its rounds.
#[derive(Default)]
pub struct Figures {
    pub rounds: Vec<Round>,
    pub outcome: Outcome,
    /// What one call delivers.
    pub delivers: String,
}

/// Measures a row; the figures are in the order of its peers.
pub fn compare(row: &Row, effort: Effort) -> Vec<Figures> {
    let effort = if row.measure == Measure::Heap { Effort { processes: effort.processes, rounds: 1 } } else { effort };
    let mut all: Vec<Figures> = row.peers.iter().map(|_| Figures::default()).collect();
    for _ in 0..effort.processes {
        let mut running: Vec<Running> = row.peers.iter().map(|peer| Running::start(row.name, peer.name)).collect();
        for (figures, process) in all.iter_mut().zip(&mut running) {
            figures.delivers = process.line();
        }
        for _ in 0..effort.rounds {
            for (figures, process) in all.iter_mut().zip(&mut running) {
                figures.rounds.push(process.round());
            }
        }
        for (figures, process) in all.iter_mut().zip(running) {
            figures.outcome.add(process.end());
        }
    }
    all
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.allocations = other.allocations;
        self.created += other.created;
        self.arrived += other.arrived;
        self.lost = other.lost.map(|lost| lost + self.lost.unwrap_or(0));
    }
}

/// A peer's process.
struct Running {
    /// For messages.
    what: String,
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Running {
    fn start(row: &str, peer: &str) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut process = Command::new(program)
            .args(["--child", row, peer])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let (to, from) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        Self { what: format!("{peer} at {row}"), process, to, from: BufReader::new(from) }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.from.read_line(&mut line).expect("the child writes text");
        if read == 0 {
            eprintln!("{} has ended; what it said of it is above", self.what);
            std::process::exit(1);
        }
        line.trim().to_owned()
    }

    fn ask<const N: usize>(&mut self, what: &str) -> [f64; N] {
        writeln!(self.to, "{what}").expect("the child listens");
        let line = self.line();
        let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
        numbers.try_into().expect("as many numbers as the child writes")
    }

    fn round(&mut self) -> Round {
        let [figure, other, segments, disturbed] = self.ask("round");
        Round { figure, other, segments: segments as u64, disturbed: disturbed as u64 }
    }

    fn end(mut self) -> Outcome {
        let [own, bytes, all, created, arrived, lost] = self.ask("end");
        drop(self.to);
        self.process.wait().expect("the child ends");
        let lost = (lost >= 0.0).then_some(lost as u64);
        Outcome { allocations: [own, bytes, all], created: created as u64, arrived: arrived as u64, lost }
    }
}
