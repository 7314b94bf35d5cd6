struct Finnhub;

#[tripod_macros::instrument_adapter("finnhub")]
impl Finnhub {
    #[telemetry(skp)]
    fn fetch(&self) {}
}

#[tripod_macros::instrument_adapter("finnhub")]
impl Finnhub {
    #[telemetry(operation = "make")]
    fn new() -> Self {
        Self
    }

    fn find(&self) {}
}

fn main() {}
