//! How far each destination has got, in one small file that is replaced whole.

use std::io;
use std::path::Path;

use disk::port::{Disk, read_all};

/// Name of the file in the data directory.
pub const FILE: &str = "cursors";
const NEW_FILE: &str = "cursors.new";
const FIRST_LINE: &str = "spanlet relay cursors 1";

/// How far one destination has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its address as it was given.
    pub name: String,
    /// Number of the next record it gets.
    pub sequence: u64,
    /// Spans before that record since the journal began.
    pub spans: u64,
}

/// Replaces the file.
pub fn write(disk: &dyn Disk, dir: &Path, cursors: &[Cursor]) -> io::Result<()> {
    let mut text = format!("{FIRST_LINE}\n");
    for Cursor { name, sequence, spans } in cursors {
        text.push_str(&format!("{sequence} {spans} {name}\n"));
    }
    let checksum = crc32fast::hash(text.as_bytes());
    text.push_str(&format!("{checksum:08x}\n"));
    let path = dir.join(NEW_FILE);
    match disk.remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&path)?;
    file.append(text.as_bytes())?;
    file.sync_data()?;
    disk.rename(&path, &dir.join(FILE))?;
    disk.sync_dir(dir)
}

/// Reads the file. A missing or damaged one says nothing: everything that is still there is sent again.
pub fn read(disk: &dyn Disk, dir: &Path) -> Vec<Cursor> {
    let path = dir.join(FILE);
    let cursors = match read_all(disk, &path) {
        Ok(bytes) => parse(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(_) => None,
    };
    cursors.unwrap_or_else(|| {
        tracing::error!(path = %path.display(), "damaged: what is still on disk is sent again");
        Vec::new()
    })
}

fn parse(bytes: &[u8]) -> Option<Vec<Cursor>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (lines, checksum) = text.rsplit_once('\n')?;
    let sound = u32::from_str_radix(checksum, 16).ok()? == crc32fast::hash(format!("{lines}\n").as_bytes());
    let mut lines = lines.lines();
    if !sound || lines.next()? != FIRST_LINE {
        return None;
    }
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (sequence, spans) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Cursor { name: words.next()?.to_owned(), sequence, spans })
    };
    lines.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use disk::faulty::Faulty;

    #[test]
    fn cursors_come_back_or_say_nothing() {
        let (disk, dir) = (Faulty::new(1), Path::new("/data"));
        disk.create_dir_all(dir).unwrap();
        assert_eq!(read(&disk, dir), []);
        let cursor = |name: &str, sequence| Cursor { name: name.into(), sequence, spans: 7 };
        let cursors = [cursor("scribe://a:1", 3), cursor("http://b:2/x y", 4)];
        for _ in 0..2 {
            write(&disk, dir, &cursors).unwrap();
            disk.crash();
            assert_eq!(read(&disk, dir), cursors);
        }
        for at in 0..read_all(&disk, &dir.join(FILE)).unwrap().len() {
            disk.flip(&dir.join(FILE), at, 1);
            assert_eq!(read(&disk, dir), [], "byte {at}");
            disk.flip(&dir.join(FILE), at, 1);
        }
    }
}
