use std::io;
use std::path::Path;

use super::diagnostic::Diagnostic;

/// Reads a text file whole; `what` names it in the finding (`playbook`, `variables`).
///
/// # Errors
/// The file cannot be read or holds no text; the finding names the file, the reason and the way out.
pub fn read_text(path: &Path, what: &str) -> Result<String, Diagnostic> {
    let failed = |reason: &str| Diagnostic::error(format!("cannot read the {what}: {reason}")).in_file(path);
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed("there is no such file"),
        io::ErrorKind::IsADirectory => failed("this is a directory").help("name a file in it"),
        io::ErrorKind::PermissionDenied => {
            failed("it may not be read").help("let your user read it: `ls -l` shows its mode and owner")
        }
        _ => failed(&error.to_string()),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].split(|byte| *byte == b'\n').count();
        failed(&format!("line {line} is not UTF-8 text"))
            .help("is this the right file? A text in another encoding has to be saved in UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("site.yml");
        let found = |path: &Path| read_text(path, "playbook").unwrap_err().to_string();
        assert!(found(&file).contains("cannot read the playbook: there is no such file"));
        assert!(found(folder.path()).contains("this is a directory"));
        std::fs::write(&file, b"- hosts: all\n  name: \xff\n").unwrap();
        assert!(found(&file).contains("line 2 is not UTF-8 text"));
    }
}
