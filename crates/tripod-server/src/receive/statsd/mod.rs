//! StatsD, over UDP and TCP on one address: lines are added up ([`aggregate`]) and written every [`FLUSH`] as series.
//!
//! A line that can't be read is counted under the reason why and forgotten; what came with it is kept. Memory is bounded: series,
//! members of sets, connections, and the length of a line.

mod aggregate;
mod parse;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tripod_store::Store;

use self::aggregate::Aggregate;
pub(crate) use self::parse::Fault;

/// How often series are written.
pub(crate) const FLUSH: Duration = Duration::from_secs(10);
/// The longest line, and the largest datagram.
const MAX_LINE: usize = 64 << 10;
/// Connections at a time.
const MAX_CONNECTIONS: usize = 1024;
/// How long to wait when the system gives no connection or datagram.
const PAUSE: Duration = Duration::from_millis(200);

/// What came, and what of it was not taken.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    taken: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
}

impl Counts {
    /// Lines that were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Lines that were not, for this reason.
    pub(crate) fn of(&self, fault: Fault) -> u64 {
        self.faults[fault as usize].load(Ordering::Relaxed)
    }
}

/// The receiver's two sockets, bound to one address.
pub(crate) struct Statsd {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// What has been sent, and what of it was not taken.
struct Received {
    aggregate: Mutex<Aggregate>,
    counts: Arc<Counts>,
}

impl Statsd {
    /// Takes an address; port 0 takes a free one.
    pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<(Self, SocketAddr)> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        Ok((Self { udp: UdpSocket::bind(address).await?, tcp }, address))
    }

    /// Receives until the server stops, then writes what there is.
    pub(crate) async fn run(self, store: Arc<dyn Store>, counts: Arc<Counts>, mut stop: watch::Receiver<bool>) {
        let received = Arc::new(Received { aggregate: Mutex::default(), counts });
        let mut tasks = JoinSet::new();
        tasks.spawn(datagrams(self.udp, Arc::clone(&received)));
        tasks.spawn(connections(self.tcp, Arc::clone(&received)));
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + FLUSH, FLUSH);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let stopped = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                _ = ticks.tick() => false,
            };
            let (received, store) = (Arc::clone(&received), Arc::clone(&store));
            let flush = move || received.flush(store.as_ref());
            if tokio::task::spawn_blocking(flush).await.is_err() || stopped {
                return;
            }
        }
    }
}

impl Received {
    /// Adds the lines of a datagram, or one of a connection.
    fn lines(&self, bytes: &[u8]) {
        let mut aggregate = self.aggregate.lock().unwrap_or_else(PoisonError::into_inner);
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            match parse::line(line).and_then(|line| aggregate.add(&line)) {
                Ok(()) => drop(self.counts.taken.fetch_add(1, Ordering::Relaxed)),
                Err(fault) => self.count(fault),
            }
        }
    }

    fn count(&self, fault: Fault) {
        self.counts.faults[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self, store: &dyn Store) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        let writes = self.aggregate.lock().unwrap_or_else(PoisonError::into_inner).flush(time);
        if writes.is_empty() {
            return;
        }
        // What could not be written comes again with the next flush: counters and histograms go on from where they were.
        match store.append_series(&writes) {
            Ok(written) if written.rejected > 0 => {
                let reason = written.reason.unwrap_or_default();
                eprintln!("tripod: {} series of StatsD were not kept: {reason}", written.rejected);
            }
            Ok(_) => {}
            Err(error) => eprintln!("tripod: series of StatsD were not kept: {error}"),
        }
    }
}

async fn datagrams(socket: UdpSocket, received: Arc<Received>) {
    let mut buffer = vec![0; MAX_LINE];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(bytes) => received.lines(&buffer[..bytes]),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connections(listener: TcpListener, received: Arc<Received>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        // The semaphore is never closed.
        let place = Arc::clone(&room).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let received = Arc::clone(&received);
                tasks.spawn(async move {
                    connection(stream, &received).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Reads lines until the client goes, or sends one that is too long.
async fn connection(stream: TcpStream, received: &Received) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line).await;
        match read {
            Ok(1..) if line.len() <= MAX_LINE => received.lines(&line),
            Ok(1..) => return received.count(Fault::TooLong),
            Ok(0) | Err(_) => return,
        }
    }
}
