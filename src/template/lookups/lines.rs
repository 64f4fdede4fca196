use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use minijinja::{Error, Value};

use super::Query;

/// How long a command of a template may take.
const LIMIT: Duration = Duration::from_secs(600);

/// How often it is looked at.
const STEP: Duration = Duration::from_millis(5);

pub(super) fn pipe(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let run = |command: String| Ok(Value::from(output(query, &command)?.trim_end()));
    query.texts()?.into_iter().map(run).collect()
}

pub(super) fn lines(query: &Query<'_, '_, '_>) -> Result<Vec<Value>, Error> {
    let mut lines = Vec::new();
    for command in query.texts()? {
        lines.extend(output(query, &command)?.lines().map(Value::from));
    }
    Ok(lines)
}

/// What a command line of this machine prints.
fn output(query: &Query<'_, '_, '_>, command: &str) -> Result<String, Error> {
    let failed = |error: std::io::Error| query.wrong(format!("`{command}`: {error}"));
    let folder = query.playbook_folder();
    let mut child = Command::new("sh")
        .args(["-c", command])
        .current_dir(if folder.as_os_str().is_empty() {
            ".".as_ref()
        } else {
            folder.as_path()
        })
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both are read all the time, or a command that prints much would wait for ever.
    let complaint = std::thread::spawn(move || read(stderr));
    let printed = std::thread::spawn(move || read(stdout));
    let status = wait(&mut child).map_err(failed)?;
    let Some(status) = status else {
        return Err(query.wrong(format!("`{command}` did not end within {} seconds", LIMIT.as_secs())));
    };
    let printed = printed.join().unwrap_or_default();
    if status != 0 {
        let complaint = complaint.join().unwrap_or_default();
        let complaint = complaint.trim();
        return Err(query.wrong(format!("`{command}` ended with status {status}: {complaint}")));
    }
    Ok(printed)
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What came until then is what there is.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Its status, or none when its time was up.
fn wait(child: &mut Child) -> std::io::Result<Option<i32>> {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(STEP);
    }
}
