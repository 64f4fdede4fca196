//! The text of an fstab.

/// An entry as a task has it.
pub struct Entry<'a> {
    pub src: &'a str,
    pub path: &'a str,
    pub fstype: &'a str,
    pub opts: &'a str,
    pub dump: &'a str,
    pub passno: &'a str,
}

/// A field with the characters that would end it, or would be read as something else, as octal numbers.
pub fn escaped(field: &str) -> String {
    field.replace('\\', "\\134").replace(' ', "\\040").replace('&', "\\046")
}

impl Entry<'_> {
    fn fields(&self) -> [String; 6] {
        [self.src, self.path, self.fstype, self.opts, self.dump, self.passno].map(escaped)
    }
}

/// The text with the entry in the place of the one for the same mount point, or at the end.
pub fn put(text: &str, entry: &Entry<'_>) -> String {
    let wanted = entry.fields();
    let line = wanted.join(" ");
    let mut result = String::with_capacity(text.len() + line.len() + 1);
    let mut is_there = false;
    let mut push = |line: &str| {
        result.push_str(line);
        result.push('\n');
    };
    for old in text.lines() {
        let fields: Vec<&str> = old.split('#').next().unwrap_or_default().split_whitespace().collect();
        if !(4..=6).contains(&fields.len()) || !is_about(&fields, &wanted[1], Some(entry.src)) {
            push(old);
            continue;
        }
        is_there = true;
        if fields == wanted {
            push(old);
        } else {
            push(&line);
        }
    }
    if !is_there {
        push(&line);
    }
    result
}

/// The text without the entries for a mount point; `src` tells one swap space from another.
pub fn remove(text: &str, path: &str, src: Option<&str>) -> String {
    let path = escaped(path);
    let stays = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        line.trim_start().starts_with('#') || fields.len() != 6 || !is_about(&fields, &path, src)
    };
    let mut result: String = text.lines().filter(stays).flat_map(|line| [line, "\n"]).collect();
    if !text.is_empty() && !text.ends_with('\n') && result.len() > text.len() {
        result.pop();
    }
    result
}

/// Whether fields are those of a mount point, or of a swap space, which has none.
fn is_about(fields: &[&str], path: &str, src: Option<&str>) -> bool {
    let [source, point, kind, ..] = fields else {
        return false;
    };
    let is_other_swap = *point == "none" && *kind == "swap" && src.is_some_and(|src| src != *source);
    *point == path && !is_other_swap
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\n/dev/a / ext4 defaults 0 1\n/dev/b none swap sw 0 0\n/dev/c\t/data xfs noatime\n";

    fn entry<'a>(src: &'a str, path: &'a str, fstype: &'a str, opts: &'a str) -> Entry<'a> {
        Entry {
            src,
            path,
            fstype,
            opts,
            dump: "0",
            passno: "0",
        }
    }

    #[test]
    fn an_entry_is_put_in_its_place() {
        let changed = put(TEXT, &entry("/dev/c", "/data", "xfs", "noatime"));
        // Four fields become six.
        assert_eq!(
            changed,
            TEXT.replace("/dev/c\t/data xfs noatime", "/dev/c /data xfs noatime 0 0")
        );
        assert_eq!(put(&changed, &entry("/dev/c", "/data", "xfs", "noatime")), changed);
        let new = put(TEXT, &entry("/dev/my disk", "/mnt/a b", "ext4", "ro"));
        assert_eq!(new, format!("{TEXT}/dev/my\\040disk /mnt/a\\040b ext4 ro 0 0\n"));
        assert_eq!(put("x", &entry("/d", "/p", "ext4", "ro")), "x\n/d /p ext4 ro 0 0\n");
    }

    #[test]
    fn swap_spaces_are_told_apart_by_their_source() {
        let more = put(TEXT, &entry("/dev/z", "none", "swap", "sw"));
        assert_eq!(more, format!("{TEXT}/dev/z none swap sw 0 0\n"));
        assert_eq!(remove(&more, "none", Some("/dev/z")), TEXT);
        assert!(!remove(&more, "none", None).contains("swap"));
    }

    #[test]
    fn an_entry_is_removed() {
        assert_eq!(
            remove(TEXT, "/", None),
            TEXT.replace("/dev/a / ext4 defaults 0 1\n", "")
        );
        assert_eq!(remove(TEXT, "/nowhere", None), TEXT);
        assert_eq!(remove("x", "/nowhere", None), "x");
    }
}
