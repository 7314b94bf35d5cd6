//! `tripod demo` as a child process, on free ports.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::http::{Client, encode};
use crate::server;

/// A running demo; killed when dropped.
#[derive(Debug)]
pub struct Demo {
    /// Its process, which has those of its services below it.
    pub process: Child,
    /// `http://host:port` of the web page and the query APIs.
    pub page: String,
    /// What it said after it was ready, until it spoke of its services.
    pub said: String,
    client: Client,
}

/// `tripod demo` on free ports.
pub fn command() -> Command {
    let mut command = Command::new(server::binary());
    command.arg("demo").args(["--http", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]);
    command
}

impl Demo {
    /// Starts it and waits until its services run.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("tripod starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let ready = lines.next().expect("a ready line");
        let page = ready.split(' ').find(|word| word.starts_with("http://")).expect("the page's address").to_owned();
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("four services")).collect();
        // Read on, so that the demo never waits for its reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, page, said: said.join("\n"), client: Client::default() }
    }

    /// Asks an API for JSON.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Value {
        self.client.get(&format!("{}{path}", self.page)).expect("an answer").json()
    }

    /// Asks `/api/v1`; the answer's data, or what is wrong.
    ///
    /// # Errors
    /// What the server says is wrong.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&self, call: &str, parameters: &[(&str, &str)]) -> Result<Value, String> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let answer = self.get(&format!("/api/v1/{call}?{}", parameters.join("&")));
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["data"].clone()),
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(self.process.id() as libc::pid_t, signal) };
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
