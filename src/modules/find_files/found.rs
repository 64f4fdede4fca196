//! Reads what list.sh prints.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::modules::remote_file::{mode_flags, octal};

/// What was found below the directories.
#[derive(Default)]
pub struct Answer {
    /// The node's time, in seconds since 1970.
    pub now: i64,
    pub examined: u64,
    /// Directories that are none.
    pub skipped: Vec<String>,
    pub entries: Vec<Entry>,
}

/// One file, directory or link.
#[derive(Default)]
pub struct Entry {
    pub path: String,
    pub checksum: Option<String>,
    raw: u32,
    numbers: [u64; 9],
    owner: String,
    group: String,
}

/// What the numbers of an entry are called in results.
const NUMBERS: [&str; 9] = ["uid", "gid", "size", "inode", "dev", "nlink", "atime", "mtime", "ctime"];

impl Answer {
    pub fn read(text: &str) -> Self {
        let mut answer = Self::default();
        for part in text.split('\u{3}') {
            let start = part.find(['\u{1}', '\u{2}']).unwrap_or(part.len());
            let (head, records) = part.split_at(start);
            for (key, value) in head.lines().filter_map(|line| line.split_once('=')) {
                match key {
                    "now" => answer.now = value.parse().unwrap_or_default(),
                    "examined" => answer.examined += value.trim().parse::<u64>().unwrap_or_default(),
                    "skipped" => answer.skipped.push(value.to_owned()),
                    _ => {}
                }
            }
            let mut sums: HashMap<&str, &str> = HashMap::new();
            let mut records = records.split_inclusive('\n').collect::<String>();
            records.push('\n');
            let mut entries = Vec::new();
            let mut rest = records.as_str();
            while let Some(kind) = rest.chars().next() {
                let body = rest.get(1..).unwrap_or_default();
                let end = body.find(['\u{1}', '\u{2}']).unwrap_or(body.len());
                let (record, next) = body.split_at(end);
                let record = record.trim_end_matches('\n');
                match kind {
                    '\u{1}' => entries.extend(Entry::read(record)),
                    '\u{2}' => sums.extend(record.split_once(' ').map(|(sum, path)| (path, sum))),
                    _ => {}
                }
                rest = next;
            }
            for entry in &mut entries {
                entry.checksum = sums.get(entry.path.as_str()).map(|sum| (*sum).to_owned());
            }
            answer.entries.extend(entries);
        }
        answer
    }
}

impl Entry {
    fn read(record: &str) -> Option<Self> {
        let mut words = record.splitn(13, ' ');
        let raw = u32::from_str_radix(words.next()?, 16).ok()?;
        let mut numbers = [0; 9];
        for number in &mut numbers {
            *number = words.next()?.parse().ok()?;
        }
        Some(Self {
            raw,
            numbers,
            owner: words.next()?.to_owned(),
            group: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            checksum: None,
        })
    }

    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub fn is_regular(&self) -> bool {
        self.raw >> 12 == 0o10
    }

    pub fn mode(&self) -> u32 {
        self.raw & 0o7777
    }

    pub fn size(&self) -> u64 {
        self.number("size")
    }

    /// One of the numbers by its name in results.
    pub fn number(&self, name: &str) -> u64 {
        let found = NUMBERS.iter().zip(self.numbers).find(|(other, _)| **other == name);
        found.map_or(0, |(_, number)| number)
    }

    /// Under Ansible's names.
    pub fn describe(&self) -> Value {
        let mut result = json!({
            "path": self.path,
            "mode": octal(self.mode()),
            "pw_name": if self.owner == "UNKNOWN" { "" } else { &self.owner },
            "gr_name": if self.group == "UNKNOWN" { "" } else { &self.group },
        });
        for (name, number) in NUMBERS.iter().zip(self.numbers) {
            result[name] = json!(number);
        }
        for (name, is_set) in mode_flags(self.raw) {
            result[name] = json!(is_set);
        }
        if let Some(checksum) = &self.checksum {
            result["checksum"] = json!(checksum);
        }
        result
    }
}
