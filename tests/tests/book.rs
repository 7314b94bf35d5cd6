//! The book against the seeds, and its blocks that are not Rust: Rust is compiled and run as doc tests.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use tripod_tests::book::{Block, PAGES, Page, blocks, queries, seed_of, seeds, shell, yaml};
use tripod_tests::{Tripod, programs, root, server};

/// The twins of all pages in one of these languages, each with its page.
fn twins(languages: &[&str]) -> Vec<(&'static str, Block)> {
    let of_page = |page: &'static Page| page.twins().into_iter().map(move |block| (page.file, block));
    let all = PAGES.iter().flat_map(of_page);
    all.filter(|(_, block)| languages.contains(&block.info.split(',').next().unwrap_or_default())).collect()
}

#[test]
fn every_block_of_the_seeds_stands_in_its_page_in_order_and_has_a_twin() {
    let Some(folder) = seeds() else { return };
    let (mut all, mut all_twins) = (0, 0);
    for page in &PAGES {
        let seeds = blocks(&seed_of(&folder, page));
        let (quotes, twins) = (page.quotes(), page.twins());
        for (at, seed) in seeds.iter().enumerate() {
            let number = at + 1;
            let quote = quotes.get(at).unwrap_or_else(|| panic!("{}: block {number} is missing", page.file));
            assert!(quote.section.starts_with(&format!("{number}. ")), "{}: {}", page.file, quote.section);
            // A block without a language would be taken for Rust.
            let info = if seed.info.is_empty() { "text" } else { &*seed.info };
            assert_eq!((&*quote.info, &*quote.body), (info, &*seed.body), "{}: block {number}", page.file);
            let has_twin = twins.iter().any(|twin| twin.section == quote.section);
            assert!(has_twin, "{}: block {number} has nothing beside it", page.file);
        }
        assert_eq!(quotes.len(), seeds.len(), "{}: more blocks than the seed has", page.file);
        println!("{}: {} blocks, {} twins", page.file, seeds.len(), twins.len());
        all += seeds.len();
        all_twins += twins.len();
    }
    println!("all: {all} blocks, {all_twins} twins");
}

#[test]
fn lists_of_metrics_are_the_seeds() {
    let Some(folder) = seeds() else { return };
    let mut lines = 0;
    for page in &PAGES {
        let (text, seed) = (page.text(), seed_of(&folder, page));
        let is_metric =
            |line: &&str| line.starts_with("| `adapter_") || (line.starts_with("- `") && line.ends_with(')'));
        let (own, theirs): (Vec<_>, Vec<_>) =
            (text.lines().filter(is_metric).collect(), seed.lines().filter(is_metric).collect());
        assert!(own.is_empty() || own == theirs, "{}: {own:#?}", page.file);
        lines += own.len();
    }
    println!("{lines} metrics in lists");
}

#[test]
fn every_twin_is_run_or_checked_and_what_is_not_run_says_why() {
    for page in &PAGES {
        for twin in page.twins() {
            let at = format!("{}, {}", page.file, twin.section);
            match &*twin.info {
                "rust" | "bash" | "yaml" | "promql" | "json" => {}
                "rust,no_run" => assert!(twin.after.contains("Not run:"), "{at}: no word on why it is not run"),
                other => panic!("{at}: nothing checks {other:?}"),
            }
        }
    }
}

#[test]
fn shell_calls_only_what_is_there() {
    let settings = std::fs::read_to_string(root().join("docs/reference/configuration.md")).expect("it is there");
    let scripts = twins(&["bash"]);
    for (page, block) in &scripts {
        let at = format!("{page}, {}", block.section);
        assert_eq!(shell::syntax(&block.body), "", "{at}");
        let script = shell::read(&block.body);
        for variable in &script.variables {
            assert!(settings.contains(&format!("`{variable}`")), "{at}: {variable} is no setting");
        }
        for command in &script.commands {
            check_command(command, &at);
        }
        for word in block.body.split_whitespace().map(|word| word.trim_matches(['"', '`', '\'', ','])) {
            let is_of_ours = ["examples/", "docs/", "deploy/", "tests/"].iter().any(|folder| word.starts_with(folder));
            assert!(!is_of_ours || root().join(word).exists(), "{at}: {word} is not there");
        }
    }
    println!("{} blocks of shell", scripts.len());
}

#[test]
fn what_curl_asks_of_tripod_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = Tripod::start(folder.path());
    let scripts = twins(&["bash"]).into_iter().map(|(page, block)| (page, shell::read(&block.body)));
    let mut asked = 0;
    for (page, script) in scripts {
        let urls = script.commands.iter().filter(|command| command[0] == "curl").flatten();
        for path in urls.filter_map(|word| word.strip_prefix("http://localhost:4319")) {
            let answer = tripod.client().get(&format!("{}{path}", tripod.http)).expect("it answers");
            assert_eq!(answer.status, 200, "{page}: {path}");
            asked += 1;
        }
    }
    println!("{asked} URLs");
}

fn check_command(command: &[String], at: &str) {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match *words {
        ["cargo", "run", "-p", package, ref rest @ ..] => {
            let flags = rest.iter().skip_while(|word| **word != "--").skip(1).copied();
            check_flags(Command::new(programs::ours(package, package)).arg("--help"), flags, at);
        }
        ["cargo", "add", "tripod", "--features", features] => {
            let manifest = std::fs::read_to_string(root().join("crates/tripod/Cargo.toml")).expect("it is there");
            for feature in features.split(',') {
                assert!(manifest.contains(&format!("\n{feature} = [")), "{at}: no feature {feature}");
            }
        }
        ["cargo", "add", "tripod"] => {}
        ["cargo", "test", "-p", package, ref rest @ ..] => {
            assert!(package.starts_with("tripod"), "{at}: {package}");
            if let ["--test", test] = rest {
                assert!(root().join("tests/tests").join(format!("{test}.rs")).is_file(), "{at}: no test {test}");
            }
        }
        ["tripod", subcommand, ref flags @ ..] => {
            let flags = flags.iter().copied();
            check_flags(Command::new(server::binary()).args([subcommand, "--help"]), flags, at);
        }
        ["./demo", ref flags @ ..] => {
            check_flags(Command::new(server::binary()).args(["demo", "--help"]), flags.iter().copied(), at);
        }
        ["curl" | "echo" | "grep" | "promtool", ..] => {}
        _ => panic!("{at}: nothing is known of {command:?}"),
    }
}

/// Whether a program's help names each of these flags.
fn check_flags<'a>(help: &mut Command, flags: impl Iterator<Item = &'a str>, at: &str) {
    let ran = help.output().unwrap_or_else(|error| panic!("{at}: {help:?}: {error}"));
    let text = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{at}: {help:?} fails");
    for flag in flags.filter(|word| word.starts_with('-')) {
        assert!(text.contains(flag), "{at}: {help:?} knows no {flag}:\n{text}");
    }
}

#[test]
fn yaml_is_what_its_reader_understands() {
    let all = twins(&["yaml"]);
    let promtool = programs::folder_of("prometheus").map(|folder| folder.join("promtool"));
    for (page, block) in &all {
        let at = format!("{page}, {}", block.section);
        let document = yaml::parse(&block.body).unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(document.is_object(), "{at}: {document}");
        let checks = match &document {
            _ if document.get("scrape_configs").is_some() => Some("config"),
            _ if document.get("groups").is_some() => Some("rules"),
            _ => None,
        };
        if let (Some(promtool), Some(what)) = (&promtool, checks) {
            check_by_promtool(promtool, what, &block.body, &at);
        }
        for service in document["services"].as_object().into_iter().flat_map(|services| services.values()) {
            assert!(service["image"].is_string() || service["build"].is_string(), "{at}: {service}");
        }
        rules_are_promql(&document, &at);
    }
    println!("{} blocks of YAML", all.len());
}

fn check_by_promtool(promtool: &std::path::Path, what: &str, text: &str, at: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checked.yml");
    std::fs::write(&file, text).expect("room on disk");
    let ran = Command::new(promtool).args(["check", what]).arg(&file).output().expect("promtool runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{at}: {said}");
}

/// The names of the metrics that a file of rules asks for.
fn rules_are_promql(document: &Value, at: &str) -> BTreeSet<String> {
    let rules =
        document["groups"].as_array().into_iter().flatten().filter_map(|group| group["rules"].as_array()).flatten();
    let names = rules.flat_map(|rule| {
        let query = rule["expr"].as_str().unwrap_or_else(|| panic!("{at}: {rule} has no expr"));
        queries::metrics_of(query).unwrap_or_else(|error| panic!("{at}: {query}: {error}"))
    });
    names.collect()
}

#[test]
fn queries_can_be_evaluated() {
    let all = twins(&["promql"]);
    for (page, block) in &all {
        for query in block.body.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let names = queries::metrics_of(query).unwrap_or_else(|error| panic!("{page}: {query}: {error}"));
            assert!(!names.is_empty(), "{page}: {query} asks for nothing");
        }
    }
    println!("{} blocks of PromQL", all.len());
}
