//! How much memory decoding may take: a multiple of the input's length.
//!
//! An empty message in a repeated field is two bytes of protobuf, or three of JSON, and hundreds of bytes as a struct.
//! Without a bound, a body of a few megabytes would take gigabytes. Lists are all that can grow so: text and bytes take
//! no more than they take in the input. So lists grow here, and every growth is counted: a comparison a list element.
//!
//! Spans with attributes take 3 times their bytes or so; a log record that holds just a timestamp takes 15 times.

use crate::WireError;

/// How many bytes of lists a byte of input may become.
const FACTOR: usize = 32;

/// What any input may take, however short.
const ALLOWANCE: usize = 64 << 10;

/// The bytes that lists may still take while one input is being decoded.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: usize,
    limit: usize,
    exceeded: bool,
}

impl Budget {
    /// The budget of an input of so many bytes.
    pub(crate) fn of_input(len: usize) -> Self {
        let limit = len.saturating_mul(FACTOR).saturating_add(ALLOWANCE);
        Self { left: limit, limit, exceeded: false }
    }

    /// Makes room for `more` elements; false, with the list as it was, when the budget does not allow it.
    #[inline]
    #[must_use]
    pub(crate) fn grow<T>(&mut self, list: &mut Vec<T>, more: usize) -> bool {
        list.capacity() - list.len() >= more || self.reserve(list, more)
    }

    #[cold]
    fn reserve<T>(&mut self, list: &mut Vec<T>, more: usize) -> bool {
        let first = if size_of::<T>() <= 16 { 4 } else { 1 };
        let more = more.max(list.capacity()).max(first);
        match more.checked_mul(size_of::<T>()).and_then(|bytes| self.left.checked_sub(bytes)) {
            Some(left) => {
                self.left = left;
                list.reserve_exact(more);
            }
            None => self.exceeded = true,
        }
        !self.exceeded
    }

    /// Whether it has refused to let a list grow.
    #[cfg(feature = "json")]
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded
    }

    /// The error that says so.
    #[cold]
    pub(crate) fn error(&self, message: &'static str) -> WireError {
        WireError::TooLarge { message, limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_grows_until_the_budget_is_spent_and_holds_no_more_than_it() {
        let mut budget = Budget::of_input(0);
        let mut list: Vec<[u64; 40]> = Vec::new();
        while budget.grow(&mut list, 1) {
            list.push([0; 40]);
        }
        let bytes = list.capacity() * size_of::<[u64; 40]>();
        assert!((ALLOWANCE / 4..=ALLOWANCE).contains(&bytes), "{bytes} bytes");
        assert!(!budget.grow(&mut Vec::<u8>::new(), usize::MAX), "what cannot be counted is refused");
    }
}
