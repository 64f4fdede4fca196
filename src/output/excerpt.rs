/// How many lines of a failed command's output are shown.
const SHOWN: usize = 30;

/// The end of an output, where it says why it failed; the beginning rarely does. A line that comes again and again (a
/// drain that waits) stands once, with how often it came.
pub(super) fn last_lines(text: &str) -> Vec<String> {
    let mut folded: Vec<(&str, usize)> = Vec::new();
    for line in text.lines() {
        match folded.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => folded.push((line, 1)),
        }
    }
    let from = folded.len().saturating_sub(SHOWN);
    folded
        .into_iter()
        .skip(from)
        .map(|(line, times)| {
            if times > 1 && !line.trim().is_empty() {
                format!("{line} ({times} times)")
            } else {
                line.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_stand_once() {
        assert_eq!(last_lines("a\nb\nb\nb\n\n\nc\nb"), ["a", "b (3 times)", "", "c", "b"]);
    }

    #[test]
    fn only_the_end_is_shown() {
        let text = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let lines = last_lines(&text);
        assert_eq!((lines.len(), lines[0].as_str(), lines[29].as_str()), (30, "70", "99"));
    }
}
