//! Tripod's store under load: what it takes, what it holds, what it finds, beside what one would pick instead.
//!
//! `store-bench run` measures everything; names (`spans`, `logs`, `samples`, `memory`) pick some. `--quick` takes small sizes,
//! `--no-peers` leaves out the others, `--write FILE` also writes what is printed. `store-bench crash --rounds 200` kills it again and again.

mod arguments;
mod crash;
mod data;
mod engine;
mod feed;
mod ingest;
#[cfg(feature = "peers")]
mod peers;
mod process;
mod queries;
mod report;
mod start;
mod suite;
mod timing;

use arguments::Arguments;

fn main() {
    let mut all = std::env::args().skip(1);
    let command = all.next().unwrap_or_default();
    let arguments = Arguments::new(all);
    let figures = match command.as_str() {
        "run" => return suite::run(&arguments),
        "crash" => return crash::run(&arguments),
        // Processes that `run` starts.
        "make" => return feed::make(&arguments),
        "fill" => return start::fill(&arguments),
        "crash-child" => return crash::child(&arguments),
        "ingest" => ingest::run(&arguments),
        "query" => queries::run(&arguments),
        "start" => start::run(&arguments),
        #[cfg(feature = "peers")]
        "peer" => peers::run(&arguments),
        #[cfg(feature = "peers")]
        "duckdb" => peers::duckdb(&arguments),
        #[cfg(feature = "peers")]
        "server" => peers::servers::run(&arguments),
        _ => {
            eprintln!(
                "store-bench run [spans logs samples memory] [--quick] [--no-peers] [--write FILE] [--dir DIR]\n\
                 store-bench crash [--rounds 200] [--seed SEED] [--dir DIR]"
            );
            std::process::exit(2);
        }
    };
    println!("{figures}");
}
