//! Makes a block of a part out of rows: its columns, what is known of it without reading it, and what finds it.

use std::collections::HashSet;

use tripod_wire::TraceId;

use super::block::{self, Block};
use super::body::Templates;
use super::levels::Levels;
use super::rows::Bodies;
use super::terms::Terms;
use crate::records::{BlockHead, BlockIndex, ColumnSet, NewBlock};

/// Makes a block. The numbers of its contexts in the part are for the caller to set; in the rows they are places in that list.
pub(crate) fn build(block: &Block) -> NewBlock {
    let rows = &block.rows;
    let mut columns = ColumnSet::default();
    let templates = Templates::of(&rows.body.bytes);
    block::encode(rows, templates.as_ref(), &mut columns);
    let mut extra = Vec::new();
    Levels::of(&rows.severity).encode(&mut extra);
    let head = BlockHead {
        rows: rows.len() as u32,
        min_time: rows.time.iter().copied().min().unwrap_or_default(),
        max_time: rows.time.iter().copied().max().unwrap_or_default(),
        memory: rows.memory() as u64,
        contexts: Vec::new(),
        extra,
    };
    NewBlock { head, columns, index: index(block, templates.as_ref()) }
}

fn index(block: &Block, templates: Option<&Templates<'_>>) -> BlockIndex {
    let rows = &block.rows;
    let mut index = BlockIndex::default();
    index.attributes(&rows.attributes);
    let mut of_context = vec![0; block.contexts.len()];
    rows.context.iter().for_each(|context| of_context[*context as usize] += 1);
    for (context, rows) in block.contexts.iter().zip(of_context) {
        index.context(context, rows);
    }
    let mut terms = Terms::default();
    index_bodies(&rows.body, templates, &mut terms, &mut index);
    for column in 0..rows.attributes.column_count() {
        rows.attributes.distinct(column, &mut |value, _| {
            terms.text(std::str::from_utf8(value).unwrap_or_default(), |term| index.token(term));
        });
    }
    if !rows.trace.is_empty() {
        let mut seen: HashSet<TraceId, foldhash::fast::RandomState> = HashSet::default();
        for row in 0..rows.len() {
            let trace = rows.trace.get(row);
            if trace.is_valid() && seen.insert(trace) {
                index.trace(trace, row as u32);
            }
        }
    }
    index
}

/// Of a template that was met before, what has no digits is known.
fn index_bodies(bodies: &Bodies, templates: Option<&Templates<'_>>, terms: &mut Terms, index: &mut BlockIndex) {
    let mut met = vec![false; templates.map_or(0, Templates::len)];
    let mut buffer = String::new();
    for row in 0..bodies.bytes.len() {
        let bytes = bodies.bytes.get(row);
        // What a template takes for a digit, a zero, is none in a term.
        let is_text = !bodies.other.get(row) && memchr::memchr(0, bytes).is_none();
        let is_met =
            is_text && templates.is_some_and(|templates| std::mem::replace(&mut met[templates.template(row)], true));
        if is_met {
            terms.values(bytes, |term| index.token(term));
        } else {
            terms.text(bodies.get(row).text(&mut buffer), |term| index.token(term));
        }
    }
}
