#[tripod::instrument_adapter(wrapper = ObservedQuotes)]
trait Quotes {
    fn quote(&self) -> f64;
}

struct Fixed;

impl Quotes for Fixed {
    fn quote(&self) -> f64 {
        1.0
    }
}

fn main() {
    let quotes = ObservedQuotes::new("fixed", Fixed);
    let _ = quotes;
}
