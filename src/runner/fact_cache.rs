//! Facts that are kept from run to run, as files of Ansible's cache `jsonfile`: one a host, under Ansible's names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

/// How long facts hold when nobody says otherwise: a day, as in Ansible.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Ansible's mark that a host's facts were gathered, beside those that tasks have set.
const GATHERED: &str = "_ansible_facts_gathered";

/// Where facts are kept from run to run.
#[derive(Clone, Debug)]
pub struct FactCache {
    folder: PathBuf,
    /// `None` when they hold for ever.
    timeout: Option<Duration>,
}

impl FactCache {
    /// A cache in a folder, which is made when need be. Facts hold for `timeout` seconds: a day when it is not given, for
    /// ever when it is 0.
    pub fn new(folder: impl Into<PathBuf>, timeout: Option<u64>) -> Self {
        Self {
            folder: folder.into(),
            timeout: match timeout {
                None => Some(DEFAULT_TIMEOUT),
                Some(0) => None,
                Some(seconds) => Some(Duration::from_secs(seconds)),
            },
        }
    }

    /// What is known of a host and still holds, under names without `ansible_`, and whether it was gathered.
    pub(super) fn read(&self, host: &str) -> Option<(Map<String, Value>, bool)> {
        let file = self.file(host)?;
        let written = fs_err::metadata(&file).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        if self.timeout.is_some_and(|timeout| age > timeout) {
            return None;
        }
        // What another program has left half written is not known.
        let Value::Object(mut facts) = serde_json::from_slice(&fs_err::read(&file).ok()?).ok()? else {
            return None;
        };
        let is_gathered = facts.remove(GATHERED) == Some(json!(true));
        let short = |name: String| {
            name.strip_prefix("ansible_")
                .map_or_else(|| name.clone(), str::to_owned)
        };
        Some((
            facts.into_iter().map(|(name, value)| (short(name), value)).collect(),
            is_gathered,
        ))
    }

    /// Keeps all that is known of a host; seen whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, host: &str, facts: &Map<String, Value>, is_gathered: bool) -> std::io::Result<()> {
        let Some(file) = self.file(host) else { return Ok(()) };
        let mut named: Map<String, Value> = facts
            .iter()
            .map(|(name, value)| (format!("ansible_{name}"), value.clone()))
            .collect();
        if is_gathered {
            named.insert(GATHERED.to_owned(), json!(true));
        }
        fs_err::create_dir_all(&self.folder)?;
        let mut new = tempfile::NamedTempFile::new_in(&self.folder)?;
        new.write_all(&serde_json::to_vec_pretty(&named)?)?;
        new.persist(&file).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets a host.
    pub(super) fn forget(&self, host: &str) {
        if let Some(file) = self.file(host) {
            // It may never have been there.
            let _ = fs_err::remove_file(file);
        }
    }

    /// None for a name that would lead out of the folder.
    fn file(&self, host: &str) -> Option<PathBuf> {
        let is_plain =
            !host.is_empty() && !host.starts_with('.') && Path::new(host).file_name()?.to_str() == Some(host);
        is_plain.then(|| self.folder.join(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Map<String, Value> {
        json!({"distribution": "Debian"}).as_object().unwrap().clone()
    }

    #[test]
    fn facts_are_kept_under_ansibles_names() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FactCache::new(folder.path().join("new"), None);
        assert!(cache.read("a").is_none());
        cache.write("a", &facts(), true).unwrap();
        let text = std::fs::read_to_string(folder.path().join("new/a")).unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            written,
            json!({"ansible_distribution": "Debian", "_ansible_facts_gathered": true})
        );
        assert_eq!(cache.read("a"), Some((facts(), true)));
        cache.forget("a");
        assert!(cache.read("a").is_none());
    }

    #[test]
    fn facts_do_not_hold_for_ever_unless_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FactCache::new(folder.path(), Some(60));
        cache.write("a", &facts(), true).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(folder.path().join("a"))
            .unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(61)).unwrap();
        assert!(cache.read("a").is_none());
        assert!(FactCache::new(folder.path(), Some(0)).read("a").is_some());
        assert!(FactCache::new(folder.path(), None).read("a").is_some());
    }

    #[test]
    fn what_is_no_cache_is_not_read_and_no_name_leads_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "{\"ansible_x\": ").unwrap();
        let inner = FactCache::new(folder.path().join("inner"), None);
        inner.write("../b", &facts(), true).unwrap();
        assert!(!folder.path().join("b").exists());
        assert!(FactCache::new(folder.path(), None).read("a").is_none());
    }
}
