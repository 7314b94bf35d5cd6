//! The server that Prometheus asks: one thread, HTTP/1.1, bounded in connections, bytes and time.
//!
//! Whatever a client does, it costs no more than its place: a head that does not end, a reader that does not read and a connection that
//! does nothing are given up when their time is over, and when all places are taken, whoever has the least time left goes. Nothing is
//! waited for but the sockets themselves, so a slow client does not hold up the next.
//!
//! A forked child lets go of the sockets at once ([`descriptors`]). Its own server takes the port if that becomes free soon, as when a
//! process forks and ends to become a daemon.

mod connection;
mod request;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use self::connection::{Connection, Done};
use crate::Error;
use crate::config::PrometheusConfig;
use crate::engine::role;
use crate::say::say;
use crate::sync::{descriptors, fork};

const NAME: &str = "tripod-prometheus";

/// Connections at a time: many more than there are scrapers.
const MAX_CONNECTIONS: usize = 32;

/// Bytes of pages that may wait for clients to read them; beyond it, further ones are asked to come again.
const MAX_WAITING: usize = 64 << 20;

/// When the system gives no connection, as when there are too many open files, it is asked again after so long.
const PAUSE: Duration = Duration::from_millis(200);

/// For so long a forked child tries to have its parent's port.
const INHERITING: Duration = Duration::from_secs(10);

const LISTENER: Token = Token(MAX_CONNECTIONS);
const WAKER: Token = Token(MAX_CONNECTIONS + 1);

/// A server that runs until it is stopped or dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    waker: Waker,
    handle: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    address: OnceLock<SocketAddr>,
    stop: AtomicBool,
}

impl Server {
    /// # Errors
    /// [`Error::Listen`] when the address can't be had, but in a forked child.
    pub(crate) fn start(config: &PrometheusConfig, in_child: bool) -> Result<Self, Error> {
        let name = match &*config.host {
            host if host.contains(':') => format!("[{host}]:{}", config.port),
            host => format!("{host}:{}", config.port),
        };
        let failed = |source| Error::Listen { address: name.clone(), source };
        let shared = Arc::new(Shared::default());
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(failed)?;
        let address = (config.host.clone(), config.port);
        let mut worker = Worker {
            shared: Arc::clone(&shared),
            poll,
            listener: None,
            address,
            name,
            inheriting: in_child.then(|| Instant::now() + INHERITING),
            again: None,
            connections: [const { None }; MAX_CONNECTIONS],
        };
        match worker.listen() {
            Err(source) if !in_child => return Err(Error::Listen { address: worker.name.clone(), source }),
            _ => {}
        }
        descriptors::change(|held| held.add(&worker.poll));
        let thread = thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            crate::context::suppress::for_ever();
            worker.run();
        });
        let handle = thread.map_err(|source| Error::Thread { name: NAME, source })?;
        Ok(Self { shared, waker, handle: Mutex::new(Some(handle)) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.shared.address.get().copied()
    }

    /// Ends it; a metric's callback that hangs is not waited for beyond the deadline.
    pub(crate) fn stop(&self, deadline: Instant) {
        self.tell();
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(handle) = handle else { return };
        while !handle.is_finished() && !role::is(&*self.shared) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn tell(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // If it fails, the thread notices when the next client does something.
        let _ = self.waker.wake();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tell();
    }
}

/// What the thread has.
struct Worker {
    shared: Arc<Shared>,
    poll: Poll,
    listener: Option<TcpListener>,
    address: (String, u16),
    /// The address in words.
    name: String,
    /// In a forked child without a listener: until when it tries to have one.
    inheriting: Option<Instant>,
    /// When to ask again for connections that the system could not give.
    again: Option<Instant>,
    connections: [Option<Connection>; MAX_CONNECTIONS],
}

impl Worker {
    /// Listens at the first address of the host that can be had, those of version 4 first.
    fn listen(&mut self) -> io::Result<()> {
        let mut addresses: Vec<SocketAddr> = (self.address.0.as_str(), self.address.1).to_socket_addrs()?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            let bound = descriptors::change(|held| {
                let listener = TcpListener::bind(address)?;
                held.add(&listener);
                Ok::<_, io::Error>(listener)
            });
            match bound {
                Ok(listener) => return self.listen_with(listener),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn listen_with(&mut self, mut listener: TcpListener) -> io::Result<()> {
        let registered = self.poll.registry().register(&mut listener, LISTENER, Interest::READABLE);
        match registered.and_then(|()| listener.local_addr()) {
            Ok(address) => {
                let _ = self.shared.address.set(address);
                (self.listener, self.inheriting) = (Some(listener), None);
                Ok(())
            }
            Err(error) => {
                let_go(listener);
                Err(error)
            }
        }
    }

    fn run(mut self) {
        role::set(&*self.shared);
        let (mut events, forks) = (Events::with_capacity(MAX_CONNECTIONS), fork::count());
        while !self.shared.stop.load(Ordering::Relaxed) {
            let wait = self.next_deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return say(format_args!("metrics are served no more at {}: {error}", self.name));
                }
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    Token(at) => self.serve(at),
                }
                if fork::count() != forks {
                    // A metric's callback has forked: this is the child, and the sockets are the parent's.
                    return std::mem::forget(self);
                }
            }
            self.look_at_the_clock(Instant::now());
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let retry = self.inheriting.map(|_| Instant::now() + PAUSE);
        let connections = self.connections.iter().flatten().map(Connection::deadline);
        connections.chain(self.again).chain(retry).min()
    }

    fn look_at_the_clock(&mut self, now: Instant) {
        if self.again.is_some_and(|again| again <= now) {
            self.accept();
        }
        for at in 0..MAX_CONNECTIONS {
            if self.connections[at].as_ref().is_some_and(|connection| connection.deadline() <= now) {
                self.close(at);
            }
        }
        if let Some(until) = self.inheriting
            && let Err(error) = self.listen()
            && until <= now
        {
            let (process, name) = (std::process::id(), &self.name);
            say(format_args!("the metrics of process {process}, which was forked, are not served at {name}: {error}"));
            self.inheriting = None;
        }
    }

    /// Takes the connections that wait, each in the place of another if there is no room.
    fn accept(&mut self) {
        self.again = None;
        // So many that clients which come and go can't keep it from those that stay.
        for _ in 0..MAX_CONNECTIONS {
            let Some(listener) = &self.listener else { return };
            let accepted = descriptors::change(|held| {
                let (stream, _) = listener.accept()?;
                held.add(&stream);
                Ok::<_, io::Error>(stream)
            });
            match accepted {
                Ok(stream) => self.add(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => break,
            }
        }
        self.again = Some(Instant::now() + PAUSE);
    }

    fn add(&mut self, mut stream: mio::net::TcpStream) {
        let free = self.connections.iter().position(Option::is_none);
        let at = free.or_else(|| {
            let deadline = |at: &usize| self.connections[*at].as_ref().map(Connection::deadline);
            (0..MAX_CONNECTIONS).min_by_key(deadline)
        });
        let Some(at) = at else { return let_go(stream) };
        self.close(at);
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.poll.registry().register(&mut stream, Token(at), interest).is_err() {
            return let_go(stream);
        }
        self.connections[at] = Some(Connection::new(stream));
        self.serve(at);
    }

    fn serve(&mut self, at: usize) {
        let waiting: usize = self.connections.iter().flatten().map(Connection::waiting).sum();
        let Some(Some(connection)) = self.connections.get_mut(at) else { return };
        if connection.serve(waiting < MAX_WAITING) == Done::Yes {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        if let Some(connection) = self.connections[at].take() {
            let_go(connection.into_stream());
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        (0..MAX_CONNECTIONS).for_each(|at| self.close(at));
        if let Some(listener) = self.listener.take() {
            let_go(listener);
        }
        descriptors::change(|held| held.remove(&self.poll));
    }
}

/// Closes a socket, so that no fork finds its number given to another file.
#[cfg(unix)]
fn let_go(socket: impl std::os::fd::AsRawFd) {
    descriptors::change(|held| {
        held.remove(&socket);
        drop(socket);
    });
}

#[cfg(not(unix))]
fn let_go<T>(socket: T) {
    drop(socket);
}
