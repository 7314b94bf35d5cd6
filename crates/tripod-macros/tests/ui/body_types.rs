#[tripod::track_metrics]
fn wrong_type() -> u32 {
    "text"
}

#[tripod::traced]
async fn wrong_type_async() -> Result<u32, std::fmt::Error> {
    Ok("text")
}

fn main() {}
