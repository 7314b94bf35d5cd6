//! A Redis of a test's own: in memory only, on a port of loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::{Running, free_address, wait_for};
use crate::setup;

/// A Redis.
#[derive(Debug)]
pub struct Redis {
    /// Its address, as the crate `redis` takes it: `redis://127.0.0.1:40123`.
    pub url: String,
    /// Its port.
    pub port: u16,
    _process: Running,
    _data: tempfile::TempDir,
}

impl Redis {
    /// Starts one and waits until it answers; none, said, where it can't be had. `more` are further arguments: `--maxmemory`, `10mb`.
    pub fn start(more: &[&str]) -> Option<Self> {
        let programs = setup::run("tests/redis/setup.sh", &[])?;
        let data = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let port = address.port();
        let mut server = Command::new(Path::new(&programs).join("redis-server"));
        server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]).args(["--port", &port.to_string()]);
        let process = Running::start(server.arg("--dir").arg(data.path()).args(more));
        wait_for("Redis answers", || answers(address).then_some(()));
        Some(Self { url: format!("redis://{address}"), port, _process: process, _data: data })
    }
}

fn answers(address: SocketAddr) -> bool {
    let ping = || -> std::io::Result<[u8; 7]> {
        let mut connection = TcpStream::connect(address)?;
        connection.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        connection.read_exact(&mut answer)?;
        Ok(answer)
    };
    ping().is_ok_and(|answer| answer == *b"+PONG\r\n")
}
