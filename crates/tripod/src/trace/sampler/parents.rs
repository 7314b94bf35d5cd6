//! What a parent's decision means: followed, ignored, or put to a sampler of its own.

use std::fmt;
use std::sync::Arc;

use super::{Deciding, Decision, SpanStart};

/// How a sampler treats a span whose parent's decision is known.
#[derive(Clone)]
pub(crate) enum Parents {
    /// As the parent, so that traces are whole.
    Followed,
    /// As if it had none.
    Ignored,
    /// By what kind of parent it is.
    Asked(Arc<Delegates>),
}

/// Who decides below each kind of parent; `None`: the parent.
#[derive(Clone, Default)]
pub(crate) struct Delegates([Option<Deciding>; 4]);

/// What they are called, by their place.
const NAMES: [&str; 4] =
    ["local_parent_not_sampled", "local_parent_sampled", "remote_parent_not_sampled", "remote_parent_sampled"];

fn place(remote: bool, sampled: bool) -> usize {
    usize::from(remote) * 2 + usize::from(sampled)
}

impl Delegates {
    pub(crate) fn decide(&self, span: &SpanStart<'_>) -> Decision {
        let (remote, sampled) = (span.parent.remote, span.parent.is_sampled());
        self.0[place(remote, sampled)].as_ref().map_or(Decision::followed(sampled), |delegate| delegate.decide(span))
    }
}

impl Parents {
    /// Sets one delegate; a sampler that ignored parents asks them from then on.
    pub(crate) fn with(self, remote: bool, sampled: bool, delegate: Deciding) -> Self {
        let mut delegates = match self {
            Self::Asked(delegates) => delegates,
            Self::Followed | Self::Ignored => Arc::default(),
        };
        Arc::make_mut(&mut delegates).0[place(remote, sampled)] = Some(delegate);
        Self::Asked(delegates)
    }
}

impl fmt::Display for Delegates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, delegate) in NAMES.iter().zip(&self.0) {
            if let Some(delegate) = delegate {
                write!(f, ", {name}={delegate}")?;
            }
        }
        Ok(())
    }
}
