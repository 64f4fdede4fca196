/// What the mode of a file says, under Ansible's names: its kind and its permissions. `raw` is the mode with the kind in it.
pub(in crate::modules) fn mode_flags(raw: u32) -> impl Iterator<Item = (&'static str, bool)> {
    const KINDS: [(&str, u32); 7] = [
        ("isdir", 0o04),
        ("ischr", 0o02),
        ("isblk", 0o06),
        ("isreg", 0o10),
        ("isfifo", 0o01),
        ("islnk", 0o12),
        ("issock", 0o14),
    ];
    const PERMISSIONS: [(&str, u32); 11] = [
        ("wusr", 0o200),
        ("rusr", 0o400),
        ("xusr", 0o100),
        ("wgrp", 0o020),
        ("rgrp", 0o040),
        ("xgrp", 0o010),
        ("woth", 0o002),
        ("roth", 0o004),
        ("xoth", 0o001),
        ("isuid", 0o4000),
        ("isgid", 0o2000),
    ];
    let kinds = KINDS.into_iter().map(move |(name, kind)| (name, raw >> 12 == kind));
    kinds.chain(PERMISSIONS.into_iter().map(move |(name, bit)| (name, raw & bit != 0)))
}
