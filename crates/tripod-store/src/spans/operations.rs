//! Which services there are, and what they do: names and kinds of their spans.
//!
//! Services and operations are few, unless a sender puts ids into names: what goes beyond the limits is not listed.

use std::collections::{BTreeMap, HashMap};

use tripod_wire::otlp::trace::SpanKind;

use crate::Operation;
use crate::columns::{Malformed, Strings, ints, strings};

/// Services that are listed.
const MAX_SERVICES: usize = 4096;
/// Operations of a service that are listed.
const MAX_OPERATIONS: usize = 4096;

/// Operations by service, each with how many there are of it (spans, or parts).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Operations {
    services: BTreeMap<String, BTreeMap<Operation, u64>>,
    /// Bytes in memory, roughly.
    memory: usize,
}

impl Operations {
    /// Counts spans of an operation.
    pub(super) fn add(&mut self, service: &str, name: &[u8], kind: i32, count: u64) {
        let operation = Operation { name: String::from_utf8_lossy(name).into_owned(), kind: known(kind) };
        self.add_operation(service, operation, count);
    }

    fn add_operation(&mut self, service: &str, operation: Operation, count: u64) {
        if !self.services.contains_key(service) {
            if self.services.len() >= MAX_SERVICES {
                return;
            }
            self.memory += service.len() + 100;
            self.services.insert(service.to_owned(), BTreeMap::new());
        }
        let Some(operations) = self.services.get_mut(service) else { return };
        if let Some(known) = operations.get_mut(&operation) {
            *known += count;
        } else if operations.len() < MAX_OPERATIONS {
            self.memory += operation.name.len() + 80;
            operations.insert(operation, count);
        }
    }

    /// Counts one for each operation of a part that came.
    pub(super) fn add_all(&mut self, others: &Self) {
        for (service, operation) in others.iter() {
            self.add_operation(service, operation.clone(), 1);
        }
    }

    /// Adds what another part counted.
    pub(super) fn add_counts(&mut self, others: &Self) {
        for (service, operations) in &others.services {
            operations.iter().for_each(|(operation, count)| self.add_operation(service, operation.clone(), *count));
        }
    }

    /// Takes one off for each operation of a part that went.
    pub(super) fn remove_all(&mut self, others: &Self) {
        for (service, operation) in others.iter() {
            let Some(operations) = self.services.get_mut(service) else { continue };
            if let Some(count) = operations.get_mut(operation) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    operations.remove(operation);
                }
            }
            if operations.is_empty() {
                self.services.remove(service);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &Operation)> {
        self.services.iter().flat_map(|(service, operations)| operations.keys().map(move |one| (service.as_str(), one)))
    }

    /// Names of the services, sorted.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// Operations of a service, sorted.
    pub(super) fn of(&self, service: &str) -> impl Iterator<Item = &Operation> {
        self.services.get(service).into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// As bytes, for a part's summary.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (mut texts, mut numbers) = (Strings::default(), Vec::new());
        for (service, operations) in &self.services {
            texts.push(service.as_bytes());
            numbers.push(operations.len() as u64);
            for (operation, count) in operations {
                texts.push(operation.name.as_bytes());
                numbers.extend([operation.kind.0 as u64, *count]);
            }
        }
        let mut out = Vec::new();
        out.extend_from_slice(&(texts.len() as u32).to_le_bytes());
        out.extend_from_slice(&(numbers.len() as u32).to_le_bytes());
        let mut column = Vec::new();
        strings::encode(&texts, &mut column);
        out.extend_from_slice(&(column.len() as u32).to_le_bytes());
        out.extend_from_slice(&column);
        ints::encode(&numbers, &mut out);
        out
    }

    /// What [`Self::encode`] wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const SHORT: Malformed = Malformed("a list of operations is cut off");
        let ([texts, numbers, len], rest) = take_counts(bytes).ok_or(SHORT)?;
        let (column, rest) = rest.split_at_checked(len).ok_or(SHORT)?;
        let texts = strings::decode(column, texts)?;
        let mut numbers = ints::decode(rest, numbers)?.into_iter();
        let mut texts = (0..texts.len()).map(|at| String::from_utf8_lossy(texts.get(at)).into_owned());
        let mut operations = Self::default();
        while let Some(service) = texts.next() {
            for _ in 0..numbers.next().ok_or(SHORT)? {
                let name = texts.next().ok_or(SHORT)?;
                let (kind, count) = (numbers.next().ok_or(SHORT)?, numbers.next().ok_or(SHORT)?);
                operations.add_operation(&service, Operation { name, kind: SpanKind(kind as i32) }, count);
            }
        }
        Ok(operations)
    }
}

fn take_counts(mut bytes: &[u8]) -> Option<([usize; 3], &[u8])> {
    let mut counts = [0; 3];
    for count in &mut counts {
        let (number, rest) = bytes.split_first_chunk()?;
        (*count, bytes) = (u32::from_le_bytes(*number) as usize, rest);
    }
    Some((counts, bytes))
}

/// A kind; one that this version does not know counts as not said.
pub(super) fn known(kind: i32) -> SpanKind {
    if SpanKind(kind).name().is_some() { SpanKind(kind) } else { SpanKind::UNSPECIFIED }
}

/// Counts a row of each context, name and kind at a time: text is looked at once an operation.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: HashMap<(u32, u32, i32), u64, foldhash::fast::RandomState>,
}

impl Counter {
    /// Counts a row by the numbers of its context and name.
    pub(super) fn count(&mut self, context: u32, name: u32, kind: i32) {
        *self.counts.entry((context, name, kind)).or_default() += 1;
    }

    /// What was counted.
    pub(super) fn into_counts(self) -> impl Iterator<Item = ((u32, u32, i32), u64)> {
        self.counts.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back_from_their_bytes_and_go_when_their_last_part_goes() {
        let mut operations = Operations::default();
        operations.add("b", b"get", 2, 5);
        operations.add("a", b"put", 1000, 1);
        operations.add("a", b"get", 3, 1);
        operations.add("a", b"get", 3, 1);
        assert_eq!(Operations::decode(&operations.encode()).unwrap(), operations);
        assert_eq!(Operations::decode(&Operations::default().encode()).unwrap(), Operations::default());
        let bytes = operations.encode();
        (0..bytes.len()).for_each(|len| drop(Operations::decode(&bytes[..len])));
        let names =
            |all: &Operations, service| all.of(service).map(|one| (one.name.clone(), one.kind.0)).collect::<Vec<_>>();
        assert_eq!(names(&operations, "a"), [("get".to_owned(), 3), ("put".to_owned(), 0)]);

        let mut known = Operations::default();
        known.add_all(&operations);
        known.add_all(&operations);
        known.remove_all(&operations);
        assert_eq!(known.services().collect::<Vec<_>>(), ["a", "b"]);
        known.remove_all(&operations);
        assert_eq!(known.services().count(), 0);
    }

    #[test]
    fn names_that_are_ids_take_no_more_than_the_limit() {
        let mut operations = Operations::default();
        (0..2 * MAX_OPERATIONS).for_each(|at| operations.add("a", at.to_string().as_bytes(), 1, 1));
        (0..2 * MAX_SERVICES).for_each(|at| operations.add(&at.to_string(), b"x", 1, 1));
        assert_eq!((operations.of("a").count(), operations.services().count()), (MAX_OPERATIONS, MAX_SERVICES));
    }
}
