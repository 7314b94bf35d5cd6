//! The databases that tests run beside them really are there, apart from each other, and gone afterwards.

use std::io::{Read, Write};
use std::net::TcpStream;

use tripod_tests::programs::{Postgres, Redis};

#[test]
fn a_redis_keeps_what_it_is_given_and_is_gone_with_its_test() {
    let Some(redis) = Redis::start(&["--maxmemory", "10mb"]) else { return };
    let mut connection = TcpStream::connect(("127.0.0.1", redis.port)).unwrap();
    connection.write_all(b"SET key value\r\nGET key\r\n").unwrap();
    let mut answer = [0; 16];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+OK\r\n$5\r\nvalue\r\n");
    let port = redis.port;
    drop(redis);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_postgres_answers_a_query_of_the_plain_protocol_and_is_gone_with_its_test() {
    let Some(postgres) = Postgres::start(&["-c", "max_connections=5"]) else { return };
    let mut connection = TcpStream::connect(("127.0.0.1", postgres.port)).unwrap();
    let mut hello = Vec::from(196_608_u32.to_be_bytes());
    hello.extend(b"user\0tripod\0database\0postgres\0\0");
    connection.write_all(&(hello.len() as u32 + 4).to_be_bytes()).unwrap();
    connection.write_all(&hello).unwrap();
    let query = b"SHOW max_connections\0";
    connection.write_all(b"Q").unwrap();
    connection.write_all(&(query.len() as u32 + 4).to_be_bytes()).unwrap();
    connection.write_all(query).unwrap();
    connection.write_all(b"X\0\0\0\x04").unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    // A row of one column with the text "5", and the command's tag.
    assert!(answer.windows(12).any(|part| part == b"D\0\0\0\x0b\0\x01\0\0\0\x015"), "{answer:?}");
    assert!(answer.windows(5).any(|part| part == b"SHOW\0"));
    let port = postgres.port;
    drop(postgres);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
