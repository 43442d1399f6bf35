//! One folder for the temporary files of a process and of the commands that it runs: removed at its
//! end, or, where it was killed, by the next process. A lock that the system releases with the process
//! tells whether it still lives.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "autotinyml-process-";
/// Not locked yet, so not to be taken for one that was left behind.
const NEW_PREFIX: &str = "autotinyml-new-process-";

/// The folder of this process.
#[derive(Debug)]
pub struct Temporary {
    folder: PathBuf,
    _lock: File,
}

impl Temporary {
    /// Makes the folder, which all temporary files go to from now on, and removes those that killed
    /// processes left behind.
    ///
    /// # Errors
    /// Nothing can be written where temporary files go.
    pub fn claim() -> io::Result<Self> {
        let place = tempfile::env::temp_dir();
        let temporary = Self::make(&place)?;
        remove_orphans(&place);
        tempfile::env::override_temp_dir(&temporary.folder)
            .map_err(|_| io::Error::other("temporary files go elsewhere already"))?;
        Ok(temporary)
    }

    fn make(place: &Path) -> io::Result<Self> {
        let new = tempfile::Builder::new().prefix(NEW_PREFIX).tempdir_in(place)?;
        let lock = File::open(new.path())?;
        lock.lock()?;
        let name = new.path().file_name().expect("it was named").to_string_lossy();
        let folder = place.join(name.replacen(NEW_PREFIX, PREFIX, 1));
        fs::rename(new.path(), &folder)?;
        let _moved_away = new.keep();
        Ok(Self { folder, _lock: lock })
    }

    /// Removes it with all that is in it.
    pub fn remove(&self) {
        // What cannot be removed now is removed by the next process.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of processes that live no more. Those of other users cannot be opened.
fn remove_orphans(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    let is_ours = |entry: &DirEntry| {
        entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    for entry in entries.flatten().filter(is_ours) {
        let Ok(lock) = File::open(entry.path()) else { continue };
        if lock.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_removed_and_those_of_the_living_are_not() {
        let place = tempfile::tempdir().unwrap();
        let [dead, living] = [(); 2].map(|()| Temporary::make(place.path()).unwrap());
        for process in [&dead, &living] {
            fs::write(process.folder.join("program.elf"), "").unwrap();
        }
        fs::create_dir(place.path().join("autotinyml-new-process-x")).unwrap();
        fs::create_dir(place.path().join("somebody-else")).unwrap();
        let Temporary { folder: dead, _lock: lock } = dead;
        drop(lock);
        remove_orphans(place.path());
        assert!(!dead.exists());
        assert!(living.folder.join("program.elf").exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
        living.remove();
        assert!(!living.folder.exists());
    }
}
