//! When a service stops: on SIGTERM or Ctrl-C, or when whoever started it closes its standard input, by intention or by dying.

use std::io::Read;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long a service that lost its owner may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Done when the service is to stop.
pub(crate) async fn stop(with_stdin: bool) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_closed(), if with_stdin => {}
    }
    Ok(())
}

async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    // A thread of its own, not one of the runtime's: a read of standard input can't be cancelled.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
        let _ = closed.send(());
        // Nobody is left to end a process that hangs.
        std::thread::sleep(GRACE);
        std::process::exit(1);
    });
    let _ = wait.await;
}
