//! The stack of what is current on one thread: slots that are filled and emptied in place, so that starting a span moves nothing.
//!
//! A slot holds a span, with all it has gathered, or only an identity: of a span that is not recorded, or that lives elsewhere.
//! Slots above the top are spare, their buffers kept for the next span.

use std::sync::Arc;

use super::{SpanContext, SpanId};
use crate::trace::data::SpanData;

/// Spare slots that are kept, at most: what a deep stack of spans needs at once.
const SPARE: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct Stack {
    /// Boxed, as a span that is not tied to a thread brings its own and takes it along.
    #[allow(clippy::vec_box)]
    slots: Vec<Box<SpanData>>,
    depth: usize,
}

impl Stack {
    #[cfg(feature = "tracing")]
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What is current.
    #[inline]
    pub(crate) fn top(&self) -> Option<&SpanData> {
        self.slots.get(self.depth.wrapping_sub(1)).map(|slot| &**slot)
    }

    #[inline]
    pub(crate) fn top_mut(&mut self) -> Option<&mut SpanData> {
        self.slots.get_mut(self.depth.wrapping_sub(1)).map(|slot| &mut **slot)
    }

    /// The slot above the top, to be filled. It becomes current by [`Stack::raise`], so that a panic meanwhile leaves it spare.
    #[inline]
    pub(crate) fn next(&mut self) -> &mut SpanData {
        if self.slots.len() == self.depth {
            self.add_slot();
        }
        &mut self.slots[self.depth]
    }

    #[cold]
    fn add_slot(&mut self) {
        self.slots.push(Box::default());
    }

    /// Makes the slot that was filled current.
    #[inline]
    pub(crate) fn raise(&mut self) {
        self.depth += 1;
    }

    /// Leaves the top, whose slot becomes spare.
    #[inline]
    pub(crate) fn lower(&mut self) {
        self.depth -= 1;
    }

    /// Makes an identity current; answers its place for [`Stack::remove_context`].
    #[inline]
    pub(crate) fn push_context(&mut self, context: SpanContext, trace_state: Option<Arc<str>>) -> usize {
        self.next().be_context(context, trace_state);
        self.depth += 1;
        self.depth - 1
    }

    /// Makes a recorded span current.
    pub(crate) fn push_span(&mut self, data: Box<SpanData>) {
        self.slots.push(data);
        let last = self.slots.len() - 1;
        self.slots.swap(self.depth, last);
        self.depth += 1;
    }

    /// Entries from the bottom up.
    fn entries(&self) -> &[Box<SpanData>] {
        &self.slots[..self.depth]
    }

    /// The entry of this span, recorded or not, that is nearest to the top.
    pub(crate) fn find(&self, id: SpanId) -> Option<&SpanData> {
        self.entries().iter().rev().find(|entry| entry.context.span_id == id).map(|entry| &**entry)
    }

    /// The recorded span with this id, wherever in the stack: usually on top.
    pub(crate) fn find_recorded(&mut self, id: SpanId) -> Option<&mut SpanData> {
        let entries = self.slots[..self.depth].iter_mut().rev();
        entries.map(|entry| &mut **entry).find(|entry| entry.recorded && entry.context.span_id == id)
    }

    /// What the current span has gathered, if it is recorded: usually on top, but below where it was made current once more.
    #[inline]
    pub(crate) fn current_recorded(&mut self) -> Option<&mut SpanData> {
        let id = self.top()?.context.span_id;
        self.find_recorded(id)
    }

    /// Puts an entry on top, however deep it is: guards need not end in reverse order. What was above it keeps its order. Answers
    /// whether there is such an entry.
    #[cold]
    pub(crate) fn lift(&mut self, id: SpanId) -> bool {
        let Some(at) = self.entries().iter().rposition(|entry| entry.context.span_id == id) else { return false };
        self.slots[at..self.depth].rotate_left(1);
        true
    }

    /// Takes a recorded span out, to live on elsewhere.
    pub(crate) fn take_span(&mut self, id: SpanId) -> Option<Box<SpanData>> {
        let at = self.entries().iter().rposition(|entry| entry.recorded && entry.context.span_id == id)?;
        Some(self.take(at))
    }

    /// Takes out the topmost entry of this span, and answers its data if it had them: for spans that are left without a guard.
    #[cfg(feature = "tracing")]
    pub(crate) fn take_topmost(&mut self, id: SpanId) -> Option<Box<SpanData>> {
        let at = self.entries().iter().rposition(|entry| entry.context.span_id == id)?;
        let data = self.take(at);
        if data.recorded {
            return Some(data);
        }
        self.recycle(data);
        None
    }

    /// Takes out an identity: the one at its place, or the nearest below when the stack has shrunk meanwhile.
    pub(crate) fn remove_context(&mut self, place: usize) {
        let end = self.depth.min(place + 1);
        if let Some(at) = self.slots[..end].iter().rposition(|entry| !entry.recorded) {
            let data = self.take(at);
            self.recycle(data);
        }
    }

    fn take(&mut self, at: usize) -> Box<SpanData> {
        self.slots[at..self.depth].rotate_left(1);
        self.depth -= 1;
        self.slots.swap_remove(self.depth)
    }

    /// A spare slot, to be filled elsewhere.
    #[inline]
    pub(crate) fn take_spare(&mut self) -> Box<SpanData> {
        if self.slots.len() > self.depth { self.slots.pop().unwrap_or_default() } else { Box::default() }
    }

    /// Keeps a slot for reuse.
    #[inline]
    pub(crate) fn recycle(&mut self, data: Box<SpanData>) {
        if self.slots.len() - self.depth < SPARE {
            self.slots.push(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::trace::Identity;

    fn context(n: u8) -> SpanContext {
        SpanContext { span_id: SpanId([n; 8]), ..SpanContext::default() }
    }

    fn span(n: u8) -> Box<SpanData> {
        let mut data = SpanData::default();
        let identity = Identity { context: context(n), parent: SpanId::NONE, parent_remote: false };
        data.begin(identity, None, Moment::default(), 0);
        Box::new(data)
    }

    fn order(stack: &Stack) -> Vec<u8> {
        stack.entries().iter().map(|entry| entry.context.span_id.0[0]).collect()
    }

    #[test]
    fn entries_leave_in_any_order_and_the_others_keep_theirs() {
        let mut stack = Stack::default();
        for n in [1, 3, 5] {
            stack.push_span(span(n));
            stack.push_context(context(n + 1), None);
        }
        assert_eq!(order(&stack), [1, 2, 3, 4, 5, 6]);
        assert_eq!(stack.take_span(SpanId([3; 8])).unwrap().context, context(3));
        assert!(stack.take_span(SpanId([4; 8])).is_none(), "not a recorded span");
        assert_eq!(order(&stack), [1, 2, 4, 5, 6]);
        assert!(stack.lift(SpanId([1; 8])) && !stack.lift(SpanId([9; 8])));
        assert_eq!(order(&stack), [2, 4, 5, 6, 1]);
        stack.lower();
        assert_eq!(order(&stack), [2, 4, 5, 6]);
        stack.remove_context(7);
        assert_eq!(order(&stack), [2, 4, 5]);
        stack.remove_context(0);
        assert_eq!(order(&stack), [4, 5]);
        assert!(stack.find(SpanId([9; 8])).is_none() && stack.find_recorded(SpanId([4; 8])).is_none());
        assert_eq!(stack.top().unwrap().context, context(5));
    }

    #[test]
    fn spare_slots_are_used_again_and_their_number_is_bounded() {
        let mut stack = Stack::default();
        let pushed: *const SpanData = stack.next();
        stack.raise();
        stack.lower();
        assert!(std::ptr::eq(pushed, stack.next()));
        assert!(std::ptr::eq(pushed, &raw const *stack.take_spare()));
        (0..2 * SPARE).for_each(|_| stack.recycle(Box::default()));
        assert_eq!(stack.slots.len(), SPARE);
    }
}
