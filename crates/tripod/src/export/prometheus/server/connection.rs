//! One client's connection: reads a request, writes its answer, and again.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use mio::net::TcpStream;

use super::request::{self, MAX_HEAD, Request};

/// For a request, from its first byte to its last.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// For the client to read an answer.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Between two requests: longer than the usual interval of scrapes.
const IDLE_TIME: Duration = Duration::from_secs(150);
/// For the client to notice that the connection ends.
const LAST_TIME: Duration = Duration::from_secs(1);

/// Requests of one connection, so that a client which never ends is put behind the others now and then.
const MAX_REQUESTS: u32 = 100;

/// Whether a connection can be closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    Yes,
    NotYet,
}

/// What happens on a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request is awaited, or read.
    Reading,
    Writing,
    /// All was said. What the client still sends is passed over, or its system would throw away the answer.
    Ending,
}

pub(super) struct Connection {
    stream: TcpStream,
    phase: Phase,
    deadline: Instant,
    input: Vec<u8>,
    output: Vec<u8>,
    /// How much of the output the client's side has taken.
    sent: usize,
    requests: u32,
    keep_alive: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            phase: Phase::Reading,
            deadline: Instant::now() + HEAD_TIME,
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            requests: 0,
            keep_alive: true,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Bytes that the client has not read.
    pub(super) fn waiting(&self) -> usize {
        self.output.len() - self.sent
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Goes on for as long as nothing has to be waited for.
    pub(super) fn serve(&mut self, has_room: bool) -> Done {
        loop {
            let step = match self.phase {
                Phase::Reading => self.read(has_room),
                Phase::Writing => self.write(),
                Phase::Ending => self.end(),
            };
            match step {
                Ok(Done::NotYet) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Done::NotYet,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Done::Yes) | Err(_) => return Done::Yes,
            }
        }
    }

    fn read(&mut self, has_room: bool) -> io::Result<Done> {
        if let Some((request, len)) = request::read(&self.input) {
            self.input.drain(..len);
            self.answer(&request, has_room);
            return Ok(Done::NotYet);
        }
        let mut some = [0; 4096];
        let room = (MAX_HEAD - self.input.len()).min(some.len());
        let len = self.stream.read(&mut some[..room])?;
        if len == 0 {
            return Ok(Done::Yes);
        }
        if self.input.is_empty() {
            self.deadline = Instant::now() + HEAD_TIME;
        }
        self.input.extend_from_slice(&some[..len]);
        Ok(Done::NotYet)
    }

    fn answer(&mut self, request: &Request, has_room: bool) {
        self.requests += 1;
        self.keep_alive = request.keep_alive && self.requests < MAX_REQUESTS;
        self.output = request.answer(self.keep_alive, has_room);
        self.sent = 0;
        self.phase = Phase::Writing;
        self.deadline = Instant::now() + ANSWER_TIME;
    }

    fn write(&mut self) -> io::Result<Done> {
        self.sent += match self.stream.write(&self.output[self.sent..])? {
            0 => return Ok(Done::Yes),
            len => len,
        };
        if self.sent < self.output.len() {
            return Ok(Done::NotYet);
        }
        (self.output, self.sent) = (Vec::new(), 0);
        if self.keep_alive {
            self.phase = Phase::Reading;
            self.deadline = Instant::now() + if self.input.is_empty() { IDLE_TIME } else { HEAD_TIME };
        } else {
            self.phase = Phase::Ending;
            self.deadline = Instant::now() + LAST_TIME;
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(Done::NotYet)
    }

    fn end(&mut self) -> io::Result<Done> {
        let mut some = [0; 4096];
        let len = self.stream.read(&mut some)?;
        Ok(if len == 0 || self.deadline <= Instant::now() { Done::Yes } else { Done::NotYet })
    }
}
