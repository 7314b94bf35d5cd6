//! The shortest program worth looking at: run it beside `tripod up` and open the page.

fn main() -> Result<(), tripod::Error> {
    let _tripod = tripod::init().service_name("quickstart").start()?;
    let _span = tripod::span!("greet", name = "world");
    tripod::info!("hello from inside the span");
    tripod::counter("greetings_total").build().inc(tripod::labels!(language = "en"));
    Ok(())
}
