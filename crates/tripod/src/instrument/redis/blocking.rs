//! Connections that block.

use redis::{Cmd, ConnectionLike, RedisResult, Value};

use super::asynchronous::ended;
use super::batch::{batch, command};
use super::connection::Connection;
use super::packed::commands;
use crate::instrument::db::Operation;

impl<C: ConnectionLike> Connection<C> {
    /// A transaction is sent with the commands that make it one.
    fn start(&self, packed: &[u8], is_batch: bool) -> Operation {
        let all: Vec<Vec<&[u8]>> = commands(packed).collect();
        let is_transaction =
            is_batch && matches!(&*all, [first, .., last] if **first == [b"MULTI"] && **last == [b"EXEC"]);
        let inner = if is_transaction { &all[1..all.len() - 1] } else { &all[..] };
        let each = inner.iter().map(|arguments| arguments.iter().copied().map(Some));
        batch(&self.target.client, self.target.keys, is_transaction, each)
    }
}

impl<C: ConnectionLike> ConnectionLike for Connection<C> {
    fn req_packed_command(&mut self, cmd: &[u8]) -> RedisResult<Value> {
        let mut operation = self.start(cmd, false);
        let answer = operation.within_call(|| self.inner.req_packed_command(cmd));
        ended(&mut operation, answer, |answer| std::slice::from_ref(answer))
    }

    fn req_packed_commands(&mut self, cmd: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        let mut operation = self.start(cmd, true);
        let answers = operation.within_call(|| self.inner.req_packed_commands(cmd, offset, count));
        ended(&mut operation, answers, |answers| answers)
    }

    fn req_command(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        let mut operation = command(&self.target.client, self.target.keys, super::asynchronous::arguments(cmd));
        let answer = operation.within_call(|| self.inner.req_command(cmd));
        ended(&mut operation, answer, |answer| std::slice::from_ref(answer))
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }

    fn supports_pipelining(&self) -> bool {
        self.inner.supports_pipelining()
    }

    fn check_connection(&mut self) -> bool {
        self.inner.check_connection()
    }

    fn is_open(&self) -> bool {
        self.inner.is_open()
    }
}
