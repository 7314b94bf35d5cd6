//! A disk in memory that can lose power, fail and fill up: what a real one does seldom, and a test needs at every operation.
//!
//! It keeps what a file system must: bytes that were synced, names whose directory was synced. When the power goes, everything
//! else is kept or lost as a seed decides: of a file's unsynced bytes all, none, some, or some with a hole of zeros; of the
//! changes of names each one by itself, a rename as a whole. A failed sync loses what it should have synced for good, even if a
//! later one succeeds.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, Entry, Lock, Reader, Writer};

/// A disk in memory; clones are the same disk.
#[derive(Debug, Clone)]
pub(crate) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Files and directories; the first is the root.
    nodes: Vec<Node>,
    locks: BTreeSet<PathBuf>,
    /// Operations that change something, so far.
    operations: u64,
    changes: u64,
    /// From this operation on the power is off.
    cut_at: u64,
    /// This operation fails.
    fail_at: u64,
    /// Bytes that files may have together.
    capacity: u64,
}

#[derive(Debug, Clone)]
enum Node {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Debug, Clone, Default)]
struct FileNode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// What a failed sync lost.
    lost: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Default)]
struct DirNode {
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<Change>,
}

/// A change of a name; those of one number happen together.
#[derive(Debug, Clone)]
struct Change {
    number: u64,
    name: String,
    node: Option<usize>,
}

/// Numbers that look random, from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::with(vec![Node::Dir(DirNode::default())])
    }
}

impl SimulatedDisk {
    fn with(nodes: Vec<Node>) -> Self {
        let state = State {
            nodes,
            locks: BTreeSet::new(),
            operations: 0,
            changes: 0,
            cut_at: u64::MAX,
            fail_at: u64::MAX,
            capacity: u64::MAX,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far that change something.
    pub(crate) fn operations(&self) -> u64 {
        self.lock_state().operations
    }

    /// The power goes at this operation, counted from the first: it may happen in part, and nothing after it happens.
    pub(crate) fn cut_at(&self, operation: u64) {
        self.lock_state().cut_at = operation;
    }

    /// This operation fails, counted from the first.
    pub(crate) fn fail_at(&self, operation: u64) {
        self.lock_state().fail_at = operation;
    }

    /// Files may have so many bytes together.
    pub(crate) fn fill_at(&self, bytes: u64) {
        self.lock_state().capacity = bytes;
    }

    /// Bytes of all files that can be found.
    pub(crate) fn used(&self) -> u64 {
        self.lock_state().used()
    }

    /// The disk after the power went and came back. This one is off.
    pub(crate) fn power_cycle(&self, random: &mut Random) -> Self {
        let mut state = self.lock_state();
        state.cut_at = 0;
        let kept: Vec<bool> = (0..=state.changes).map(|_| random.below(2) == 0).collect();
        let after = |node: &Node| match node {
            Node::File(file) => {
                let bytes = file.after_power_loss(random);
                Node::File(FileNode { durable: bytes.clone(), bytes, lost: Vec::new() })
            }
            Node::Dir(dir) => {
                let mut names = dir.durable.clone();
                for change in dir.pending.iter().filter(|change| kept[change.number as usize]) {
                    change.apply(&mut names);
                }
                Node::Dir(DirNode { durable: names.clone(), names, pending: Vec::new() })
            }
        };
        Self::with(state.nodes.iter().map(after).collect())
    }
}

impl FileNode {
    fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let Some(unsynced) = self.bytes.strip_prefix(self.durable.as_slice()) else {
            return if random.below(2) == 0 { self.bytes.clone() } else { self.durable.clone() };
        };
        let from = self.durable.len();
        let len = match random.below(4) {
            0 => 0,
            1 => unsynced.len(),
            _ => random.below(unsynced.len() as u64 + 1) as usize,
        };
        let mut bytes = self.bytes[..from + len].to_vec();
        if len > 0 && random.below(3) == 0 {
            let hole = from + random.below(len as u64) as usize;
            let end = hole + random.below((from + len - hole) as u64 + 1) as usize;
            bytes[hole..end].fill(0);
        }
        bytes
    }

    fn sync(&mut self) {
        let mut durable = self.bytes.clone();
        for lost in &self.lost {
            let end = lost.end.min(durable.len());
            durable[lost.start.min(end)..end].fill(0);
        }
        self.durable = durable;
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self.node {
            Some(node) => names.insert(self.name.clone(), node),
            None => names.remove(&self.name),
        };
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl State {
    /// Counts an operation: whether it happens, fails, or is cut. One that is cut may happen in part.
    fn operation(&mut self) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        if number >= self.cut_at {
            return Err(power_is_off());
        }
        if number == self.fail_at { Err(rustix::io::Errno::IO.into()) } else { Ok(()) }
    }

    fn on(&self) -> io::Result<()> {
        if self.operations > self.cut_at || self.cut_at == 0 { Err(power_is_off()) } else { Ok(()) }
    }

    fn used(&self) -> u64 {
        let mut found = BTreeSet::new();
        for node in &self.nodes {
            if let Node::Dir(dir) = node {
                found.extend(dir.names.values().copied());
            }
        }
        let len = |&node: &usize| if let Node::File(file) = &self.nodes[node] { file.bytes.len() as u64 } else { 0 };
        found.iter().map(len).sum()
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut node = 0;
        for component in path.components() {
            if let Component::Normal(name) = component {
                let name = name.to_str().ok_or(io::ErrorKind::InvalidInput)?;
                node = *self.dir(node)?.names.get(name).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(node)
    }

    /// The directory of a path, and its name there.
    fn parent(&self, path: &Path) -> io::Result<(usize, String)> {
        let dir = self.find(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        self.dir(dir)?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok((dir, name.to_owned()))
    }

    fn dir(&self, node: usize) -> io::Result<&DirNode> {
        match &self.nodes[node] {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&mut self, node: usize) -> io::Result<&mut FileNode> {
        match &mut self.nodes[node] {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    /// Changes names, all at once.
    fn change(&mut self, changes: impl IntoIterator<Item = (usize, String, Option<usize>)>) {
        self.changes += 1;
        let number = self.changes;
        for (dir, name, node) in changes {
            if let Node::Dir(dir) = &mut self.nodes[dir] {
                let change = Change { number, name, node };
                change.apply(&mut dir.names);
                dir.pending.push(change);
            }
        }
    }

    fn new_node(&mut self, dir: usize, name: String, node: Node) -> usize {
        self.nodes.push(node);
        let number = self.nodes.len() - 1;
        self.change([(dir, name, Some(number))]);
        number
    }

    /// Makes the changes of a directory durable, and what happened together with them elsewhere.
    fn sync_dir(&mut self, dir: usize) -> io::Result<()> {
        let numbers: BTreeSet<u64> = self.dir(dir)?.pending.iter().map(|change| change.number).collect();
        for node in &mut self.nodes {
            if let Node::Dir(dir) = node {
                let (durable, pending) =
                    dir.pending.drain(..).partition(|change: &Change| numbers.contains(&change.number));
                dir.pending = pending;
                for change in durable as Vec<Change> {
                    change.apply(&mut dir.durable);
                }
            }
        }
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        let mut state = self.lock_state();
        state.operation()?;
        let (dir, name) = state.parent(path)?;
        if state.dir(dir)?.names.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let node = state.new_node(dir, name, Node::File(FileNode::default()));
        Ok(Box::new(Handle { disk: self.clone(), node, len: 0 }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn Writer>> {
        let mut state = self.lock_state();
        state.on()?;
        let node = state.find(path)?;
        let len = state.file(node)?.bytes.len() as u64;
        Ok(Box::new(Handle { disk: self.clone(), node, len }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Reader>> {
        let mut state = self.lock_state();
        state.on()?;
        let node = state.find(path)?;
        let len = state.file(node)?.bytes.len() as u64;
        Ok(Arc::new(Handle { disk: self.clone(), node, len }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.lock_state();
        state.on()?;
        let entry = |(name, node): (&String, &usize)| match &state.nodes[*node] {
            Node::Dir(_) => Entry { name: name.clone(), is_dir: true, len: 0 },
            Node::File(file) => Entry { name: name.clone(), is_dir: false, len: file.bytes.len() as u64 },
        };
        Ok(state.dir(state.find(dir)?)?.names.iter().map(entry).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.on()?;
        let mut path = PathBuf::from("/");
        for component in dir.components() {
            path.push(component);
            if let Ok(node) = state.find(&path) {
                state.dir(node)?;
                continue;
            }
            state.operation()?;
            let (above, name) = state.parent(&path)?;
            state.new_node(above, name, Node::Dir(DirNode::default()));
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.operation()?;
        let node = state.find(from)?;
        let ((from, old), (to, new)) = (state.parent(from)?, state.parent(to)?);
        state.change([(from, old, None), (to, new, Some(node))]);
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.operation()?;
        let node = state.find(from)?;
        state.file(node)?;
        if state.find(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (dir, name) = state.parent(to)?;
        state.change([(dir, name, Some(node))]);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.on()?;
        let node = state.find(path)?;
        state.file(node)?;
        state.operation()?;
        let (dir, name) = state.parent(path)?;
        state.change([(dir, name, None)]);
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.on()?;
        let node = state.find(dir)?;
        if !state.dir(node)?.names.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.operation()?;
        let (above, name) = state.parent(dir)?;
        state.change([(above, name, None)]);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.operation()?;
        let node = state.find(dir)?;
        state.sync_dir(node)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.lock_state();
        state.on()?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimulatedLock { disk: self.clone(), path: path.to_owned() }))
    }

    fn available(&self, _: &Path) -> io::Result<u64> {
        let state = self.lock_state();
        Ok(state.capacity.saturating_sub(state.used()))
    }
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Lock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.lock_state().locks.remove(&self.path);
    }
}

/// An open file.
#[derive(Debug)]
struct Handle {
    disk: SimulatedDisk,
    node: usize,
    len: u64,
}

impl Writer for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let outcome = state.operation();
        let room = if state.capacity == u64::MAX { u64::MAX } else { state.capacity.saturating_sub(state.used()) };
        let written = match &outcome {
            // Half of it got through.
            Err(_) if state.operations - 1 <= state.cut_at => bytes.len() / 2,
            Err(_) => 0,
            Ok(()) => bytes.len(),
        };
        let written = (written as u64).min(room) as usize;
        state.file(self.node)?.bytes.extend_from_slice(&bytes[..written]);
        outcome?;
        if written < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        let outcome = state.operation();
        let file = state.file(self.node)?;
        if outcome.is_ok() {
            file.sync();
        } else {
            file.lost.push(file.durable.len()..file.bytes.len());
        }
        outcome
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.operation()?;
        let file = state.file(self.node)?;
        file.bytes.truncate(len as usize);
        file.lost.iter_mut().for_each(|lost| lost.end = lost.end.min(len as usize));
        self.len = len;
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

impl Reader for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock_state();
        state.on()?;
        let file = state.file(self.node)?;
        let end = offset as usize + bytes.len();
        let found = file.bytes.get(offset as usize..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(disk: &SimulatedDisk, path: &str, bytes: &[u8]) -> Box<dyn Writer> {
        let mut file = disk.create(Path::new(path)).unwrap();
        file.write(bytes).unwrap();
        file
    }

    fn read(disk: &SimulatedDisk, path: &str) -> Option<Vec<u8>> {
        super::super::read_all(disk, Path::new(path)).ok()
    }

    /// What a file is after the power went, over many seeds.
    fn outcomes(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
        (0..200).map(|seed| read(&disk.power_cycle(&mut Random::new(seed)), path)).collect()
    }

    #[test]
    fn what_was_synced_with_its_name_survives_and_nothing_else_is_certain() {
        let disk = SimulatedDisk::default();
        let mut file = write(&disk, "/a", b"synced");
        file.sync().unwrap();
        assert_eq!(outcomes(&disk, "/a"), BTreeSet::from([None, Some(b"synced".to_vec())]), "the name may be lost");
        let disk = SimulatedDisk::default();
        let mut file = write(&disk, "/a", b"synced");
        file.sync().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        file.write(b"xy").unwrap();
        let outcomes = outcomes(&disk, "/a");
        assert!(outcomes.iter().all(|found| found.as_ref().is_some_and(|bytes| bytes.starts_with(b"synced"))));
        let tails = [&b"synced"[..], b"syncedx", b"syncedxy", b"syncedx\0", b"synced\0\0"];
        assert!(tails.iter().all(|tail| outcomes.contains(&Some(tail.to_vec()))), "{outcomes:?}");
    }

    #[test]
    fn a_rename_happens_wholly_or_not() {
        let disk = SimulatedDisk::default();
        for (path, bytes) in [("/old", b"old"), ("/new", b"new")] {
            write(&disk, path, bytes).sync().unwrap();
        }
        disk.sync_dir(Path::new("/")).unwrap();
        disk.rename(Path::new("/new"), Path::new("/old")).unwrap();
        for seed in 0..50 {
            let after = disk.power_cycle(&mut Random::new(seed));
            let found = (read(&after, "/old").unwrap(), read(&after, "/new").is_some());
            assert!(found == (b"old".to_vec(), true) || found == (b"new".to_vec(), false), "{found:?}");
        }
    }

    #[test]
    fn a_failed_sync_loses_what_it_should_have_kept_whatever_a_later_one_says() {
        let disk = SimulatedDisk::default();
        let mut file = write(&disk, "/a", b"one");
        disk.fail_at(disk.operations());
        file.sync().unwrap_err();
        file.sync().unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        assert_eq!(outcomes(&disk, "/a"), BTreeSet::from([Some(vec![0; 3]), Some(b"one".to_vec())]));
    }

    #[test]
    fn a_full_disk_takes_what_fits() {
        let disk = SimulatedDisk::default();
        disk.fill_at(4);
        let mut file = write(&disk, "/a", b"abc");
        assert_eq!(file.write(b"de").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((read(&disk, "/a"), disk.available(Path::new("/")).unwrap()), (Some(b"abcd".to_vec()), 0));
    }
}
