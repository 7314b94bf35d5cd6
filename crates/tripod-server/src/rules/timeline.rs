//! How the states of an alert follow one another.

use super::alert::State;

/// A time in which an alert was in one state. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) state: State,
    pub(crate) start: i64,
    /// None: it goes on.
    pub(crate) end: Option<i64>,
    /// What the expression gave when it began, if that is known.
    pub(crate) value: Option<f64>,
}

/// From one state to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Transition {
    pub(crate) at: i64,
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) value: Option<f64>,
}

/// Stretches in order of time; an alert is inactive between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Timeline(pub(crate) Vec<Stretch>);

impl Timeline {
    /// The alert is in this state now.
    pub(crate) fn see(&mut self, at: i64, state: State, value: f64) {
        match self.0.last_mut().filter(|last| last.end.is_none()) {
            Some(last) if last.state == state => return,
            Some(last) => last.end = Some(at),
            None => {}
        }
        self.0.push(Stretch { state, start: at, end: None, value: Some(value) });
    }

    /// The alert is inactive now.
    pub(crate) fn end(&mut self, at: i64) {
        if let Some(last) = self.0.last_mut().filter(|last| last.end.is_none()) {
            last.end = Some(at);
        }
    }

    /// How it went from one to the next, but for the beginning of what began before `since`.
    pub(crate) fn transitions(&self, since: i64) -> Vec<Transition> {
        let mut all = Vec::new();
        for (at, stretch) in self.0.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &self.0[before]);
            let from =
                before.filter(|before| before.end == Some(stretch.start)).map_or(State::Inactive, |one| one.state);
            if stretch.start >= since {
                all.push(Transition { at: stretch.start, from, to: stretch.state, value: stretch.value });
            }
            let next = self.0.get(at + 1).map(|next| next.start);
            if let Some(end) = stretch.end.filter(|end| next != Some(*end)) {
                all.push(Transition { at: end, from: stretch.state, to: State::Inactive, value: None });
            }
        }
        all
    }

    /// How often it began to fire, but for the beginning of what began before `since`.
    pub(crate) fn fired(&self, since: i64) -> usize {
        self.0.iter().filter(|one| one.state == State::Firing && one.start >= since).count()
    }

    /// For how many milliseconds it fired; what goes on does until `now`.
    pub(crate) fn firing_millis(&self, now: i64) -> i64 {
        let firing = self.0.iter().filter(|one| one.state == State::Firing);
        firing.map(|one| (one.end.unwrap_or(now) - one.start).max(0)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_becomes_stretches_and_transitions() {
        let mut timeline = Timeline::default();
        for (at, state) in [(10, State::Pending), (20, State::Pending), (30, State::Firing), (40, State::Firing)] {
            timeline.see(at, state, at as f64);
        }
        timeline.end(50);
        timeline.see(70, State::Pending, 7.0);
        timeline.end(80);
        timeline.end(90);
        timeline.see(100, State::Firing, 1.0);
        let shown: Vec<_> =
            timeline.transitions(0).iter().map(|one| (one.at, one.from.name(), one.to.name(), one.value)).collect();
        assert_eq!(
            shown,
            [
                (10, "inactive", "pending", Some(10.0)),
                (30, "pending", "firing", Some(30.0)),
                (50, "firing", "inactive", None),
                (70, "inactive", "pending", Some(7.0)),
                (80, "pending", "inactive", None),
                (100, "inactive", "firing", Some(1.0)),
            ]
        );
        assert_eq!((timeline.fired(0), timeline.fired(31), timeline.firing_millis(105)), (2, 1, 25));
        assert_eq!(timeline.transitions(20).len(), 5, "what began before is not told to begin");
    }
}
