//! The program `push`: records known metrics and spans, and is told by its environment where they go.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The program, after it has recorded and sent everything.
#[derive(Debug)]
pub struct Push {
    child: Child,
    /// What it says: `delivered`, and under `exporters` what became of the `spans` and `points` of each.
    pub said: Value,
}

impl Push {
    /// Runs it at `program` with nothing but these variables; answers when it has sent all, or given up.
    pub fn start(program: &str, rounds: u32, seconds: u32, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(program)
            .args([rounds.to_string(), seconds.to_string()])
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it says something");
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        Self { child, said }
    }

    /// How many records of an exporter `spans` or `points` were `exported`, `queued` or `dropped`.
    pub fn count(&self, exporter: &str, signal: &str, what: &str) -> u64 {
        self.said["exporters"][exporter][signal][what].as_u64().unwrap_or_else(|| panic!("{}", self.said))
    }

    /// Ends it, and with it telemetry.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
