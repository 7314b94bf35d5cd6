//! The service of the book's tutorial, `docs/tutorial/first-ten-minutes.md`.

use std::thread::sleep;
use std::time::Duration;

fn main() -> Result<(), tripod::Error> {
    let _tripod = tripod::init().service_name("coffee").start()?;
    let brewing = tripod::histogram("brewing_seconds").unit("s").build();
    for cup in 1..=100 {
        let _span = tripod::span!("brew", cup = cup);
        let seconds = if cup % 25 == 0 { clean_the_grinder(cup) } else { 0.01 };
        sleep(Duration::from_secs_f64(seconds));
        brewing.record(seconds, tripod::labels!(machine = "kitchen"));
    }
    Ok(())
}

#[tripod::traced]
fn clean_the_grinder(cup: i64) -> f64 {
    tripod::warn!("the grinder is full", cup = cup);
    0.5
}
