trait Orders {
    #[tripod_macros::traced]
    fn place(&self);
}

unsafe extern "C" {
    #[tripod_macros::track_metrics]
    fn abs(n: i32) -> i32;
}

fn main() {}
