//! A query, prepared: which blocks may have rows that satisfy it, and which of a block's rows do.
//!
//! A block is passed over by its head (time, levels, services), then by postings and filters, before a column is read. Of one
//! that is read, the cheapest conditions are looked at first, and no further column when no row is left.

use memchr::memmem::Finder;
use roaring::RoaringBitmap;
use tripod_wire::otlp::KeyValue;

use super::block::Reading;
use super::conditions::Also;
use super::find::{self, Hit};
use super::needs::Need;
use super::units::{Known, Unit};
use super::{terms, text};
use crate::engine::PartFile;
use crate::records::{Context, RecordPart};
use crate::{AttributeMatch, LogQuery, StoreError, StoredLog, Window};

/// A query that is ready to be asked.
pub(crate) struct Search<'q> {
    pub(crate) query: &'q LogQuery,
    words: Vec<Finder<'static>>,
    also: Vec<Also<'q>>,
    need: Need,
}

impl<'q> Search<'q> {
    pub(crate) fn new(query: &'q LogQuery) -> Self {
        let words: Vec<Vec<u8>> = query.text.iter().map(|word| terms::folded(word)).collect();
        let also: Vec<Also<'_>> = query.also.iter().map(Also::new).collect();
        let of_regex = query.regex.iter().map(Need::regex).chain(also.iter().filter_map(Also::need));
        let need = Need::All(words.iter().map(|word| Need::word(word)).chain(of_regex).collect()).in_terms();
        let words = words.into_iter().filter(|word| !word.is_empty()).map(|word| Finder::new(&word).into_owned());
        Self { query, words: words.collect(), also, need }
    }

    /// Whether heads of blocks can't tell which rows satisfy it, even where all of a block are of one service.
    pub(crate) fn must_read(&self) -> bool {
        let query = self.query;
        !(self.words.is_empty() && query.regex.is_none() && query.attributes.is_empty())
            || query.trace_id.is_some()
            || query.span_id.is_some()
            || self.also.iter().any(Also::must_read)
    }

    /// Whether the level of a row matters.
    pub(crate) fn tells_levels_apart(&self) -> bool {
        self.query.severity.is_some() || self.also.iter().any(Also::is_of_level)
    }

    /// Whether the conditions on levels, but for the range of severities, let one pass.
    pub(crate) fn wants_level(&self, level: &str) -> bool {
        self.also.iter().all(|also| also.wants_level(level))
    }

    /// What a context says of its rows.
    pub(crate) fn of_context(&self, context: &Context) -> OfContext {
        let has = |wanted: &AttributeMatch| {
            let attributes = context.resource.attributes.iter().chain(&context.scope.attributes);
            let is = |attribute: &KeyValue| attribute.key == wanted.key && attribute.value.to_string() == wanted.value;
            attributes.into_iter().any(is)
        };
        let also: Vec<Option<bool>> = self.also.iter().map(|also| also.of_context(context)).collect();
        let is_service = self.query.service.as_ref().is_none_or(|service| context.service == *service);
        OfContext {
            wanted: is_service && !also.contains(&Some(false)),
            has: self.query.attributes.iter().map(has).collect(),
            also,
        }
    }

    /// Whether a block may have rows that satisfy the query, as far as that is known of it.
    pub(crate) fn accepts(&self, known: &Known, window: Window) -> bool {
        known.min_time <= window.end
            && known.max_time >= window.start
            && self
                .query
                .severity
                .as_ref()
                .is_none_or(|wanted| known.levels.is_none_or(|levels| levels.may_have(wanted)))
    }

    /// Which of a part's blocks may have the attributes asked for.
    pub(crate) fn with_attributes(
        &self,
        part: &RecordPart,
        file: &PartFile,
        contexts: &[OfContext],
        mut among: RoaringBitmap,
    ) -> Result<RoaringBitmap, StoreError> {
        for (at, wanted) in self.query.attributes.iter().enumerate() {
            let by_context =
                |block: &u32| part.head(*block).contexts.iter().any(|context| contexts[*context as usize].has[at]);
            let of_context: RoaringBitmap = among.iter().filter(by_context).collect();
            among -= &of_context;
            among = part.candidates(file, &wanted.key, &wanted.value, &among)? | of_context;
        }
        Ok(among)
    }

    /// Whether a part's block may have what is searched for.
    pub(crate) fn may_say(&self, part: &RecordPart, file: &PartFile, block: u32) -> Result<bool, StoreError> {
        let among = RoaringBitmap::from_iter([block]);
        self.need.may_be_true(&mut |term| Ok(!part.token_candidates(file, term, &among)?.is_empty()))
    }

    /// The rows of a block, in order, that satisfy the query and lie within the window.
    pub(crate) fn rows(&self, unit: &Unit<'_>, window: Window) -> Result<Vec<u32>, StoreError> {
        let rows = unit.read(|block, contexts| self.rows_of(block, contexts, &unit.known, window))?;
        let mut tests = self.also.iter().filter_map(Also::record).peekable();
        if rows.is_empty() || tests.peek().is_none() {
            return Ok(rows);
        }
        let hits: Vec<Hit> = rows.iter().map(|row| Hit { time: 0, unit: 0, row: *row }).collect();
        let records = find::read(std::slice::from_ref(unit), &hits)?;
        let tests: Vec<_> = tests.collect();
        let passes = |log: &StoredLog| tests.iter().all(|(test, excluded)| test.passes(log) != *excluded);
        Ok(rows.into_iter().zip(&records).filter(|(_, log)| passes(log)).map(|(row, _)| row).collect())
    }

    fn rows_of(
        &self,
        block: Reading<'_>,
        contexts: &[OfContext],
        known: &Known,
        window: Window,
    ) -> Result<Vec<u32>, StoreError> {
        let mut rows: Vec<u32> = (0..block.len() as u32).collect();
        let query = self.query;
        if known.min_time < window.start || known.max_time > window.end {
            let time = block.time()?;
            rows.retain(|row| window.contains(time[*row as usize]));
        }
        if !rows.is_empty()
            && let Some(id) = query.trace_id
        {
            let trace = block.trace()?;
            rows.retain(|row| trace.get(*row as usize) == id);
        }
        if !rows.is_empty()
            && let Some(id) = query.span_id
        {
            let span = block.span()?;
            rows.retain(|row| span.get(*row as usize) == id);
        }
        if !rows.is_empty()
            && let Some(wanted) = &query.severity
        {
            let severity = block.severity()?;
            rows.retain(|row| wanted.contains(&tripod_wire::otlp::logs::SeverityNumber(severity[*row as usize])));
        }
        if !rows.is_empty() {
            self.keep_by_context(&mut rows, block, contexts)?;
        }
        if !rows.is_empty() && !self.words.is_empty() {
            self.keep_by_words(&mut rows, block)?;
        }
        if !rows.is_empty()
            && let Some(regex) = &query.regex
        {
            let body = block.body()?;
            rows = text::with_match(rows, regex, &body);
        }
        for (at, also) in self.also.iter().enumerate().filter(|(_, also)| also.looks_at_rows()) {
            if !rows.is_empty() {
                also.keep(&mut rows, block, &|context| contexts[context as usize].also[at].is_some())?;
            }
        }
        Ok(rows)
    }

    /// Keeps rows of the service and with the attributes asked for.
    fn keep_by_context(
        &self,
        rows: &mut Vec<u32>,
        block: Reading<'_>,
        contexts: &[OfContext],
    ) -> Result<(), StoreError> {
        let all_wanted = contexts.iter().all(|context| context.wanted);
        let all_have = |at: usize| contexts.iter().all(|context| context.has[at]);
        if all_wanted && (0..self.query.attributes.len()).all(all_have) {
            return Ok(());
        }
        let of = block.context()?;
        rows.retain(|row| contexts[of[*row as usize] as usize].wanted);
        for (at, wanted) in self.query.attributes.iter().enumerate() {
            if rows.is_empty() || all_have(at) {
                continue;
            }
            let having = block.attribute(&wanted.key)?.rows_with(&wanted.key, &wanted.value);
            rows.retain(|row| contexts[of[*row as usize] as usize].has[at] || having.binary_search(row).is_ok());
        }
        Ok(())
    }

    /// Keeps rows in which every word occurs, in the body or in a value of an attribute.
    fn keep_by_words(&self, rows: &mut Vec<u32>, block: Reading<'_>) -> Result<(), StoreError> {
        let (body, attributes) = (block.body()?, block.attributes()?);
        *rows = text::with_words(std::mem::take(rows), &self.words, &body, &attributes);
        Ok(())
    }
}

/// What a context says of all its rows.
#[derive(Debug, Clone)]
pub(crate) struct OfContext {
    /// They may be among those asked for.
    pub(crate) wanted: bool,
    /// They have each of the attributes asked for by their resource or scope.
    has: Vec<bool>,
    /// Whether they satisfy each further condition, where that does not depend on the row.
    also: Vec<Option<bool>>,
}
