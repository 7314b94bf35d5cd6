//! Tripod's SDK beside its peers. Run with `cargo run --release` in this folder; a name as argument picks one part.

mod harness;
mod metrics;
mod spans;

#[global_allocator]
static ALLOCATOR: harness::Counting = harness::Counting;

fn main() {
    let only = std::env::args().nth(1);
    let parts: [(&str, fn()); 2] = [("metrics", metrics::run), ("spans", spans::run)];
    for (name, run) in parts {
        if only.as_deref().is_none_or(|only| only == name) {
            run();
        }
    }
}
