//! The commands that Redis knows, with those of its modules: what is none of them has no name of its own in telemetry, as anybody could make
//! one up.

/// A command.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    /// In capitals.
    pub(super) name: &'static str,
    /// Nothing but this in a transaction.
    pub(super) multi: &'static str,
    /// Nothing but this in a pipeline.
    pub(super) pipeline: &'static str,
    /// Its first argument is a key.
    pub(super) keyed: bool,
}

/// What is none.
pub(super) static OTHER: Command =
    Command { name: "_OTHER", multi: "MULTI _OTHER", pipeline: "PIPELINE _OTHER", keyed: false };

impl Command {
    /// The command of this name, in whatever case.
    pub(super) fn of(name: &[u8]) -> &'static Self {
        let mut buffer = [0; 24];
        let Some(capitals) = buffer.get_mut(..name.len()) else { return &OTHER };
        capitals.copy_from_slice(name);
        capitals.make_ascii_uppercase();
        COMMANDS.binary_search_by(|known| known.name.as_bytes().cmp(capitals)).map_or(&OTHER, |at| &COMMANDS[at])
    }

    /// Its first argument says what is run.
    pub(super) fn runs_script(&self) -> bool {
        matches!(self.name, "EVALSHA" | "EVALSHA_RO" | "FCALL" | "FCALL_RO")
    }
}

macro_rules! commands {
    ($($name:literal $first:ident,)*) => {
        &[$(Command {
            name: $name,
            multi: concat!("MULTI ", $name),
            pipeline: concat!("PIPELINE ", $name),
            keyed: commands!(@ $first),
        },)*]
    };
    (@ key) => { true };
    (@ other) => { false };
}

/// By name.
#[rustfmt::skip]
static COMMANDS: &[Command] = commands![
    "ACL" other, "APPEND" key, "ASKING" other, "AUTH" other, "BF.ADD" key, "BF.CARD" key, "BF.EXISTS" key,
    "BF.INFO" key, "BF.INSERT" key, "BF.MADD" key, "BF.MEXISTS" key, "BF.RESERVE" key, "BGREWRITEAOF" other,
    "BGSAVE" other, "BITCOUNT" key, "BITFIELD" key, "BITFIELD_RO" key, "BITOP" other, "BITPOS" key, "BLMOVE" key,
    "BLMPOP" other, "BLPOP" key, "BRPOP" key, "BRPOPLPUSH" key, "BZMPOP" other, "BZPOPMAX" key, "BZPOPMIN" key,
    "CF.ADD" key, "CF.ADDNX" key, "CF.COUNT" key, "CF.DEL" key, "CF.EXISTS" key, "CF.INFO" key, "CF.INSERT" key,
    "CF.RESERVE" key, "CLIENT" other, "CLUSTER" other, "CMS.INCRBY" key, "CMS.INFO" key, "CMS.INITBYDIM" key,
    "CMS.MERGE" key, "CMS.QUERY" key, "COMMAND" other, "CONFIG" other, "COPY" key, "DBSIZE" other, "DEBUG" other,
    "DECR" key, "DECRBY" key, "DEL" key, "DISCARD" other, "DUMP" key, "ECHO" other, "EVAL" other, "EVALSHA" other,
    "EVALSHA_RO" other, "EVAL_RO" other, "EXEC" other, "EXISTS" key, "EXPIRE" key, "EXPIREAT" key, "EXPIRETIME" key,
    "FAILOVER" other, "FCALL" other, "FCALL_RO" other, "FLUSHALL" other, "FLUSHDB" other, "FT.AGGREGATE" other,
    "FT.ALIASADD" other, "FT.ALIASDEL" other, "FT.ALTER" other, "FT.CREATE" other, "FT.CURSOR" other,
    "FT.DROPINDEX" other, "FT.EXPLAIN" other, "FT.INFO" other, "FT.PROFILE" other, "FT.SEARCH" other,
    "FT.TAGVALS" other, "FUNCTION" other, "GEOADD" key, "GEODIST" key, "GEOHASH" key, "GEOPOS" key, "GEORADIUS" key,
    "GEORADIUSBYMEMBER" key, "GEOSEARCH" key, "GEOSEARCHSTORE" key, "GET" key, "GETBIT" key, "GETDEL" key,
    "GETEX" key, "GETRANGE" key, "GETSET" key, "GRAPH.QUERY" other, "HDEL" key, "HELLO" other, "HEXISTS" key,
    "HEXPIRE" key, "HGET" key, "HGETALL" key, "HGETDEL" key, "HGETEX" key, "HINCRBY" key, "HINCRBYFLOAT" key,
    "HKEYS" key, "HLEN" key, "HMGET" key, "HMSET" key, "HPERSIST" key, "HPEXPIRE" key, "HPTTL" key, "HRANDFIELD" key,
    "HSCAN" key, "HSET" key, "HSETEX" key, "HSETNX" key, "HSTRLEN" key, "HTTL" key, "HVALS" key, "INCR" key,
    "INCRBY" key, "INCRBYFLOAT" key, "INFO" other, "JSON.ARRAPPEND" key, "JSON.ARRINDEX" key, "JSON.ARRINSERT" key,
    "JSON.ARRLEN" key, "JSON.ARRPOP" key, "JSON.ARRTRIM" key, "JSON.CLEAR" key, "JSON.DEL" key, "JSON.FORGET" key,
    "JSON.GET" key, "JSON.MERGE" key, "JSON.MGET" key, "JSON.MSET" key, "JSON.NUMINCRBY" key, "JSON.NUMMULTBY" key,
    "JSON.OBJKEYS" key, "JSON.OBJLEN" key, "JSON.RESP" key, "JSON.SET" key, "JSON.STRAPPEND" key, "JSON.STRLEN" key,
    "JSON.TOGGLE" key, "JSON.TYPE" key, "KEYS" other, "LASTSAVE" other, "LATENCY" other, "LCS" key, "LINDEX" key,
    "LINSERT" key, "LLEN" key, "LMOVE" key, "LMPOP" other, "LOLWUT" other, "LPOP" key, "LPOS" key, "LPUSH" key,
    "LPUSHX" key, "LRANGE" key, "LREM" key, "LSET" key, "LTRIM" key, "MEMORY" other, "MGET" key, "MIGRATE" other,
    "MODULE" other, "MONITOR" other, "MOVE" key, "MSET" key, "MSETNX" key, "MULTI" other, "OBJECT" other,
    "PERSIST" key, "PEXPIRE" key, "PEXPIREAT" key, "PEXPIRETIME" key, "PFADD" key, "PFCOUNT" key, "PFMERGE" key,
    "PING" other, "PSETEX" key, "PSUBSCRIBE" other, "PSYNC" other, "PTTL" key, "PUBLISH" other, "PUBSUB" other,
    "PUNSUBSCRIBE" other, "QUIT" other, "RANDOMKEY" other, "READONLY" other, "READWRITE" other, "RENAME" key,
    "RENAMENX" key, "REPLICAOF" other, "RESET" other, "RESTORE" key, "ROLE" other, "RPOP" key, "RPOPLPUSH" key,
    "RPUSH" key, "RPUSHX" key, "SADD" key, "SAVE" other, "SCAN" other, "SCARD" key, "SCRIPT" other, "SDIFF" key,
    "SDIFFSTORE" key, "SELECT" other, "SENTINEL" other, "SET" key, "SETBIT" key, "SETEX" key, "SETNX" key,
    "SETRANGE" key, "SHUTDOWN" other, "SINTER" key, "SINTERCARD" other, "SINTERSTORE" key, "SISMEMBER" key,
    "SLAVEOF" other, "SLOWLOG" other, "SMEMBERS" key, "SMISMEMBER" key, "SMOVE" key, "SORT" key, "SORT_RO" key,
    "SPOP" key, "SPUBLISH" other, "SRANDMEMBER" key, "SREM" key, "SSCAN" key, "SSUBSCRIBE" other, "STRLEN" key,
    "SUBSCRIBE" other, "SUBSTR" key, "SUNION" key, "SUNIONSTORE" key, "SUNSUBSCRIBE" other, "SWAPDB" other,
    "SYNC" other, "TDIGEST.ADD" key, "TDIGEST.CREATE" key, "TDIGEST.QUANTILE" key, "TIME" other, "TOPK.ADD" key,
    "TOPK.LIST" key, "TOPK.QUERY" key, "TOPK.RESERVE" key, "TOUCH" key, "TS.ADD" key, "TS.ALTER" key, "TS.CREATE" key,
    "TS.DECRBY" key, "TS.DEL" key, "TS.GET" key, "TS.INCRBY" key, "TS.INFO" key, "TS.MADD" key, "TS.MGET" other,
    "TS.MRANGE" other, "TS.QUERYINDEX" other, "TS.RANGE" key, "TS.REVRANGE" key, "TTL" key, "TYPE" key, "UNLINK" key,
    "UNSUBSCRIBE" other, "UNWATCH" other, "VADD" key, "VCARD" key, "VDIM" key, "VEMB" key, "VGETATTR" key,
    "VINFO" key, "VLINKS" key, "VRANDMEMBER" key, "VREM" key, "VSETATTR" key, "VSIM" key, "WAIT" other,
    "WAITAOF" other, "WATCH" key, "XACK" key, "XACKDEL" key, "XADD" key, "XAUTOCLAIM" key, "XCLAIM" key, "XDEL" key,
    "XDELEX" key, "XGROUP" other, "XINFO" other, "XLEN" key, "XPENDING" key, "XRANGE" key, "XREAD" other,
    "XREADGROUP" other, "XREVRANGE" key, "XSETID" key, "XTRIM" key, "ZADD" key, "ZCARD" key, "ZCOUNT" key,
    "ZDIFF" other, "ZDIFFSTORE" key, "ZINCRBY" key, "ZINTER" other, "ZINTERCARD" other, "ZINTERSTORE" key,
    "ZLEXCOUNT" key, "ZMPOP" other, "ZMSCORE" key, "ZPOPMAX" key, "ZPOPMIN" key, "ZRANDMEMBER" key, "ZRANGE" key,
    "ZRANGEBYLEX" key, "ZRANGEBYSCORE" key, "ZRANGESTORE" key, "ZRANK" key, "ZREM" key, "ZREMRANGEBYLEX" key,
    "ZREMRANGEBYRANK" key, "ZREMRANGEBYSCORE" key, "ZREVRANGE" key, "ZREVRANGEBYLEX" key, "ZREVRANGEBYSCORE" key,
    "ZREVRANK" key, "ZSCAN" key, "ZSCORE" key, "ZUNION" other, "ZUNIONSTORE" key,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_any_case_and_nothing_else_is() {
        for command in COMMANDS {
            assert_eq!(Command::of(command.name.as_bytes()), command);
            assert_eq!(Command::of(command.name.to_lowercase().as_bytes()), command);
        }
        for unknown in ["", "GETT", "my secret", "A-NAME-LONGER-THAN-ANY-COMMAND-HAS"] {
            assert_eq!(Command::of(unknown.as_bytes()), &OTHER);
        }
    }
}
