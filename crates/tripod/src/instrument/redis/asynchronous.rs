//! Connections that don't block.

use redis::aio::ConnectionLike;
use redis::{Arg, Cmd, Pipeline, RedisFuture, RedisResult, Value};

use super::batch::{batch, command};
use super::connection::Connection;
use super::failure::{error_in, failure};
use crate::instrument::db::Operation;

impl<C: ConnectionLike + Send> ConnectionLike for Connection<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut operation = command(&self.target.client, self.target.keys, arguments(cmd));
            let answer = operation.within(self.inner.req_packed_command(cmd)).await;
            ended(&mut operation, answer, |answer| std::slice::from_ref(answer))
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let commands = pipeline.cmd_iter().map(arguments).collect::<Vec<_>>();
            let mut operation =
                batch(&self.target.client, self.target.keys, pipeline.is_transaction(), commands.into_iter());
            let answers = operation.within(self.inner.req_packed_commands(pipeline, offset, count)).await;
            ended(&mut operation, answers, |answers| answers)
        })
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

pub(super) fn arguments(cmd: &Cmd) -> impl Iterator<Item = Option<&[u8]>> + Clone {
    cmd.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => Some(bytes),
        _ => None,
    })
}

/// Ends the operation as the result says: an answer may be an error, too.
pub(super) fn ended<T>(
    operation: &mut Operation,
    result: RedisResult<T>,
    answers: impl FnOnce(&T) -> &[Value],
) -> RedisResult<T> {
    let failure = match &result {
        Ok(answer) => error_in(answers(answer)),
        Err(error) => Some(failure(error)),
    };
    match &failure {
        Some(failure) => operation.fail(failure),
        None => operation.succeed(),
    }
    result
}
