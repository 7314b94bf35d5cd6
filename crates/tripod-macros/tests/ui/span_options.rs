#[tripod_macros::traced(kind = "sever")]
fn kind() {}

#[tripod_macros::traced(root, parent = tripod::Context::current())]
fn both() {}

#[tripod_macros::traced(errors = 1)]
fn not_a_switch() {}

#[tripod_macros::traced("a", name = "b", name = "c")]
fn name_twice() {}

fn main() {}
