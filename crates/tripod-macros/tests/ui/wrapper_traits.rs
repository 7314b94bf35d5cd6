#[tripod_macros::instrument_adapter(wrapper = ObservedOwned)]
trait Owned {
    fn close(self);
}

#[tripod_macros::instrument_adapter(wrapper = ObservedLending)]
trait Lending {
    type Item<'a>
    where
        Self: 'a;

    fn next(&mut self) -> Self::Item<'_>;
}

#[tripod_macros::instrument_adapter(wrapper = ObservedEmpty)]
trait Empty {}

#[tripod_macros::instrument_adapter(wrapper = ObservedProvider)]
trait Provider {
    #[telemetry(provider = "finnhub")]
    fn fetch(&self);
}

fn main() {}
