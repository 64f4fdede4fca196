//! What a web server answered.

use serde_json::Value;

/// An answer, as ask.sh prints it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: i64,
    pub url: String,
    pub is_redirected: bool,
    /// What follows the status in the first line, for example `Not Found`.
    pub phrase: String,
    /// The headers' names in small letters, with underscores.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads it; none when it is incomplete.
    pub fn read(output: &[u8]) -> Option<Self> {
        let end = memchr::memmem::find(output, b"\n\n")?;
        let head = String::from_utf8_lossy(output.get(..end)?);
        let rest = output.get(end + 2..)?;
        let value = |key: &str| {
            head.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value.trim())
        };
        let size: usize = value("size")?.parse().ok()?;
        let mut answer = Self {
            status: value("status")?.parse().ok()?,
            url: value("url")?.to_owned(),
            is_redirected: value("redirects").is_some_and(|number| number != "0"),
            body: rest.get(size..)?.to_vec(),
            ..Self::default()
        };
        let headers = String::from_utf8_lossy(rest.get(..size)?);
        for line in headers.lines() {
            // Each answer on the way begins anew.
            if line.starts_with("HTTP/") {
                answer.headers.clear();
                line.splitn(3, ' ')
                    .nth(2)
                    .unwrap_or_default()
                    .trim()
                    .clone_into(&mut answer.phrase);
            } else if let Some((name, value)) = line.split_once(':') {
                let name = name.trim().to_lowercase().replace('-', "_");
                answer.headers.push((name, value.trim().to_owned()));
            }
        }
        Some(answer)
    }

    /// The body, when the server says that it is JSON and it is.
    pub fn json(&self) -> Option<Value> {
        let (_, kind) = self.headers.iter().find(|(name, _)| name == "content_type")?;
        let subtype = kind.split(';').next()?.split_once('/')?.1.trim().to_lowercase();
        let subtype = subtype.rsplit('+').next()?;
        if !matches!(subtype, "json" | "javascript") {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_answers_counts() {
        let headers = "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n\r\n";
        let text = format!(
            "status=404\nurl=http://x/x\nredirects=1\nsize={}\n\n{headers}{{\"a\": 1}}\n",
            headers.len()
        );
        let answer = Answer::read(text.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.is_redirected), (404, true));
        assert_eq!(answer.phrase, "Not Found");
        let kind = ("content_type".to_owned(), "application/problem+json".to_owned());
        assert_eq!(answer.headers, [kind]);
        assert_eq!(answer.json(), Some(serde_json::json!({"a": 1})));
        assert_eq!(Answer::read(b"status=200\n"), None);
    }
}
