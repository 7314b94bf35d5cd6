//! The documents, as a table of sentences with their embeddings.

use std::thread::sleep;
use std::time::Duration;

use tripod::catalog::db::{Db, Pool};
use tripod::traced;

use crate::embedding::{Embedder, Vector};

const SENTENCES: [&str; 8] = [
    "A span ends when its guard is dropped, or when the future it belongs to is done.",
    "Each set of labels is a series of its own, and a metric keeps at most two thousand of them apart.",
    "When the network is away records wait in memory, then on disk, and the oldest are dropped and counted.",
    "A sampler decides at a trace's beginning whether it is recorded, a tail policy at its end whether it is kept.",
    "A counter has a cell for each thread, and whoever reads adds up the cells.",
    "A label whose values are users makes as many series as there are users.",
    "A log line names the trace and the span in which it was written.",
    "An exemplar leads from a bucket of a histogram to a trace that fell into it.",
];

/// The table, read by queries over connections of a pool.
pub(crate) struct Documents {
    db: Db,
    _pool: Pool,
    embedder: Embedder,
    rows: Vec<(Vector, &'static str)>,
}

impl Default for Documents {
    fn default() -> Self {
        let (db, embedder) = (Db::new(), Embedder::default());
        let insert = db.query("insert");
        let rows = SENTENCES.map(|sentence| (embedder.embed(sentence), sentence)).into();
        insert.success();
        Self { _pool: db.pool(4), db, embedder, rows }
    }
}

impl Documents {
    /// The sentences nearest to a question.
    #[traced]
    pub(crate) fn nearest(&self, question: &str, count: usize) -> Vec<&'static str> {
        let wanted = self.embedder.embed(question);
        let _connection = self.db.connection();
        let query = self.db.query("select");
        let mut rows: Vec<_> = self.rows.iter().map(|(at, sentence)| (at.likeness(&wanted), *sentence)).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        rows.truncate(count);
        sleep(Duration::from_millis(2)); // the way to a database
        query.success();
        rows.into_iter().map(|(_, sentence)| sentence).collect()
    }
}
