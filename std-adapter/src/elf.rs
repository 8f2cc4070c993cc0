//! The texts of firmware, read from its ELF files: a device may tell a name by where it lies in its memory.
//!
//! A file is found by its GNU build-id. Of the 65,536 files that are looked at in all folders, only the headers and the
//! notes are read, and what a program loads once a device runs it: at most 32 MB a program, and 128 MB of all.
//!
//! A span that tells where its device stopped (`reset.pc`, `reset.lr`) has the functions and lines there as `error.stack`: what the
//! file holds for debuggers is read each time, at most 128 MB, for two seconds at most.

mod image;
mod lines;
mod search;

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object::ReadCache;

use crate::decode::Strings;
use crate::error::ElfError;
pub use image::{Flaw, Image};
pub use lines::lines;
use search::{Mark, Search};

/// How many bytes of programs are kept.
const KEPT: u64 = 128 * 1024 * 1024;
/// How long files are not looked at again, at least.
const PAUSE: Duration = Duration::from_secs(2);
/// At most one part of the time in so many is spent looking.
const SHARE: u32 = 20;
/// How much longer than that lines may be looked for.
const CREDIT: Duration = Duration::from_secs(5);
/// How many unknown build ids are warned of.
const WARNINGS: usize = 64;

/// ELF files, by their build id.
///
/// ```no_run
/// use microspan_std::decode::Strings;
/// use microspan_std::elf::Images;
///
/// let images = Images::open(vec!["target/thumbv7em-none-eabihf".into()])?;
/// let name = images.text(&[0x86, 0x25], 0xac30, 5);
/// # Ok::<(), microspan_std::error::ElfError>(())
/// ```
#[derive(Debug)]
pub struct Images {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    search: Search,
    /// The one file, if one was given and nothing else: it does for devices that tell no build id.
    alone: Option<Alone>,
    /// The programs that devices run, the one asked for last in front.
    kept: VecDeque<(Vec<u8>, Arc<Image>)>,
    next_look: Instant,
    warned: HashSet<Vec<u8>>,
    opened: Instant,
    /// How long lines were looked for.
    spent: Duration,
}

#[derive(Debug)]
struct Alone {
    path: PathBuf,
    read: Option<(Mark, Arc<Image>)>,
    next_look: Instant,
}

impl Images {
    /// Looks at these files, and at those in these folders and in the folders in them.
    ///
    /// # Errors
    /// A path that is not there, a file that is not a linked program in ELF, and one without a build id unless it is all
    /// that was given. Files in folders may be anything.
    pub fn open(paths: Vec<PathBuf>) -> Result<Self, ElfError> {
        for path in &paths {
            check(path, paths.len() == 1)?;
        }
        let now = Instant::now();
        let alone = match paths.as_slice() {
            [path] if path.is_file() => Some(Alone { path: path.clone(), read: None, next_look: now }),
            _ => None,
        };
        let in_folders = paths.iter().any(|path| path.is_dir());
        let mut search = Search::new(paths);
        let unusable = search.look();
        if let (Some(example), true) = (&unusable.example, in_folders) {
            log::warn!(
                "{} ELF files have no GNU build-id and are not used, {} among them: link with --build-id",
                unusable.without_id,
                example.display()
            );
        }
        if unusable.too_many {
            log::warn!("not all files are looked at, there are too many: give --elf a smaller folder");
        }
        if in_folders {
            log::info!("{} ELF files with a build id found", search.len());
        }
        let state = State {
            search,
            alone,
            kept: VecDeque::new(),
            next_look: now + PAUSE,
            warned: HashSet::new(),
            opened: now,
            spent: Duration::ZERO,
        };
        Ok(Self { state: Mutex::new(state) })
    }
}

impl Strings for Images {
    /// The build id is empty when a device tells none. Files are looked at again when none has it, every two seconds at most.
    fn text(&self, build_id: &[u8], address: u64, length: u32) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let image = if build_id.is_empty() { state.alone()? } else { state.find(build_id)? };
        image.text(address, length).map(str::to_owned)
    }

    /// The build id is empty as above. A file that is no longer what the device runs tells nothing. Who asks for more addresses
    /// than can be looked for is told of them later.
    fn lines(&self, build_id: &[u8], address: u64) -> Option<Vec<String>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lines(build_id, address)
    }
}

/// Whether a path that was given can be used.
fn check(path: &Path, alone: bool) -> Result<(), ElfError> {
    let unreadable = |cause| ElfError::Unreadable { path: path.to_owned(), cause };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        fs::read_dir(path).map_err(unreadable)?;
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(ElfError::NotElf { path: path.to_owned() });
    }
    let data = ReadCache::new(File::open(path).map_err(unreadable)?);
    let flawed = |flaw| match flaw {
        Flaw::NotElf => ElfError::NotElf { path: path.to_owned() },
        Flaw::NotLinked => ElfError::NotLinked { path: path.to_owned() },
        Flaw::TooLarge => ElfError::TooLarge { path: path.to_owned(), most: image::LOADABLE >> 20 },
    };
    if !Image::read(&data).map_err(flawed)?.build_id().is_empty() {
        return Ok(());
    }
    if !alone {
        return Err(ElfError::NoBuildId { path: path.to_owned() });
    }
    log::warn!("{} has no GNU build-id: nothing can tell whether a device runs it", path.display());
    Ok(())
}

impl State {
    fn find(&mut self, id: &[u8]) -> Option<Arc<Image>> {
        if let Some(at) = self.kept.iter().position(|(known, _)| known == id) {
            let kept = self.kept.remove(at)?;
            let image = kept.1.clone();
            self.kept.push_front(kept);
            return Some(image);
        }
        let mut read = self.search.read(id);
        if read.is_none() && Instant::now() >= self.next_look {
            let started = Instant::now();
            self.search.look();
            self.next_look = Instant::now() + (started.elapsed() * SHARE).max(PAUSE);
            read = self.search.read(id);
        }
        let Some(image) = read.map(Arc::new) else {
            self.warn(id);
            return None;
        };
        self.kept.push_front((id.to_vec(), image.clone()));
        while self.kept.iter().map(|(_, image)| image.size()).sum::<u64>() > KEPT {
            self.kept.pop_back();
        }
        Some(image)
    }

    /// The one file that was given, for a device that tells no build id.
    fn alone(&mut self) -> Option<Arc<Image>> {
        let Some(alone) = &mut self.alone else {
            if self.warned.insert(Vec::new()) {
                log::warn!(
                    "a device tells no build id, so that its names are not found: give its session one, or the bridge its ELF \
                     file and no other"
                );
            }
            return None;
        };
        if Instant::now() >= alone.next_look {
            alone.next_look = Instant::now() + PAUSE;
            alone.refresh();
        }
        if self.warned.insert(Vec::new()) {
            log::info!(
                "a device tells no build id: its names are read from {}, the one file given",
                alone.path.display()
            );
        }
        alone.read.as_ref().map(|(_, image)| image.clone())
    }

    fn lines(&mut self, id: &[u8], address: u64) -> Option<Vec<String>> {
        let files = if id.is_empty() {
            self.alone()?;
            self.alone.iter().map(|alone| alone.path.clone()).collect()
        } else {
            self.find(id)?;
            self.search.files(id)
        };
        let started = Instant::now();
        if self.spent > CREDIT + (started - self.opened) / SHARE {
            return None;
        }
        let mut lines = files.iter().filter_map(|path| {
            let data = ReadCache::new(File::open(path).ok()?);
            let is_it = id.is_empty() || image::build_id(&data).ok()?? == id;
            is_it.then(|| lines::read(&data, address).ok()).flatten()
        });
        let lines = lines.find(|lines| !lines.is_empty());
        self.spent += started.elapsed();
        Some(lines.unwrap_or_default())
    }

    fn warn(&mut self, id: &[u8]) {
        if self.warned.len() < WARNINGS && self.warned.insert(id.to_vec()) {
            let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            log::warn!("a device runs the program of build id {id}, which no ELF file given has");
        }
    }
}

impl Alone {
    /// Reads the file if it is not what it was; what is being written is left for the next time.
    fn refresh(&mut self) {
        let Ok(mark) = fs::metadata(&self.path).map(|metadata| Mark::from(&metadata)) else { return };
        if self.read.as_ref().is_some_and(|(read, _)| *read == mark) {
            return;
        }
        let Ok(file) = File::open(&self.path) else { return };
        if let Ok(image) = Image::read(&ReadCache::new(file)) {
            self.read = Some((mark, Arc::new(image)));
        }
    }
}

#[cfg(test)]
mod tests;
