//! Loki's push request (`logproto.PushRequest`): what Promtail, Grafana Alloy and Fluent Bit send, in protobuf compressed by snappy.

use crate::proto::kind::{Int32, Int64, Many, One, Text};
use crate::proto::protobuf_message;

/// Log lines by stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PushRequest {
    /// The streams.
    pub streams: Vec<Stream>,
}

/// Lines of one set of labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stream {
    /// The labels as text: `{job="a", level="info"}`.
    pub labels: String,
    /// The lines.
    pub entries: Vec<Entry>,
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub timestamp: Timestamp,
    /// The text.
    pub line: String,
    /// What else is known of it.
    pub structured_metadata: Vec<Pair>,
}

/// Protobuf's well-known `Timestamp`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds after that second.
    pub nanos: i32,
}

/// A name and a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Timestamp {
    /// Nanoseconds since the Unix epoch; times that do not fit are the nearest one that does.
    pub fn unix_nano(self) -> u64 {
        let nanos = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos);
        u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
    }
}

protobuf_message!(PushRequest {
    1 streams: Many<Stream>,
});

protobuf_message!(Stream {
    1 labels: Text,
    2 entries: Many<Entry>,
});

protobuf_message!(Entry {
    1 timestamp: One<Timestamp>,
    2 line: Text,
    3 structured_metadata: Many<Pair>,
});

protobuf_message!(Timestamp {
    1 seconds: Int64,
    2 nanos: Int32,
});

protobuf_message!(Pair {
    1 name: Text,
    2 value: Text,
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Message;

    #[test]
    fn a_push_request_comes_back_as_it_was() {
        let entry = Entry {
            timestamp: Timestamp { seconds: 1_700_000_000, nanos: 5 },
            line: "hello".to_owned(),
            structured_metadata: vec![Pair { name: "trace_id".to_owned(), value: "ab".to_owned() }],
        };
        let stream = Stream { labels: r#"{job="a"}"#.to_owned(), entries: vec![entry] };
        let request = PushRequest { streams: vec![stream] };
        assert_eq!(PushRequest::decode(&request.encode_to_vec()).unwrap(), request);
    }

    #[test]
    fn a_time_before_1970_is_the_first_there_is() {
        assert_eq!(Timestamp { seconds: -1, nanos: 0 }.unix_nano(), 0);
        assert_eq!(Timestamp { seconds: i64::MAX, nanos: i32::MAX }.unix_nano(), u64::MAX);
        assert_eq!(Timestamp { seconds: 2, nanos: 7 }.unix_nano(), 2_000_000_007);
    }
}
