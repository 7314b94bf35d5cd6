//! Prometheus remote read: what a reader POSTs, snappy-compressed, and the answer in samples (`prometheus.ReadRequest`,
//! `prometheus.ReadResponse`).

use super::remote_write::TimeSeries;
use crate::WireError;
use crate::proto::kind::{Enum, Int64, Many, Packed, Scalar, Text};
use crate::proto::{Reader, WireType, protobuf_message, put_varint};

/// What is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadRequest {
    /// The queries.
    pub queries: Vec<Query>,
    /// Forms of the answer that the reader takes, the best first; none is [`ResponseType::SAMPLES`].
    pub accepted_response_types: Vec<ResponseType>,
}

/// Series and a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// From when, in milliseconds since the Unix epoch.
    pub start_timestamp_ms: i64,
    /// Until when, inclusive.
    pub end_timestamp_ms: i64,
    /// Which series: those that satisfy all.
    pub matchers: Vec<LabelMatcher>,
}

/// A condition on a label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelMatcher {
    /// How to compare.
    pub kind: MatcherType,
    /// The label.
    pub name: String,
    /// With what.
    pub value: String,
}

/// What was read: a result a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadResponse {
    /// In the order of the queries.
    pub results: Vec<QueryResult>,
}

/// Series with their samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// Sorted by labels.
    pub timeseries: Vec<TimeSeries>,
}

open_enum! {
    /// How a matcher compares.
    MatcherType {
        /// `=`
        EQUAL = 0, "EQ";
        /// `!=`
        NOT_EQUAL = 1, "NEQ";
        /// `=~`
        REGEX = 2, "RE";
        /// `!~`
        NOT_REGEX = 3, "NRE";
    }
}

open_enum! {
    /// The form of an answer.
    ResponseType {
        /// One message of samples.
        SAMPLES = 0, "SAMPLES";
        /// A stream of frames with chunks, as Prometheus stores them.
        STREAMED_XOR_CHUNKS = 1, "STREAMED_XOR_CHUNKS";
    }
}

/// A response type in a row of them.
struct Type;

impl Scalar for Type {
    type Value = ResponseType;
    const WIRE_TYPE: WireType = WireType::Varint;

    fn read(wire_type: WireType, reader: &mut Reader<'_>) -> Result<ResponseType, WireError> {
        Ok(ResponseType(reader.varint(wire_type)? as i32))
    }

    fn put_value(value: ResponseType, out: &mut Vec<u8>) {
        put_varint(out, i64::from(value.0) as u64);
    }

    fn is_default(value: ResponseType) -> bool {
        value == ResponseType::SAMPLES
    }
}

protobuf_message!(ReadRequest {
    1 queries: Many<Query>,
    2 accepted_response_types: Packed<Type>,
});

protobuf_message!(Query {
    1 start_timestamp_ms: Int64,
    2 end_timestamp_ms: Int64,
    3 matchers: Many<LabelMatcher>,
});

protobuf_message!(LabelMatcher {
    1 kind: Enum<MatcherType>,
    2 name: Text,
    3 value: Text,
});

protobuf_message!(ReadResponse {
    1 results: Many<QueryResult>,
});

protobuf_message!(QueryResult {
    1 timeseries: Many<TimeSeries>,
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Message;

    #[test]
    fn a_request_is_read_back_with_every_field() {
        let matcher = |kind, value: &str| LabelMatcher { kind, name: "job".to_owned(), value: value.to_owned() };
        let request = ReadRequest {
            queries: vec![Query {
                start_timestamp_ms: -5,
                end_timestamp_ms: 7,
                matchers: vec![matcher(MatcherType::EQUAL, "a"), matcher(MatcherType::NOT_REGEX, "b.*")],
            }],
            accepted_response_types: vec![ResponseType::STREAMED_XOR_CHUNKS, ResponseType::SAMPLES],
        };
        assert_eq!(ReadRequest::decode(&request.encode_to_vec()), Ok(request));
    }

    #[test]
    fn the_bytes_are_those_of_prometheus_schema() {
        // Written down by hand from the published schema: a query with a matcher, its hints (field 4), a response type.
        let bytes = b"\x0a\x13\x08\x01\x10\x02\x1a\x08\x08\x02\x12\x01x\x1a\x01y\x22\x03\x08\x96\x01\x12\x01\x01";
        let matcher = LabelMatcher { kind: MatcherType::REGEX, name: "x".to_owned(), value: "y".to_owned() };
        let query = Query { start_timestamp_ms: 1, end_timestamp_ms: 2, matchers: vec![matcher] };
        let types = vec![ResponseType::STREAMED_XOR_CHUNKS];
        let expected = ReadRequest { queries: vec![query], accepted_response_types: types };
        assert_eq!(ReadRequest::decode(bytes), Ok(expected));
    }
}
