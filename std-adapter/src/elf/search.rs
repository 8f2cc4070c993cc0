//! The files that were given, and those in the folders that were given.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object::ReadCache;

use super::image::{self, Flaw, Image};

/// How many files are looked at.
const FILES: usize = 65_536;
/// How deep folders may lie in each other.
const DEPTH: usize = 32;

/// How many files of one build id are asked for lines.
const SAME: usize = 4;

/// What a look found that is of no use.
#[derive(Debug, Default)]
pub(super) struct Unusable {
    /// How many linked programs have no build id.
    pub(super) without_id: usize,
    /// One of them.
    pub(super) example: Option<PathBuf>,
    /// There are more files than are looked at.
    pub(super) too_many: bool,
}

/// A file as it was when it was looked at; it is opened again only when it has changed.
#[derive(Debug)]
struct Seen {
    mark: Mark,
    id: Option<Vec<u8>>,
    /// How many bytes it loads.
    size: u64,
}

/// By what one tells that a file was written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(Option<SystemTime>, u64);

impl From<&Metadata> for Mark {
    fn from(metadata: &Metadata) -> Self {
        Self(metadata.modified().ok(), metadata.len())
    }
}

#[derive(Debug)]
pub(super) struct Search {
    roots: Vec<PathBuf>,
    seen: HashMap<PathBuf, Seen>,
    found: HashMap<Vec<u8>, PathBuf>,
}

impl Search {
    pub(super) fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots, seen: HashMap::new(), found: HashMap::new() }
    }

    /// Looks at what is new.
    pub(super) fn look(&mut self) -> Unusable {
        let mut look =
            Look { before: mem::take(&mut self.seen), seen: HashMap::new(), unusable: Unusable::default() };
        for root in &self.roots {
            if let Ok(metadata) = fs::metadata(root) {
                look.enter(root, &metadata, 0);
            }
        }
        self.seen = look.seen;
        // Of files with one id the one that loads most, and so comes last: what debuggers need is also kept without the rest.
        let ids = self.seen.iter().filter_map(|(path, seen)| Some((seen.size, path, seen.id.as_ref()?)));
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        self.found = ids.into_iter().map(|(_, path, id)| (id.clone(), path.clone())).collect();
        look.unusable
    }

    /// How many programs are known by their build id.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The files of this build id, the one that is read first.
    pub(super) fn files(&self, id: &[u8]) -> Vec<PathBuf> {
        let first = self.found.get(id);
        let has_id = |(path, seen): (_, &Seen)| {
            (seen.id.as_deref() == Some(id) && Some(path) != first).then_some(path)
        };
        first.into_iter().chain(self.seen.iter().filter_map(has_id)).take(SAME).cloned().collect()
    }

    /// Reads the program of this build id, if its file is still what it was.
    pub(super) fn read(&mut self, id: &[u8]) -> Option<Image> {
        let path = self.found.remove(id)?;
        match Image::read(&ReadCache::new(File::open(&path).ok()?)) {
            Ok(image) if image.build_id() == id => {
                self.found.insert(id.to_vec(), path);
                Some(image)
            }
            Err(Flaw::TooLarge) => {
                let most = image::LOADABLE >> 20;
                log::warn!("{} loads more than {most} MB: its texts are not read", path.display());
                self.seen.get_mut(&path)?.id = None;
                None
            }
            // It was written again, or is being written: the next look looks at it.
            Ok(_) | Err(_) => {
                self.seen.remove(&path);
                None
            }
        }
    }
}

struct Look {
    before: HashMap<PathBuf, Seen>,
    seen: HashMap<PathBuf, Seen>,
    unusable: Unusable,
}

impl Look {
    fn enter(&mut self, path: &Path, metadata: &Metadata, depth: usize) {
        if self.seen.len() >= FILES {
            self.unusable.too_many = true;
        } else if metadata.is_file() {
            self.file(path, metadata.into());
        } else if metadata.is_dir() && depth < DEPTH {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                // Of the entry itself: what a symbolic link points to may be a folder above.
                if let Ok(metadata) = entry.metadata() {
                    self.enter(&entry.path(), &metadata, depth + 1);
                }
            }
        }
    }

    fn file(&mut self, path: &Path, mark: Mark) {
        let seen = match self.before.remove(path) {
            Some(seen) if seen.mark == mark => seen,
            _ => {
                let (id, size) = self.examine(path).unwrap_or_default();
                Seen { mark, id, size }
            }
        };
        self.seen.insert(path.to_owned(), seen);
    }

    /// What is no linked program is passed over: folders hold much else.
    fn examine(&mut self, path: &Path) -> Option<(Option<Vec<u8>>, u64)> {
        let data = ReadCache::new(File::open(path).ok()?);
        let id = image::build_id(&data).ok()?;
        if id.is_none() {
            self.unusable.without_id += 1;
            self.unusable.example.get_or_insert_with(|| path.to_owned());
        }
        // More than is read counts for nothing.
        let size = image::size(&data).ok().filter(|size| *size <= image::LOADABLE);
        Some((id, size.unwrap_or_default()))
    }
}
