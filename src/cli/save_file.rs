//! Writes a file whole or not at all.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::failure::{Failure, FailureKind};

/// Writes beside the target and renames over it, so that a reader never sees half a file. What is no regular file,
/// such as `/dev/stdout`, is written to as it is, and a symbolic link stays one.
///
/// # Errors
/// When the file, or the folder it is in, cannot be written to.
pub(super) fn save_file(path: &Path, content: &[u8]) -> Result<()> {
    let save = || -> std::io::Result<()> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return fs::OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // As any new file: what the umask leaves of it. A plan holds no secret, and others review it.
        let mut file = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
        if let Ok(replaced) = fs::metadata(&target) {
            file.as_file().set_permissions(replaced.permissions())?;
        }
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(&target)?;
        Ok(())
    };
    save().with_context(|| {
        Failure::new(FailureKind::Unexpected, format!("cannot write `{}`", path.display()))
            .hint("its folder must be there, with room in it, and this account must be allowed to write in it")
    })
}

/// Makes the folder, with those that it is in.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| {
        Failure::new(FailureKind::Unexpected, format!("cannot make the folder `{}`", folder.display()))
            .hint("name a folder that is there, or one that this account may make")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, gone) =
            (folder.path().join("file"), folder.path().join("link"), folder.path().join("no/file"));
        save_file(&file, b"one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        save_file(&link, b"two").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        save_file(&pipe, b"three").unwrap();
        assert_eq!(reader.join().unwrap(), b"three");
        assert!(save_file(&gone, b"four").unwrap_err().to_string().contains("no/file"));
    }
}
