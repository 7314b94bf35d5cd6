//! JSON documents of a stream, one after the other: a line each, or spread over lines.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use serde_json::de::IoRead;
use serde_json::{Deserializer, StreamDeserializer, Value};

/// The largest document; as a tree in memory it takes several times as much.
const MAX_DOCUMENT: u64 = 512 << 20;

/// The documents of a reader.
pub(super) struct Documents<R: Read> {
    read: Rc<Cell<u64>>,
    stream: StreamDeserializer<'static, IoRead<Counted<R>>, Value>,
}

impl<R: Read> Documents<R> {
    /// Documents of what should be buffered, since it is read byte by byte.
    pub(super) fn new(input: R) -> Self {
        let read = Rc::new(Cell::new(0));
        let counted = Counted { input, read: Rc::clone(&read) };
        Self { read, stream: Deserializer::from_reader(counted).into_iter() }
    }
}

impl<R: Read> Iterator for Documents<R> {
    type Item = Result<Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read.set(0);
        let document = self.stream.next()?;
        Some(document.map_err(|error| match error.io_error_kind() {
            Some(_) => error.to_string(),
            None if error.is_eof() => format!("it ends within a document: {error}"),
            None => format!("it is no JSON: {error}"),
        }))
    }
}

/// Refuses to go on within one document without end.
struct Counted<R> {
    input: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        if self.read.get() > MAX_DOCUMENT {
            return Err(io::Error::other(format!("a document is larger than {} MiB", MAX_DOCUMENT >> 20)));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_may_be_lines_or_spread_over_them() {
        let all: Vec<_> = Documents::new(&b"{\"a\":1}\n{\"a\":\n 2}[3]\n\n"[..]).map(Result::unwrap).collect();
        assert_eq!(all, [json!({ "a": 1 }), json!({ "a": 2 }), json!([3])]);
    }

    #[test]
    fn what_is_cut_off_or_no_json_is_said_with_its_place() {
        let last = |text: &'static str| Documents::new(text.as_bytes()).last().unwrap().unwrap_err();
        assert!(
            last("{\"a\":1}\n{\"a\":").contains("ends within a document")
                && last("{\"a\":1}\n{\"a\":").contains("line 2")
        );
        assert!(last("PAR1").contains("no JSON"));
        assert!(last(Box::leak("[".repeat(100_000).into_boxed_str())).contains("recursion"));
        assert!(Documents::new(&b""[..]).next().is_none());
    }
}
