struct Finnhub;

#[tripod_macros::instrument_adapter("finnhub")]
struct NotAnImpl;

#[tripod_macros::instrument_adapter("finnhub")]
fn not_an_impl() {}

#[tripod_macros::instrument_adapter]
impl Finnhub {
    fn fetch(&self) {}
}

#[tripod_macros::instrument_adapter("finnhub")]
impl Finnhub {
    fn new() -> Self {
        Self
    }
}

#[tripod_macros::instrument_adapter(wrapper = Observed)]
impl Finnhub {
    fn find(&self) {}
}

fn main() {}
