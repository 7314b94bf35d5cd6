//! How far long work is: a bar on standard error while that is a terminal, and nothing elsewhere.

use std::io::{self, Read, Write};

use indicatif::{ProgressBar, ProgressStyle};

const OF_TOTAL: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
const WITHOUT: &str = "{msg} {spinner} {bytes} {binary_bytes_per_sec} {elapsed}";

/// Work that is counted in bytes.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Work of so many bytes, if that is known.
    pub(crate) fn bytes(what: &'static str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), OF_TOTAL),
            None => (ProgressBar::no_length(), WITHOUT),
        };
        // A template that is wrong would be seen in its test.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━ "));
        }
        Self(bar.with_message(what))
    }

    /// So many bytes are done, of so many.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// What is read counts as done.
    pub(crate) fn read<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.0.wrap_read(input)
    }

    /// What is written counts as done.
    pub(crate) fn write<W: Write>(&self, out: W) -> Written<W> {
        Written { out, bar: self.0.clone() }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A writer that counts.
pub(crate) struct Written<W> {
    out: W,
    bar: ProgressBar,
}

impl<W> Written<W> {
    /// What is written to.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for Written<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_written_is_counted() {
        let progress = Progress::bytes("reading", Some(10));
        let mut text = String::new();
        progress.read(&b"0123456789"[..]).read_to_string(&mut text).unwrap();
        assert_eq!(progress.0.position(), 10);
        let mut out = Progress::bytes("writing", None).write(Vec::new());
        out.write_all(text.as_bytes()).unwrap();
        assert_eq!((out.bar.position(), out.into_inner().len()), (10, 10));
    }

    #[test]
    fn templates_are_right() {
        for template in [OF_TOTAL, WITHOUT] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
    }
}
