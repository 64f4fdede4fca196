//! `floors WAY KEY HOSTS STEPS BASE AT_ONCE`: does the steps on every host through libssh2, a thread a host.
//!
//! WAY is `channel` (a channel a command), `shell` (one shell that is kept, one exchange a command) or `script` (all
//! commands in one). HOSTS has a name and an address a line; STEPS has commands, separated by lines `#%%`. Host keys
//! are not checked and outputs are thrown away: nothing that works on libssh2 can be faster.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{env, fs, process, thread};

use ssh2::{Channel, Session};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MARK: &str = "@done@";

fn main() {
    match run() {
        Ok(true) => {}
        Ok(false) => process::exit(2),
        Err(error) => {
            eprintln!("floors: {error}");
            process::exit(1);
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [way, key, hosts, steps, base, at_once] = arguments.as_slice() else {
        return Err("usage: floors WAY KEY HOSTS STEPS BASE AT_ONCE".into());
    };
    let hosts = fs::read_to_string(hosts)?;
    let hosts: Vec<(&str, &str)> = hosts.lines().filter_map(|line| line.split_once(' ')).collect();
    let steps = fs::read_to_string(steps)?;
    let steps: Vec<&str> = steps.split("\n#%%\n").collect();
    let at_once: usize = at_once.parse()?;
    let next = AtomicUsize::new(0);
    let well = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..at_once.min(hosts.len()) {
            scope.spawn(|| {
                while let Some((name, address)) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = host(way, key, name, address, &steps, base) {
                        eprintln!("{name}: {error}");
                        well.store(false, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Ok(well.into_inner())
}

fn host(way: &str, key: &str, name: &str, address: &str, steps: &[&str], base: &str) -> Result<()> {
    let folder = format!("{base}/{name}");
    let steps = steps
        .iter()
        .map(|step| step.replace("@BASE@", &folder).replace("@HOST@", name));
    let socket = TcpStream::connect((address, 22))?;
    socket.set_nodelay(true)?;
    let mut session = Session::new()?;
    session.set_tcp_stream(socket);
    session.handshake()?;
    session.userauth_pubkey_file("bench", None, key.as_ref(), None)?;
    match way {
        "channel" => steps.into_iter().try_for_each(|step| command(&session, &step)),
        "shell" => shell(&session, steps),
        "script" => command(&session, &steps.collect::<Vec<_>>().join("\n")),
        other => Err(format!("there is no way `{other}`").into()),
    }
}

fn command(session: &Session, text: &str) -> Result<()> {
    let mut channel = session.channel_session()?;
    channel.exec(text)?;
    channel.read_to_end(&mut Vec::new())?;
    channel.wait_close()?;
    match channel.exit_status()? {
        0 => Ok(()),
        status => Err(format!("`{text}` ended with {status}").into()),
    }
}

fn shell(session: &Session, steps: impl Iterator<Item = String>) -> Result<()> {
    let mut channel = session.channel_session()?;
    channel.exec("exec sh")?;
    for step in steps {
        channel.write_all(format!("{{ {step}\n}} </dev/null; echo {MARK}$?\n").as_bytes())?;
        match answer(&mut channel)?.as_str() {
            "0" => {}
            status => return Err(format!("`{step}` ended with {status}").into()),
        }
    }
    channel.send_eof()?;
    channel.read_to_end(&mut Vec::new())?;
    Ok(channel.wait_close()?)
}

/// Reads up to the mark and gives the status behind it.
fn answer(channel: &mut Channel) -> Result<String> {
    let mut heard = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((_, status)) = heard.rsplit_once(MARK)
            && let Some(status) = status.strip_suffix('\n')
        {
            return Ok(status.to_owned());
        }
        match channel.read(&mut buffer)? {
            0 => return Err("the shell ended".into()),
            read => heard.push_str(&String::from_utf8_lossy(buffer.get(..read).unwrap_or_default())),
        }
    }
}
