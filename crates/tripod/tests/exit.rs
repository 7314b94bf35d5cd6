//! The ends of a process: what was recorded arrives, whatever became of the guard.
//!
//! The program is its own child, and so has no test harness: `exit child HOW ENDPOINT SECONDS` records, and ends as it is told to
//! with a guard that nothing drops.

mod common;

use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use common::http::{receiver, span_names};
use common::in_time;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [is_child, how, endpoint, seconds] = arguments.as_slice()
        && is_child == "child"
    {
        return child(how, endpoint, seconds.parse().expect("a number of seconds"));
    }
    let tests: [(&str, fn()); 2] = [
        ("what_was_recorded_arrives_however_the_process_ends", what_was_recorded_arrives_however_the_process_ends),
        ("at_exit_nothing_waits_for_a_receiver_that_is_away", at_exit_nothing_waits_for_a_receiver_that_is_away),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("test result: ok. {} passed; 0 failed; 0 ignored", tests.len());
    ExitCode::SUCCESS
}

fn child(how: &str, endpoint: &str, seconds: u64) -> ExitCode {
    // Sends nothing before it is told to.
    let builder = tripod::init().otlp_endpoint(endpoint).schedule_delay(Duration::from_secs(3600)).metrics(false);
    let guard = builder.shutdown_timeout(Duration::from_secs(seconds)).start().expect("telemetry starts");
    tripod::span!("recorded").end();
    if how == "drop" {
        drop(guard);
        return ExitCode::SUCCESS;
    }
    std::mem::forget(guard);
    match how {
        "return" => ExitCode::SUCCESS,
        "exit" => std::process::exit(3),
        "exit in a thread" => {
            let exits = || {
                tripod::span!("in a thread").end();
                std::process::exit(3)
            };
            std::thread::spawn(exits).join().expect("it exits")
        }
        "panic" => {
            let _span = tripod::span!("open");
            panic!("as it was told to");
        }
        _ => ExitCode::FAILURE,
    }
}

fn run(how: &str, endpoint: &str, seconds: u64) -> Output {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["child", how, endpoint, &seconds.to_string()]);
    in_time(move || program.output().unwrap())
}

fn what_was_recorded_arrives_however_the_process_ends() {
    // Built with `panic = "abort"`, nothing unwinds, and the process ends by a signal.
    let panicked = if cfg!(panic = "abort") { None } else { Some(101) };
    let all: [(&str, Option<i32>, &[&str]); 5] = [
        ("drop", Some(0), &["recorded"]),
        ("return", Some(0), &["recorded"]),
        ("exit", Some(3), &["recorded"]),
        ("exit in a thread", Some(3), &["recorded", "in a thread"]),
        ("panic", panicked, &["recorded", "open"]),
    ];
    for (how, code, expected) in all {
        let (url, connections) = receiver();
        let output = run(how, &url, 60);
        assert_eq!(output.status.code(), code, "{how}: {}", String::from_utf8_lossy(&output.stderr));
        let connections = connections.lock().unwrap();
        let mut names: Vec<String> = connections.iter().flat_map(|bodies| span_names(bodies)).collect();
        names.sort_by_key(|name| expected.iter().position(|expected| expected == name));
        assert_eq!(names, expected, "{how}");
    }
}

fn at_exit_nothing_waits_for_a_receiver_that_is_away() {
    // An address that nobody listens to.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let output = run("return", &url, 1);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tripod: otlp-http:"), "it says what it lost");
}
