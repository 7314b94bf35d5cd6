use std::rc::Rc;

#[tripod::track_metrics]
async fn local() -> Rc<u32> {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    shared
}

fn is_send<T: Send>(_: T) {}

fn main() {
    is_send(local());
}
