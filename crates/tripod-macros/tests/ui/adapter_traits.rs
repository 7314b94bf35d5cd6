#[tripod_macros::instrument_adapter("finnhub")]
trait WithoutBodies {
    fn fetch(&self);
}

#[tripod_macros::instrument_adapter("finnhub")]
trait OptionsWithoutABody {
    #[telemetry(skip)]
    fn fetch(&self);

    fn find(&self) {}
}

#[tripod_macros::instrument_adapter("finnhub", wrapper = Observed)]
trait Both {
    fn fetch(&self);
}

fn main() {}
