//! Requests through a pipe: who makes them has a process and a core of its own, and nothing of it counts for who takes them.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::arguments::Arguments;
use crate::data::logs::Logs;
use crate::data::samples::Samples;
use crate::data::spans::Spans;
use crate::data::{Origin, Source};

/// What is made.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub signal: &'static str,
    pub origin: Origin,
    /// Spans or log records; series.
    pub count: u64,
    /// Of samples: how often each series is scraped.
    pub scrapes: i64,
}

impl Load {
    /// As arguments of a process.
    pub fn arguments(&self) -> Vec<String> {
        let Origin { seed, start } = self.origin;
        let numbers =
            [("--seed", seed), ("--start", start), ("--count", self.count), ("--scrapes", self.scrapes as u64)];
        let mut arguments = vec!["--signal".to_owned(), self.signal.to_owned()];
        arguments.extend(numbers.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]));
        arguments
    }

    pub fn of(arguments: &Arguments) -> Self {
        let signal: String = arguments.need("--signal");
        let known = ["spans", "logs", "samples"];
        Self {
            signal: known.into_iter().find(|known| *known == signal).expect("--signal is spans, logs or samples"),
            origin: Origin { seed: arguments.need("--seed"), start: arguments.need("--start") },
            count: arguments.need("--count"),
            scrapes: arguments.need("--scrapes"),
        }
    }

    pub fn source(&self) -> Box<dyn Source> {
        match self.signal {
            "spans" => Box::new(Spans::new(self.origin, self.count)),
            "logs" => Box::new(Logs::new(self.origin, self.count)),
            _ => Box::new(Samples::new(self.origin, self.count as usize, self.scrapes)),
        }
    }

    /// Starts who makes it, on the second core.
    pub fn spawn(&self) -> Child {
        let mut command = crate::process::on_core(1, std::env::current_exe().expect("this program's path"));
        command.arg("make").args(self.arguments()).stdout(Stdio::piped()).spawn().expect("the producer starts")
    }

    /// Gives it to a process as its standard input, waits for both, and returns what the process printed.
    pub fn pour(&self, command: &mut Command) -> String {
        let mut producer = self.spawn();
        let pipe = producer.stdout.take().expect("it has been asked for");
        let output = command.stdin(pipe).stderr(Stdio::inherit()).output().expect("the process starts");
        // Without its reader's end: who reads may have been killed.
        drop(std::mem::replace(command, Command::new("true")));
        let _ = producer.wait();
        String::from_utf8(output.stdout).expect("text")
    }
}

/// Writes all requests to the standard output. Ends quietly when nobody reads any more. `--batch` says how many spans a request has.
pub fn make(arguments: &Arguments) {
    let load = Load::of(arguments);
    let mut source: Box<dyn Source> = match arguments.get("--batch") {
        Some(batch) if load.signal == "spans" => Box::new(Spans::batched(load.origin, load.count, batch)),
        _ => load.source(),
    };
    let mut out = std::io::stdout().lock();
    let mut request = Vec::new();
    widen(1);
    while let Some(records) = source.next(&mut request) {
        let head = [(request.len() as u32).to_le_bytes(), (records as u32).to_le_bytes()].concat();
        if out.write_all(&head).and_then(|()| out.write_all(&request)).is_err() {
            return;
        }
    }
}

/// The next request from the standard input, and how many records it has. Any number of threads may ask.
pub fn next(request: &mut Vec<u8>) -> Option<u64> {
    let mut input = std::io::stdin().lock();
    let mut head = [0; 8];
    input.read_exact(&mut head).ok()?;
    let [len, records] = [&head[..4], &head[4..]].map(|half| u32::from_le_bytes(half.try_into().expect("four bytes")));
    request.resize(len as usize, 0);
    input.read_exact(request).ok()?;
    Some(u64::from(records))
}

/// As much room in a pipe as the kernel gives to everybody: fewer changes of process.
pub fn widen(descriptor: i32) {
    // SAFETY: changes a pipe's size; on anything else it fails, which is as well.
    unsafe { libc::fcntl(descriptor, libc::F_SETPIPE_SZ, 1 << 20) };
}
