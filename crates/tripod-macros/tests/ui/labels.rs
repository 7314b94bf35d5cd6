#[derive(tripod_macros::Labels)]
struct Unnamed(u16);

#[derive(tripod_macros::Labels)]
enum Neither {
    Struct,
}

#[derive(tripod_macros::Labels)]
struct Twice {
    a: u16,
    #[label(rename = "a")]
    b: u16,
}

#[derive(tripod_macros::Labels)]
struct Misspelt {
    #[label(name = "a")]
    b: u16,
}

#[derive(tripod_macros::LabelValue)]
enum Unbounded {
    Text(String),
}

#[derive(tripod_macros::LabelValue)]
#[label(rename_all = "snake")]
enum NoSuchCase {
    A,
}

fn main() {}
