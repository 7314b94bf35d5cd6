//! SQL without its literals: short, final, and without what stood in quotes, whatever it was made from.
#![no_main]

use tripod::instrument::db::{Dialect, sanitize, summarize};

libfuzzer_sys::fuzz_target!(|text: &str| {
    for dialect in [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql, Dialect::Other] {
        let once = sanitize(dialect, text);
        // A name in quotes may have any character in it.
        let names = text.contains(['"', '`', '[']);
        assert!(once.len() <= 4_096 && (names || !once.contains('\'')), "{dialect:?}: {text:?} became {once:?}");
        // What is cut may end within a name's quotes.
        if once.len() < 4_000 {
            assert_eq!(sanitize(dialect, &once), once, "{dialect:?}: {text:?}, once more");
        }
        let summary = summarize(dialect, text);
        assert!(summary.len() <= 255, "{dialect:?}: {text:?} is summed up as {summary:?}");
        assert!(names || !summary.contains('\''), "{dialect:?}: {text:?} is summed up as {summary:?}");
    }
});
