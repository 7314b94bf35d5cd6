#[tripod_macros::traced(skip(password))]
fn nothing_to_skip(password: &str) {
    let _ = password;
}

#[tripod_macros::traced(args, skip(pasword))]
fn misspelt(user: &str, password: &str) {
    let _ = (user, password);
}

#[tripod_macros::traced(args, skip(password))]
fn none() {}

fn main() {}
