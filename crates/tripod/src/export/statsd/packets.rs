//! Lines in packets, each as full as it may be: a packet costs a system call and a network's attention, whatever is in it.

use std::ops::Range;

/// Packets being filled.
pub(super) struct Packets {
    max: usize,
    bytes: Vec<u8>,
    /// Each with the points whose first line it has.
    filled: Vec<(u64, Range<usize>)>,
}

/// The lines of one point, in units that must not be torn apart.
#[derive(Default)]
pub(super) struct Units {
    bytes: String,
    ends: Vec<usize>,
}

impl Packets {
    pub(super) fn new(max: usize) -> Self {
        Self { max, bytes: Vec::new(), filled: Vec::new() }
    }

    /// Adds a point's lines, or none of them where one is too long for a packet: then it says how long.
    pub(super) fn add(&mut self, units: &Units) -> Result<(), usize> {
        if let Some(long) = units.iter().map(str::len).find(|length| *length > self.max) {
            return Err(long);
        }
        let mut begins = 1;
        for unit in units.iter() {
            self.add_unit(unit.as_bytes(), std::mem::take(&mut begins));
        }
        Ok(())
    }

    fn add_unit(&mut self, unit: &[u8], points: u64) {
        if let Some((begun, packet)) = self.filled.last_mut()
            && packet.len() + 1 + unit.len() <= self.max
        {
            self.bytes.push(b'\n');
            self.bytes.extend_from_slice(unit);
            packet.end = self.bytes.len();
            *begun += points;
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(unit);
        self.filled.push((points, start..self.bytes.len()));
    }

    /// The packets, each with the points that begin in it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.filled.iter().map(|(points, range)| (*points, &self.bytes[range.clone()]))
    }
}

impl Units {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// What [`Units::end`] makes a unit of.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.bytes
    }

    pub(super) fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(lines: &[&str]) -> Units {
        let mut units = Units::default();
        for line in lines {
            units.text().push_str(line);
            units.end();
        }
        units
    }

    #[test]
    fn packets_are_filled_to_the_last_byte_and_no_line_is_torn() {
        let mut packets = Packets::new(9);
        packets.add(&units(&["a:1|c"])).unwrap();
        packets.add(&units(&["b:1", "c:1|c"])).unwrap();
        packets.add(&units(&["d"])).unwrap();
        let found: Vec<_> = packets.iter().collect();
        assert_eq!(found, [(2, &b"a:1|c\nb:1"[..]), (1, &b"c:1|c\nd"[..])]);
    }

    #[test]
    fn a_point_with_a_line_that_is_too_long_is_left_out_whole() {
        let mut packets = Packets::new(5);
        assert_eq!(packets.add(&units(&["a:1|c", "b:10|c"])), Err(6));
        assert_eq!(packets.iter().count(), 0);
    }

    proptest! {
        #[test]
        fn all_lines_arrive_in_order_in_packets_within_the_limit(
            points in prop::collection::vec(prop::collection::vec("[a-z]{1,40}", 0..4), 0..40),
            max in 1_usize..60,
        ) {
            let mut packets = Packets::new(max);
            let mut expected = Vec::new();
            let mut begun = 0;
            for point in &points {
                let lines: Vec<&str> = point.iter().map(String::as_str).collect();
                if packets.add(&units(&lines)).is_ok() {
                    begun += u64::from(!lines.is_empty());
                    expected.extend(lines);
                }
            }
            let text = |packet: &[u8]| String::from_utf8(packet.to_vec()).unwrap();
            let sent: Vec<String> = packets.iter().map(|(_, packet)| text(packet)).collect();
            prop_assert!(sent.iter().all(|packet| packet.len() <= max));
            prop_assert_eq!(sent.iter().flat_map(|packet| packet.split('\n')).collect::<Vec<_>>(), expected);
            prop_assert_eq!(packets.iter().map(|(points, _)| points).sum::<u64>(), begun);
        }
    }
}
