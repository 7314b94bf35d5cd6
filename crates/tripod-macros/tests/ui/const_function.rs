#[tripod_macros::traced]
const fn computed() -> u32 {
    1
}

#[tripod_macros::track_metrics]
const fn counted() -> u32 {
    1
}

fn main() {}
