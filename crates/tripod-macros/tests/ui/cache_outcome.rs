#[tripod::cache_metrics("embedding_cache")]
fn found() -> Vec<f32> {
    Vec::new()
}

#[tripod::cache_metrics("")]
fn unnamed() -> Option<u8> {
    None
}

#[tripod::cache_metrics("embedding_cache", errors = false)]
fn no_option() -> Option<u8> {
    None
}

fn main() {}
