//! `tripod export`: what a store has of a signal, as a Parquet file.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tripod_server::parse_time;
use tripod_store::{Embedded, ExportSignal, Options, StoreError, Window};

use crate::USAGE;
use crate::progress::Progress;
use crate::terminal::say;

/// What `tripod export` can be told.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Directory of the store; no server may be running on it
    #[arg(long, value_name = "DIR", default_value = "tripod-data")]
    data: PathBuf,
    /// What to export: spans, logs or samples
    #[arg(long, value_name = "SIGNAL")]
    signal: ExportSignal,
    /// From when on: 2026-11-21T05:00:00Z, or a number since the Unix epoch [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start: Option<u64>,
    /// Until when, inclusive [default: the end]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end: Option<u64>,
    /// The file to write; it is replaced when all of it is there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> ExitCode {
    let window = Window { start: args.start.unwrap_or(Window::ALL.start), end: args.end.unwrap_or(Window::ALL.end) };
    if window.end < window.start {
        eprintln!("tripod: error: --end must not be before --start");
        return ExitCode::from(USAGE);
    }
    match export(args, window) {
        Ok(rows) => {
            say(&format!("{rows} {} in {}\n", args.signal.as_str(), args.out.display()));
            ExitCode::SUCCESS
        }
        Err(error @ StoreError::Locked { .. }) => {
            eprintln!("tripod: error: {error}");
            eprintln!("tripod: a running server exports itself: {}", curl(args));
            ExitCode::from(USAGE)
        }
        Err(error) => {
            eprintln!("tripod: error: {error}");
            ExitCode::from(USAGE)
        }
    }
}

fn export(args: &ExportArgs, window: Window) -> Result<u64, StoreError> {
    if !args.data.is_dir() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(StoreError::Io { action: "cannot open", path: args.data.clone(), source });
    }
    let (store, _) = Embedded::open(Options::new(&args.data))?;
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let io = |source| StoreError::Io { action: "cannot write", path: args.out.clone(), source };
    let file = tempfile::Builder::new().prefix(".tripod-export").tempfile_in(folder).map_err(io)?;
    let progress = Progress::bytes("exporting", None);
    let mut out = BufWriter::new(progress.write(file));
    let rows = tripod_store::export(&store, args.signal, window, &mut out)?;
    progress.finish();
    let file = out.into_inner().map_err(|error| io(error.into_error()))?.into_inner();
    file.as_file().sync_all().map_err(io)?;
    file.persist(&args.out).map_err(|error| io(error.error))?;
    Ok(rows)
}

/// The same, asked of a running server.
fn curl(args: &ExportArgs) -> String {
    let time = |name: &str, time: Option<u64>| time.map_or_else(String::new, |time| format!("&{name}={time}"));
    format!(
        "curl -fo {} 'http://127.0.0.1:4319/api/export?signal={}{}{}'",
        args.out.display(),
        args.signal.as_str(),
        time("start", args.start),
        time("end", args.end)
    )
}
