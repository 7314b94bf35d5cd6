//! Which service calls which, and how often: spans whose parent is of another service.

use std::collections::BTreeMap;

use super::Spans;
use super::block::Parent;
use super::matching::is_error;
use super::once::each_once;
use super::parents::{self, Ids, Services};
use super::stats::{each_block, mixed};
use crate::engine::View;
use crate::{Dependency, StoreError, Window};

/// A span of a service below one of another. Two that are equal are one that was sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Edge {
    /// Of trace and span.
    id: u64,
    start: u64,
    parent: u32,
    child: u32,
    error: bool,
}

/// The calls between services whose called span starts within the window, by name.
pub(super) fn dependencies(view: &View<Spans>, window: Window) -> Result<Vec<Dependency>, StoreError> {
    let mut services = Services::default();
    let mut edges: Vec<Edge> = Vec::new();
    // Edges whose parent is not known yet.
    let mut open: Vec<(Ids, Edge)> = Vec::new();
    each_block(view, window, &mut |block| {
        let numbers = services.of(block);
        let (starts, contexts) = (block.start()?, block.context()?);
        let (parents, traces, spans, status) = (block.parents()?, block.trace()?, block.span()?, block.status()?);
        for row in (0..block.len()).filter(|row| window.contains(starts[*row])) {
            let service = |row: usize| numbers[contexts[row] as usize];
            let child = service(row);
            let parent = match parents[row] {
                Parent::None => continue,
                Parent::Row(parent) if service(parent as usize) == child => continue,
                Parent::Row(parent) => Ok(service(parent as usize)),
                Parent::Elsewhere(id) => Err((traces[row], id)),
            };
            let id = mixed((traces[row], spans[row]));
            let edge = Edge { id, start: starts[row], parent: child, child, error: is_error(status.get(row)) };
            match parent {
                Ok(parent) => edges.push(Edge { parent, ..edge }),
                Err(ids) => open.push((ids, edge)),
            }
        }
        Ok(())
    })?;
    let wanted = open.iter().map(|(parent, edge)| (*parent, edge.child));
    let parents = parents::services(view, wanted, window, &mut services, |known, _| !known.is_empty())?;
    for (ids, edge) in open {
        let known = &parents[&ids];
        // Where client and server share an id, the one in the child's own service is its parent.
        if let Some(parent) = known.first().filter(|_| !known.contains(&edge.child)) {
            edges.push(Edge { parent: *parent, ..edge });
        }
    }
    each_once(&mut edges, |edge| edge.id);
    let mut counts: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for edge in &edges {
        let names = (services.names[edge.parent as usize].as_str(), services.names[edge.child as usize].as_str());
        let (calls, errors) = counts.entry(names).or_default();
        *calls += 1;
        *errors += u64::from(edge.error);
    }
    let dependency = |((parent, child), (calls, errors)): ((&str, &str), (u64, u64))| Dependency {
        parent: parent.to_owned(),
        child: child.to_owned(),
        calls,
        errors,
    };
    Ok(counts.into_iter().map(dependency).collect())
}
