use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::config::Family;

/// Connects to the first address of the host that answers, and tells how long a packet took there and back.
pub(super) fn connect(
    host: &str,
    port: u16,
    family: Option<Family>,
    deadline: Instant,
) -> io::Result<(OwnedFd, Duration)> {
    let mut addresses = resolve(host, port, deadline)?;
    if let Some(family) = family {
        addresses.retain(|address| address.is_ipv4() == (family == Family::V4));
    }
    let mut last = io::Error::new(
        io::ErrorKind::NotFound,
        format!("`{host}` has no address of the kind that is asked for"),
    );
    for (position, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        // One that is silent leaves time for the others.
        let share = left / u32::try_from(addresses.len() - position).unwrap_or(1);
        if share.is_zero() {
            break;
        }
        let start = Instant::now();
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                // The kernel's part of opening a connection is one packet there and one back.
                let round_trip = start.elapsed();
                // With Nagle's algorithm every request would wait for an acknowledgement.
                stream.set_nodelay(true)?;
                return Ok((stream.into(), round_trip));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                last = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("{} does not answer (waited {:.0?})", address.ip(), share),
                );
            }
            Err(error) => last = io::Error::new(error.kind(), format!("{}: {error}", address.ip())),
        }
    }
    Err(last)
}

/// The system's resolver knows no deadline, so that names are looked up aside.
fn resolve(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new()
        .name(format!("resolve {host}"))
        .spawn(move || {
            let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Nobody listens any more when the deadline has passed.
            let _ = sender.send(addresses);
        })?;
    let left = deadline.saturating_duration_since(Instant::now());
    receiver
        .recv_timeout(left.max(Duration::from_millis(1)))
        .map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("looking up the name `{host}` took too long"),
            )
        })?
        .map_err(|error: io::Error| {
            let reason = error.to_string();
            let reason = reason
                .strip_prefix("failed to lookup address information: ")
                .unwrap_or(&reason);
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("the name `{host}` cannot be resolved: {reason}"),
            )
        })
}

/// What to do about a failed attempt.
pub(super) fn help(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound => Some("set `ansible_host` to its address in the inventory, or mend the name service"),
        io::ErrorKind::ConnectionRefused => Some("check that sshd runs there, and `ansible_port`"),
        io::ErrorKind::TimedOut => {
            Some("check that the node is up and no firewall is in between; --timeout sets how long to wait")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some("check that the node is up and the route to it")
        }
        _ => None,
    }
}
