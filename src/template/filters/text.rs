use minijinja::{Error, Value};

use crate::template::arguments::{Arguments, More, refusal};
use crate::template::registry::Registry;

/// Longest text that padding and repeating filters make.
const MAX_WIDTH: usize = 1_000_000;

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("quote", quote);
    registry.filter("comment", comment);
    registry.filter("split", split);
    registry.filter("center", center);
    registry.filter("truncate", truncate);
    registry.filter("wordwrap", wordwrap);
    registry.filter("wordcount", |value: &Value| {
        value.to_string().split_whitespace().count()
    });
}

/// As Python's `shlex.quote`, which leaves more words bare than shells need.
fn quote(value: &Value) -> Result<String, Error> {
    let text = if value.is_none() {
        String::new()
    } else {
        value.to_string()
    };
    if text.contains('\0') {
        return Err(refusal("`quote`: the text holds a NUL character"));
    }
    let bare = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !text.is_empty() && text.chars().all(bare) {
        return Ok(text);
    }
    Ok(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

fn comment(value: &Value, values: More) -> Result<String, Error> {
    let names = ["style", "decoration", "prefix", "postfix", "beginning", "end"];
    let arguments = Arguments::read("comment", &names, values)?;
    let style = arguments.text("style").unwrap_or_else(|| "plain".to_owned());
    let (beginning, mark, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => {
            return Err(refusal(format!(
                "`comment`: there is no style `{other}`; there are plain, erlang, c, cblock and xml"
            )));
        }
    };
    let or = |name: &str, otherwise: &str| arguments.text(name).unwrap_or_else(|| otherwise.to_owned());
    let mark = or("decoration", mark);
    let empty = mark.trim_end();
    let text = value.to_string();
    let body = text.lines().map(|line| format!("{mark}{line}"));
    let frame = |name: &str| arguments.text(name).map(|text| format!("{mark}{text}"));
    let mut lines = vec![or("beginning", beginning)];
    lines.push(frame("prefix").unwrap_or_else(|| mark.clone()));
    lines.extend(body);
    lines.push(frame("postfix").unwrap_or_else(|| mark.clone()));
    lines.push(or("end", end));
    let plain = |line: String| if line == mark { empty.to_owned() } else { line };
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).map(plain).collect();
    Ok(lines.join("\n"))
}

fn split(value: &Value, values: More) -> Result<Vec<String>, Error> {
    let arguments = Arguments::read("split", &["sep", "maxsplit"], values)?;
    let text = value.to_string();
    let most = arguments
        .number("maxsplit")?
        .and_then(|most| usize::try_from(most).ok());
    let parts = most.map_or(usize::MAX, |most| most.saturating_add(1));
    Ok(match arguments.text("sep") {
        Some(separator) if separator.is_empty() => return Err(refusal("`split`: the separator is empty")),
        Some(separator) => text.splitn(parts, &separator).map(str::to_owned).collect(),
        None if most.is_none() => text.split_whitespace().map(str::to_owned).collect(),
        None => text
            .trim()
            .splitn(parts, char::is_whitespace)
            .map(|part| part.trim_start().to_owned())
            .collect(),
    })
}

fn center(value: &Value, values: More) -> Result<String, Error> {
    let arguments = Arguments::read("center", &["width"], values)?;
    let width = arguments.count("width", 80)?;
    if width > MAX_WIDTH {
        return Err(refusal(format!("`center`: the width must not exceed {MAX_WIDTH}")));
    }
    let text = value.to_string();
    let room = width.saturating_sub(text.chars().count());
    // Python puts the odd space on the left when the width is odd.
    let left = room / 2 + (room & width & 1);
    Ok(format!("{}{text}{}", " ".repeat(left), " ".repeat(room - left)))
}

fn truncate(value: &Value, values: More) -> Result<String, Error> {
    let arguments = Arguments::read("truncate", &["length", "killwords", "end", "leeway"], values)?;
    let length = arguments.count("length", 255)?;
    let leeway = arguments.count("leeway", 5)?;
    let end = arguments.text("end").unwrap_or_else(|| "...".to_owned());
    let text = value.to_string();
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let room = length
        .checked_sub(end.chars().count())
        .ok_or_else(|| refusal("`truncate`: the length is below that of the end mark"))?;
    let cut: String = text.chars().take(room).collect();
    let kept = if arguments.flag("killwords", false) {
        cut.as_str()
    } else {
        cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words)
    };
    Ok(format!("{kept}{end}"))
}

fn wordwrap(value: &Value, values: More) -> Result<String, Error> {
    let names = ["width", "break_long_words", "wrapstring"];
    let arguments = Arguments::read("wordwrap", &names, values)?;
    let width = arguments.count("width", 79)?.max(1);
    let long_words = arguments.flag("break_long_words", true);
    let mark = arguments.text("wrapstring").unwrap_or_else(|| "\n".to_owned());
    let text = value.to_string();
    let lines: Vec<_> = text
        .lines()
        .map(|line| wrap_line(line, width, long_words).join(&mark))
        .collect();
    Ok(lines.join(&mark))
}

fn wrap_line(line: &str, width: usize, break_long_words: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let mut rest: Vec<char> = word.chars().collect();
        while let Some(current) = lines.last_mut() {
            let used = current.chars().count();
            let needed = used + usize::from(used > 0) + rest.len();
            if needed <= width || (used == 0 && !break_long_words) {
                if used > 0 {
                    current.push(' ');
                }
                current.extend(rest);
                break;
            }
            if used == 0 {
                current.extend(rest.drain(..width));
            }
            lines.push(String::new());
        }
    }
    lines
}
