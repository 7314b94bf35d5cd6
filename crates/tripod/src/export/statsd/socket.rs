//! Where packets go: datagrams over UDP, or to a Unix socket. Nothing here waits longer than [`PATIENCE`] for a packet to leave.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
#[cfg(unix)]
use std::os::unix::net::UnixDatagram;
#[cfg(unix)]
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Error;
use crate::config::env::invalid;

const DEFAULT_PORT: u16 = 8125;

/// How long one packet may wait for the system to take it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long an answer of the name service is good.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);

/// A server's address, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Udp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

/// Why a packet did not leave.
#[derive(Debug)]
pub(super) enum SendError {
    /// Nobody listens there, so whatever was sent before may not have been heard either.
    Gone(String),
    /// It may leave later.
    Later(String),
    /// It is longer than a packet can be on this way.
    TooLong(String),
}

/// A socket that is made when it is needed, and again when its server is.
#[derive(Debug)]
pub(super) struct Sender {
    address: Address,
    socket: Option<Socket>,
    /// Of a host's addresses, the one that is tried next.
    turn: usize,
}

#[derive(Debug)]
enum Socket {
    Udp {
        socket: UdpSocket,
        resolved: Vec<SocketAddr>,
        at: Instant,
    },
    #[cfg(unix)]
    Unix(UnixDatagram),
}

impl Address {
    /// # Errors
    /// [`Error::Config`] of what is no address.
    pub(super) fn parse(setting: &str, given: &str) -> Result<Self, Error> {
        let wrong = || {
            invalid(
                setting,
                given,
                "must be host:port, for example localhost:8125, or a Unix datagram socket such as unix:///run/statsd.sock",
            )
        };
        #[cfg(unix)]
        if let Some(path) = given.strip_prefix("unix://").or_else(|| given.strip_prefix("unixgram://")) {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        let given_host = given.strip_prefix("udp://").unwrap_or(given);
        if given_host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(wrong());
        }
        let (host, port) = match given_host.strip_prefix('[') {
            Some(v6) => {
                let (host, rest) = v6.split_once(']').ok_or_else(wrong)?;
                (host, rest.strip_prefix(':').or(Some("").filter(|_| rest.is_empty())).ok_or_else(wrong)?)
            }
            None if given_host.parse::<Ipv6Addr>().is_ok() => (given_host, ""),
            None => given_host.split_once(':').unwrap_or((given_host, "")),
        };
        let port = if port.is_empty() { Ok(DEFAULT_PORT) } else { port.parse() };
        match port {
            Ok(port) if port > 0 && !host.is_empty() => Ok(Self::Udp { host: host.to_owned(), port }),
            _ => Err(wrong()),
        }
    }

    /// Bytes that a packet may have to get there in one piece: what is left of an Ethernet frame, or DogStatsD's buffer.
    pub(super) fn usual_packet(&self) -> usize {
        match self {
            Self::Udp { .. } => 1432,
            #[cfg(unix)]
            Self::Unix(_) => 8192,
        }
    }

    fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Udp { host, port } => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
            #[cfg(unix)]
            Self::Unix(_) => Ok(Vec::new()),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Udp { host, port } => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Sender {
    pub(super) fn new(address: Address) -> Self {
        Self { address, socket: None, turn: 0 }
    }

    /// Lets go of the socket.
    pub(super) fn close(&mut self) {
        self.socket = None;
    }

    /// Looks up a host's name again, when the last answer is old.
    pub(super) fn refresh(&mut self) {
        if let Some(Socket::Udp { resolved, at, .. }) = &mut self.socket
            && at.elapsed() >= RESOLVE_EVERY
        {
            // While there is no answer, the last one has to do.
            if self.address.resolve().is_ok_and(|now| now != *resolved) {
                self.socket = None;
            } else {
                *at = Instant::now();
            }
        }
    }

    /// Sends a packet. A host with several addresses is tried at each of them, while nothing else was sent to the one before.
    pub(super) fn send(&mut self, packet: &[u8]) -> Result<(), SendError> {
        let mut tried = 0;
        loop {
            let fresh = self.socket.is_none();
            let socket = if let Some(socket) = &self.socket {
                socket
            } else {
                let opened = self.open().map_err(|error| self.said(&error))?;
                self.socket.insert(opened)
            };
            let (result, addresses) = (socket.send(packet), socket.addresses());
            let Err(error) = result else { return Ok(()) };
            let error = self.said(&error);
            if !matches!(error, SendError::TooLong(_)) {
                self.socket = None;
            }
            if matches!(error, SendError::Gone(_)) {
                (self.turn, tried) = (self.turn.wrapping_add(1), tried + 1);
                if fresh && tried < addresses {
                    continue;
                }
            }
            return Err(error);
        }
    }

    fn open(&self) -> io::Result<Socket> {
        #[cfg(unix)]
        if let Address::Unix(path) = &self.address {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            return Ok(Socket::Unix(socket));
        }
        let (resolved, at) = (self.address.resolve()?, Instant::now());
        let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for next in 0..resolved.len() {
            match connect(resolved[self.turn.wrapping_add(next) % resolved.len()]) {
                Ok(socket) => return Ok(Socket::Udp { socket, resolved, at }),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn said(&self, error: &io::Error) -> SendError {
        let reason = format!("{}: {error}", self.address);
        match error.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::NotConnected
            | ErrorKind::NotFound => SendError::Gone(reason),
            _ if is_too_long(error) => SendError::TooLong(reason),
            _ => SendError::Later(reason),
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any = match to.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

impl Socket {
    fn addresses(&self) -> usize {
        match self {
            Self::Udp { resolved, .. } => resolved.len(),
            #[cfg(unix)]
            Self::Unix(_) => 1,
        }
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp { socket, .. } => {
                socket.send(packet)?;
                // That nobody listens is said after the fact: on this machine at once, from afar to a later packet.
                socket.take_error()?.map_or(Ok(()), Err)
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(packet).map(drop),
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    #[cfg(windows)]
    const TOO_LONG: i32 = 10040;
    #[cfg(not(windows))]
    const TOO_LONG: i32 = libc::EMSGSIZE;
    error.raw_os_error() == Some(TOO_LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(host: &str, port: u16) -> Address {
        Address::Udp { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_are_hosts_with_or_without_a_port_and_unix_sockets() {
        let parse = |given| Address::parse("STATSD_HOST", given).unwrap();
        assert_eq!(parse("statsd.local:9125"), udp("statsd.local", 9125));
        assert_eq!(parse("udp://10.0.0.7"), udp("10.0.0.7", 8125));
        assert_eq!((parse("[::1]:9"), parse("::1")), (udp("::1", 9), udp("::1", 8125)));
        #[cfg(unix)]
        assert_eq!(parse("unix:///run/statsd.sock"), Address::Unix("/run/statsd.sock".into()));
        for wrong in ["", ":8125", "host:0", "host:port", "[::1", "[::1]8125", "unix://", "http://host", "a b"] {
            let error = Address::parse("STATSD_HOST", wrong).unwrap_err().to_string();
            assert!(error.contains("localhost:8125"), "{wrong}: {error}");
        }
    }

    /// The system may say late that nobody listens: sends until the server has heard something.
    fn until_heard(sender: &mut Sender, server: &UdpSocket) {
        server.set_nonblocking(true).unwrap();
        while server.recv(&mut [0; 16]).is_err() {
            let _ = sender.send(b"a:1|c");
        }
    }

    #[test]
    fn a_name_with_several_addresses_is_tried_at_each_until_somebody_listens() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        // Often two addresses, of which the server has one.
        let mut sender = Sender::new(udp("localhost", port));
        until_heard(&mut sender, &server);
        drop(server);
        while !matches!(sender.send(b"a:1|c"), Err(SendError::Gone(_))) {}
        let again = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        until_heard(&mut sender, &again);
    }

    #[cfg(unix)]
    #[test]
    fn a_full_unix_socket_costs_bounded_time_and_one_that_comes_back_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut sender = Sender::new(Address::Unix(path.clone()));
        assert!(matches!(sender.send(b"a:1|c"), Err(SendError::Gone(_))), "it is not there yet");
        let server = UnixDatagram::bind(&path).unwrap();
        let mut sent = 0;
        let error = loop {
            match sender.send(b"a:1|c") {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SendError::Later(_)), "{error:?}");
        let mut buffer = [0; 16];
        (0..sent).for_each(|_| assert_eq!(server.recv(&mut buffer).unwrap(), 5));
        sender.send(b"a:1|c").unwrap();
        drop(server);
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(sender.send(b"a:1|c"), Err(SendError::Gone(_))));
        let _again = UnixDatagram::bind(&path).unwrap();
        sender.send(b"a:1|c").unwrap();
    }

    #[test]
    fn a_packet_that_is_too_long_for_the_way_is_told_from_one_that_has_to_wait() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::new(udp("127.0.0.1", server.local_addr().unwrap().port()));
        assert!(matches!(sender.send(&vec![b'a'; 70_000]), Err(SendError::TooLong(_))));
        sender.send(b"a:1|c").unwrap();
    }
}
