//! The blocks of every page that quotes no seed: Rust is a doc test of some crate, shell that asks Tripod is run, other shell calls only what is
//! there, YAML, PromQL, TraceQL and JSON are read by those they are for.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tripod_tests::book::links::pages;
use tripod_tests::book::{Block, blocks, queries, shell, yaml};
use tripod_tests::http::encode;
use tripod_tests::{Tripod, programs, root, server, setup};

/// A page below `docs/`, and its blocks.
fn all() -> Vec<(String, Vec<Block>)> {
    let docs = root().join("docs");
    let name = |path: &PathBuf| path.strip_prefix(&docs).expect("below it").display().to_string();
    let paths = pages(&docs).into_iter().filter(|path| !name(path).starts_with("from-the-seeds/"));
    paths.map(|path| (name(&path), blocks(&std::fs::read_to_string(&path).expect("a page")))).collect()
}

/// The blocks in one of these languages, each with its page.
fn in_language(languages: &[&str]) -> Vec<(String, Block)> {
    let all = all().into_iter().flat_map(|(page, blocks)| blocks.into_iter().map(move |block| (page.clone(), block)));
    all.filter(|(_, block)| languages.contains(&language(block))).collect()
}

fn language(block: &Block) -> &str {
    block.info.split(',').next().unwrap_or_default()
}

fn at(page: &str, block: &Block) -> String {
    format!("docs/{page}, {:?}", block.section)
}

#[test]
fn every_block_says_its_language_and_something_reads_it() {
    // `text`, `diff`: what is shown is no program's input. `sql`: DuckDB's, over files that `tests/parquet.rs` reads by it.
    let read = ["rust", "sh", "bash", "yaml", "json", "promql", "traceql", "python", "text", "diff", "sql"];
    let mut count = 0;
    for (page, blocks) in all() {
        for block in &blocks {
            assert!(read.contains(&language(block)), "{}: nothing reads {:?}", at(&page, block), block.info);
            count += 1;
        }
    }
    println!("{count} blocks");
}

#[test]
fn pages_with_rust_are_doc_tests() {
    let mut sources = String::new();
    for folder in ["crates", "tests/src"] {
        gather(&root().join(folder), &mut sources);
    }
    for (page, _) in in_language(&["rust"]) {
        assert!(sources.contains(&format!("docs/{page}\")]")), "docs/{page} has Rust, and is no doc test of any crate");
    }
}

fn gather(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            gather(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// Whether all that a block does is to ask, or to tell, a Tripod on this machine.
fn asks_tripod(block: &Block) -> bool {
    let mut commands = block.body.lines().filter(|line| !line.starts_with([' ', '#']) && !line.is_empty());
    let asks =
        |line: &str| line.contains("curl ") && (line.contains("127.0.0.1:4319") || line.contains("localhost:4319"));
    // A tail has no end.
    commands.all(asks) && block.body.contains("curl ") && !block.body.contains("/tail")
}

#[test]
fn what_curl_asks_of_tripod_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = Tripod::start(folder.path());
    let address = tripod.http.trim_start_matches("http://").to_owned();
    let mut asked = 0;
    for (page, block) in in_language(&["sh", "bash"]).into_iter().filter(|(_, block)| asks_tripod(block)) {
        let script = block.body.replace("127.0.0.1:4319", &address).replace("localhost:4319", &address);
        // Any answer but a good one fails the script.
        let script = format!("set -euo pipefail\ncurl() {{ command curl --fail --show-error \"$@\"; }}\n{script}");
        let ran = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{}: {said}\n{script}", at(&page, &block));
        asked += 1;
    }
    assert!(asked >= 8, "{asked}");
    println!("{asked} blocks of curl");
}

#[test]
fn other_shell_calls_only_what_is_there() {
    let read = |page: &str| std::fs::read_to_string(root().join("docs/reference").join(page)).expect("it is there");
    let settings = read("configuration.md") + &read("command-line.md");
    for (page, block) in in_language(&["sh", "bash"]).into_iter().filter(|(_, block)| !asks_tripod(block)) {
        let at = at(&page, &block);
        assert_eq!(shell::syntax(&block.body), "", "{at}");
        let script = shell::read(&block.body);
        for variable in script
            .variables
            .iter()
            .filter(|name| ["OTEL_", "PROMETHEUS_", "TRIPOD_"].iter().any(|of| name.starts_with(of)))
        {
            let is_known = settings.contains(&format!("`{variable}`"))
                || ["TRIPOD_ARGUMENTS", "TRIPOD_TOKEN"].contains(&&**variable);
            assert!(is_known, "{at}: {variable} is no setting");
        }
        for command in &script.commands {
            check_command(command, &at);
        }
        for word in block.body.split_whitespace().map(|word| word.trim_matches(['"', '`', '\'', ','])) {
            let is_ours = ["examples/", "docs/", "deploy/", "tests/"].iter().any(|folder| word.starts_with(folder));
            let path = word.split('*').next().expect("a word");
            let is_pattern = path.len() < word.len();
            let wanted = if is_pattern { Path::new(path).parent().expect("a folder") } else { Path::new(word) };
            assert!(!is_ours || root().join(wanted).exists(), "{at}: {word} is not there");
        }
    }
}

/// Programs of others: what is told them can't be tried here.
const OTHERS: [&str; 23] = [
    "amtool",
    "apt-get",
    "aws",
    "cat",
    "cd",
    "curl",
    "docker",
    "echo",
    "grep",
    "htpasswd",
    "install",
    "jq",
    "kill",
    "kubectl",
    "ls",
    "nc",
    "openssl",
    "prometheus",
    "promtool",
    "rustup",
    "sudo",
    "systemctl",
    "duckdb",
];

fn check_command(words: &[String], at: &str) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        ["tripod", ref rest @ ..] => check_tripod(rest, at),
        ["./demo", ref flags @ ..] => check_flags(&["demo"], flags, at),
        ["cargo", "run" | "test", "-p", package, ..] | ["cargo", "build", "--release", "-p", package, ..] => {
            let manifests = ["crates", "examples", "deploy/grafana"].map(|folder| root().join(folder));
            let of_folder = |folder: &PathBuf| std::fs::read_dir(folder).into_iter().flatten().map_while(Result::ok);
            let mut all: Vec<_> =
                manifests.iter().flat_map(of_folder).map(|entry| entry.path().join("Cargo.toml")).collect();
            all.push(root().join("tests/Cargo.toml"));
            let is_there = all.iter().filter_map(|path| std::fs::read_to_string(path).ok());
            assert!(
                is_there.into_iter().any(|text| text.contains(&format!("name = \"{package}\""))),
                "{at}: no package {package}"
            );
        }
        ["cargo", "new" | "add" | "run" | "install", ..] | ["./test", ..] => {}
        [program, ..] => assert!(OTHERS.contains(&program), "{at}: nothing is known of {words:?}"),
        [] => {}
    }
}

fn check_tripod(words: &[&str], at: &str) {
    // Subcommands come first, and may have some of their own.
    let takes = |path: &[&str]| {
        let mut help = Command::new(server::binary());
        help.args(path).arg("--help").stdin(Stdio::null()).output().expect("it runs").status.success()
    };
    let mut depth = 0;
    for word in words.iter().take(2) {
        let is_word = word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') && !word.starts_with('-');
        if !is_word || !takes(&words[..=depth]) {
            break;
        }
        depth += 1;
    }
    assert!(depth > 0, "{at}: tripod has no command {words:?}");
    check_flags(&words[..depth], &words[depth..], at);
}

/// Whether a command's help names each of these flags.
fn check_flags(command: &[&str], words: &[&str], at: &str) {
    let ran = Command::new(server::binary()).args(command).arg("--help").output().expect("it runs");
    let help = String::from_utf8_lossy(&ran.stdout);
    for flag in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
        let flag = flag.split('=').next().expect("a flag");
        assert!(help.contains(flag), "{at}: tripod {command:?} knows no {flag}:\n{help}");
    }
}

/// What the file of a block is, by the keys at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Prometheus,
    Rules,
    Sdk,
    Compose,
    Kustomize,
    Collector,
    Settings,
}

fn kind(document: &Value) -> Option<Kind> {
    let has = |key: &str| document.get(key).is_some();
    Some(match () {
        () if has("scrape_configs") || has("remote_write") || has("remote_read") || has("alerting") => Kind::Prometheus,
        () if has("groups") => Kind::Rules,
        () if has("tracer_provider") || has("meter_provider") || has("logger_provider") => Kind::Sdk,
        () if has("services") => Kind::Compose,
        () if document["kind"] == "Kustomization" => Kind::Kustomize,
        () if has("receivers") => Kind::Collector,
        () if has("data") || has("http") => Kind::Settings,
        () => return None,
    })
}

fn yaml_of(wanted: Kind) -> Vec<(String, String, Value)> {
    let blocks = in_language(&["yaml"]).into_iter().map(|(page, block)| {
        let at = at(&page, &block);
        let document = yaml::parse(&block.body).unwrap_or_else(|error| panic!("{at}: {error}"));
        (at, block.body, document)
    });
    blocks
        .filter(|(at, _, document)| kind(document).unwrap_or_else(|| panic!("{at}: nothing reads this file")) == wanted)
        .collect()
}

/// What a program says of a file, which it has to like.
fn liked(command: &mut Command, at: &str) {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{at}: {said}");
}

#[test]
fn files_for_prometheus_are_liked_by_promtool() {
    let Some(programs) = programs::folder_of("promtool-newest") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // Files that configurations name.
    for named in ["token", "tripod-token"] {
        std::fs::write(folder.path().join(named), "secret").expect("room on disk");
    }
    let file = folder.path().join("checked.yml");
    for (what, kind) in [("config", Kind::Prometheus), ("rules", Kind::Rules)] {
        for (at, text, _) in yaml_of(kind) {
            std::fs::write(&file, text).expect("room on disk");
            liked(Command::new(programs.join("promtool")).args(["check", what]).arg(&file), &at);
            if kind == Kind::Rules {
                liked(Command::new(server::binary()).args(["check", "rules"]).arg(&file), &at);
            }
        }
    }
}

#[test]
fn files_for_the_sdk_start_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("telemetry.yaml");
    let files = yaml_of(Kind::Sdk);
    for (at, text, document) in &files {
        let head = if document.get("file_format").is_some() { "" } else { "file_format: \"1.0\"\n" };
        let text = format!("{head}{text}").replace("/var/log", folder.path().to_str().expect("a path"));
        std::fs::write(&file, text.replace("port: 9464", "port: 0")).expect("room on disk");
        let start = tripod::init().config_file(&file).shutdown_timeout(std::time::Duration::ZERO).start();
        drop(start.unwrap_or_else(|error| panic!("{at}: {error}")));
    }
    assert!(files.len() >= 4, "{}", files.len());
}

#[test]
fn files_for_compose_are_read_beside_ours_and_overlays_over_our_manifests() {
    let Some(reader) = setup::run("tests/tools/setup.sh", &["compose"]) else { return };
    let Some(checkers) = setup::run("tests/tools/setup.sh", &["checkers"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (at, text, _) in yaml_of(Kind::Compose) {
        let file = folder.path().join("override.yml");
        std::fs::write(&file, text).expect("room on disk");
        let mut read = Command::new(&reader);
        liked(read.arg("docker-compose.yml").arg(&file).current_dir(root().join("deploy")), &at);
    }
    let manifests = folder.path().join("tripod/deploy/kubernetes");
    std::fs::create_dir_all(&manifests).expect("room on disk");
    for entry in std::fs::read_dir(root().join("deploy/kubernetes")).expect("a folder").map_while(Result::ok) {
        std::fs::copy(entry.path(), manifests.join(entry.file_name())).expect("room on disk");
    }
    for (at, text, _) in yaml_of(Kind::Kustomize) {
        let overlay = folder.path().join("overlay");
        std::fs::create_dir_all(&overlay).expect("room on disk");
        std::fs::write(overlay.join("kustomization.yaml"), text).expect("room on disk");
        liked(Command::new(Path::new(&checkers).join("kubectl")).arg("kustomize").arg(&overlay), &at);
    }
}

#[test]
fn files_of_settings_have_keys_that_are_flags() {
    let help = Command::new(server::binary()).args(["up", "--help"]).output().expect("it runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let files = yaml_of(Kind::Settings);
    for (at, _, document) in &files {
        for key in document.as_object().expect("a map").keys() {
            assert!(help.contains(&format!("--{key} ")) || help.contains(&format!("--{key}\n")), "{at}: {key}");
        }
    }
    assert!(!files.is_empty());
}

#[test]
fn queries_can_be_evaluated() {
    for (page, block) in in_language(&["promql"]) {
        // A line that is set in goes on from the one before.
        let text = block.body.replace("\n ", " ");
        for query in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let names =
                queries::metrics_of(query).unwrap_or_else(|error| panic!("{}: {query}: {error}", at(&page, &block)));
            assert!(!names.is_empty(), "{page}: {query} asks for nothing");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = Tripod::start(folder.path());
    for (page, block) in in_language(&["traceql"]) {
        for query in block.body.lines().filter(|line| !line.is_empty()) {
            let answer =
                tripod.client().get(&format!("{}/api/search?q={}", tripod.http, encode(query))).expect("an answer");
            assert_eq!(answer.status, 200, "{}: {query}: {}", at(&page, &block), answer.text());
        }
    }
}

#[test]
fn json_is_json_and_python_is_python() {
    for (page, block) in in_language(&["json"]) {
        // What is left out stands as three dots.
        let is_whole = !block.body.contains('…');
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        let is_read = is_json(&block.body) || block.body.lines().all(is_json);
        assert!(!is_whole || is_read, "{}: {}", at(&page, &block), block.body);
    }
    for (page, block) in in_language(&["python"]) {
        let mut python = Command::new("python3");
        liked(python.args(["-c", "import ast, sys; ast.parse(sys.argv[1])", &block.body]), &at(&page, &block));
    }
}
