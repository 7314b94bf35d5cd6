struct Secret;

#[tripod::traced(args)]
fn login(user: &str, secret: Secret) {
    let _ = (user, secret);
}

fn main() {}
