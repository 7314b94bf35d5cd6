//! A receiver that does as it is told with each request, well or badly.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Do {
    /// Answers with a status, further headers (with their line ends) and a body.
    Answer(u16, &'static str, Vec<u8>),
    /// Reads the request and says nothing, until the other end gives up.
    Hang,
    /// Reads so many bytes and closes the connection.
    CutAfter(usize),
    /// Takes the request, and cuts its answer, a success, in the middle.
    CutAnswer,
    /// Takes the request and answers with success, a byte at a time, waiting so long between two.
    Trickle(Duration),
    /// Reads the request a byte at a time, waiting so long between two.
    ReadSlowly(Duration),
    /// Answers with a status and a body that never ends.
    EndlessBody(u16),
    /// Answers with headers that never end.
    EndlessHeaders,
}

impl Do {
    pub fn accept() -> Self {
        Self::Answer(200, "", Vec::new())
    }

    pub fn status(status: u16) -> Self {
        Self::Answer(status, "", Vec::new())
    }
}

/// The receiver; gone when it is dropped.
pub struct Scripted {
    pub address: SocketAddr,
    /// Bodies that it took, which is what it answered with success.
    pub taken: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Script = Arc<Mutex<dyn FnMut(usize) -> Do + Send>>;

impl Scripted {
    /// At a free port; asks the script about each request, by its number.
    pub fn start(script: impl FnMut(usize) -> Do + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    pub fn start_at(address: SocketAddr, script: impl FnMut(usize) -> Do + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (address, taken, stop) = (listener.local_addr().unwrap(), Arc::default(), Arc::default());
        let own = Connection {
            script: Arc::new(Mutex::new(script)),
            number: Arc::default(),
            taken: Arc::clone(&taken),
            stop: Arc::clone(&stop),
        };
        let thread = thread::spawn(move || {
            let mut connections = Vec::new();
            for stream in listener.incoming() {
                if own.stop.load(Ordering::Relaxed) {
                    break;
                }
                let own = own.clone();
                let stream = stream.unwrap();
                connections.push(thread::spawn(move || own.serve(stream)));
            }
            drop(listener);
            connections.into_iter().for_each(|connection| connection.join().unwrap());
        });
        Self { address, taken, stop, thread: Some(thread) }
    }

    /// An address where nobody listens.
    pub fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bodies that it took so far.
    pub fn taken(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[derive(Clone)]
struct Connection {
    script: Script,
    /// Requests so far.
    number: Arc<Mutex<usize>>,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
}

impl Connection {
    /// Requests one after the other, as long as both ends keep the connection.
    fn serve(&self, mut stream: TcpStream) {
        // To look now and then whether all is over.
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        while self.wait_for_bytes(&stream) {
            let what = {
                let mut number = self.number.lock().unwrap();
                *number += 1;
                (self.script.lock().unwrap())(*number)
            };
            if self.act(&mut stream, &what).is_none() {
                return;
            }
        }
    }

    fn wait_for_bytes(&self, stream: &TcpStream) -> bool {
        while !self.stop.load(Ordering::Relaxed) {
            match stream.peek(&mut [0]) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(error) if would_block(&error) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// `None` when the connection is to be closed.
    fn act(&self, stream: &mut TcpStream, what: &Do) -> Option<()> {
        match what {
            Do::CutAfter(bytes) => {
                self.read(stream, *bytes)?;
                None
            }
            Do::ReadSlowly(pause) => {
                while !self.stop.load(Ordering::Relaxed) {
                    self.read(stream, 1)?;
                    thread::sleep(*pause);
                }
                None
            }
            Do::Hang => {
                self.read_request(stream)?;
                while self.read(stream, 1).is_some() {}
                None
            }
            Do::Answer(status, headers, answer) => {
                let body = self.read_request(stream)?;
                if *status == 200 {
                    self.taken.lock().unwrap().push(body);
                }
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", answer.len());
                stream.write_all(head.as_bytes()).ok()?;
                stream.write_all(answer).ok()
            }
            Do::CutAnswer => {
                let body = self.read_request(stream)?;
                self.taken.lock().unwrap().push(body);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").ok()?;
                None
            }
            Do::Trickle(pause) => {
                let body = self.read_request(stream)?;
                self.taken.lock().unwrap().push(body);
                for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" {
                    stream.write_all(&[*byte]).ok()?;
                    thread::sleep(*pause);
                }
                Some(())
            }
            Do::EndlessBody(status) => {
                self.read_request(stream)?;
                let head = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n\r\n");
                stream.write_all(head.as_bytes()).ok()?;
                self.write_for_ever(stream, b"10\r\nno, no, no, no, \r\n")
            }
            Do::EndlessHeaders => {
                self.read_request(stream)?;
                stream.write_all(b"HTTP/1.1 200 OK\r\n").ok()?;
                self.write_for_ever(stream, b"x-more: and more, and more, and more\r\n")
            }
        }
    }

    fn write_for_ever(&self, stream: &mut TcpStream, what: &[u8]) -> Option<()> {
        stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        while !self.stop.load(Ordering::Relaxed) {
            match stream.write_all(what) {
                Err(error) if !would_block(&error) => return None,
                _ => {}
            }
        }
        None
    }

    /// So many bytes, or less at the end of the time; `None` when the other end has closed.
    fn read(&self, stream: &mut TcpStream, bytes: usize) -> Option<Vec<u8>> {
        let mut read = vec![0; bytes];
        let mut len = 0;
        while len < bytes && !self.stop.load(Ordering::Relaxed) {
            match stream.read(&mut read[len..]) {
                Ok(0) => return None,
                Ok(more) => len += more,
                Err(error) if would_block(&error) => {}
                Err(_) => return None,
            }
        }
        (len == bytes).then_some(read)
    }

    /// The body of a request.
    fn read_request(&self, stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.read(stream, 1)?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        self.read(stream, length.trim().parse().unwrap())
    }
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
