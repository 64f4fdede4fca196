use std::cmp::Ordering;

/// Compares two package versions (`[EPOCH:]VERSION[-RELEASE]`) as rpm does; dpkg's order is the same for versions made of
/// numbers.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left) = epoch(left);
    let (right_epoch, right) = epoch(right);
    let (left_version, left_release) = release(left);
    let (right_version, right_release) = release(right);
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_parts(left_version, right_version))
        .then_with(|| compare_parts(left_release, right_release))
}

/// True when `version` is what was asked for; the epoch and the release may be left out, and `1.28.2-*` is `1.28.2`.
pub fn is_version(version: &str, wanted: &str) -> bool {
    let wanted = plain(wanted);
    let without_epoch = epoch(version).1;
    [version, without_epoch].into_iter().any(|version| {
        version
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

/// The version as a package manager knows it: Kubernetes' own `v1.28.2` loses its `v`, `1.28.2-*` its wildcard.
pub fn plain(wanted: &str) -> &str {
    let wanted = wanted.strip_suffix("-*").unwrap_or(wanted);
    match wanted.strip_prefix('v') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => wanted,
    }
}

/// Splits `NAME=VERSION` or `NAME-VERSION[-RELEASE]` where a version is seen.
pub fn split(package: &str) -> (&str, &str) {
    if let Some((name, version)) = package.split_once('=') {
        return (name.trim(), version.trim());
    }
    let starts_as_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    for (position, _) in package.match_indices('-').skip_while(|(position, _)| *position == 0) {
        let (name, version) = (&package[..position], &package[position + 1..]);
        if !starts_as_version(version) {
            continue;
        }
        let is_whole = match version.split_once('-') {
            None => true,
            Some((_, release)) => (starts_as_version(release) || release == "*") && !release.contains('-'),
        };
        if is_whole {
            return (name, version);
        }
    }
    (package, "")
}

fn epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    }
}

fn release(version: &str) -> (&str, &str) {
    version.rsplit_once('-').unwrap_or((version, ""))
}

fn compare_parts(mut left: &str, mut right: &str) -> Ordering {
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && c != '~';
    loop {
        left = left.trim_start_matches(is_separator);
        right = right.trim_start_matches(is_separator);
        // A tilde (1.29.0~rc.1) is older than anything, the end included.
        match (left.strip_prefix('~'), right.strip_prefix('~')) {
            (Some(left_rest), Some(right_rest)) => {
                (left, right) = (left_rest, right_rest);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if left.is_empty() || right.is_empty() {
            return left.len().cmp(&right.len());
        }
        let (left_run, left_rest) = run(left);
        let (right_run, right_rest) = run(right);
        let order = match (is_number(left_run), is_number(right_run)) {
            (true, true) => {
                let (a, b) = (left_run.trim_start_matches('0'), right_run.trim_start_matches('0'));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            // A number is newer than letters.
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => left_run.cmp(right_run),
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn is_number(run: &str) -> bool {
    run.starts_with(|c: char| c.is_ascii_digit())
}

/// Splits the leading run of digits or of letters off.
fn run(text: &str) -> (&str, &str) {
    let belongs = |c: char| {
        if is_number(text) {
            c.is_ascii_digit()
        } else {
            c.is_ascii_alphabetic()
        }
    };
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1.28.2-0", "1.28.11-150500.1.1", Ordering::Less)]
    #[case("1.28.2-0", "1.28.2-0", Ordering::Equal)]
    #[case("1.9.0", "1.10.0", Ordering::Less)]
    #[case("1:1.0-1", "2.0-1", Ordering::Greater)]
    #[case("1.29.0~rc.1-1", "1.29.0-1", Ordering::Less)]
    #[case("1.0a", "1.0.1", Ordering::Less)]
    #[case("1.28.2-1.1", "1.28.2-1.2", Ordering::Less)]
    fn order(#[case] left: &str, #[case] right: &str, #[case] expected: Ordering) {
        assert_eq!(compare(left, right), expected);
        assert_eq!(compare(right, left), expected.reverse());
    }

    #[rstest]
    #[case("1.28.2-0", "1.28.2", true)]
    #[case("1.28.2-0", "v1.28.2", true)]
    #[case("1.28.2-0", "1.28.2-0", true)]
    #[case("1.28.2-0", "1.28.2-*", true)]
    #[case("1.28.11-150500.1.1", "1.28.1", false)]
    #[case("2:1.0-1", "1.0", true)]
    #[case("1.28.2-0", "1.28.2-1", false)]
    fn wanted(#[case] version: &str, #[case] asked: &str, #[case] expected: bool) {
        assert_eq!(is_version(version, asked), expected);
    }

    #[rstest]
    #[case("kubeadm-1.28.2-0", ("kubeadm", "1.28.2-0"))]
    #[case("kubeadm-1.28.2", ("kubeadm", "1.28.2"))]
    #[case("kubeadm-1.28.2-*", ("kubeadm", "1.28.2-*"))]
    #[case("kubeadm=1.28.2-1.1", ("kubeadm", "1.28.2-1.1"))]
    #[case("yum-utils", ("yum-utils", ""))]
    #[case("java-1.8.0-openjdk", ("java-1.8.0-openjdk", ""))]
    #[case("kubernetes-cni", ("kubernetes-cni", ""))]
    fn names(#[case] package: &str, #[case] expected: (&str, &str)) {
        assert_eq!(split(package), expected);
    }
}
