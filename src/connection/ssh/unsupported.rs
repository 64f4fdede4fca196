//! OpenSSH options that krun does not obey: named, never passed over, where somebody gives them to krun.

use super::openssh::Options;
use crate::connection::{ConnectionError, Endpoint};

/// Options that krun obeys.
const OBEYED: [&str; 37] = [
    "addressfamily",
    "certificatefile",
    "challengeresponseauthentication",
    "ciphers",
    "compression",
    "connecttimeout",
    "globalknownhostsfile",
    "hashknownhosts",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "include",
    "kbdinteractiveauthentication",
    "kexalgorithms",
    "macs",
    "passwordauthentication",
    "port",
    "preferredauthentications",
    "proxycommand",
    "proxyjump",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
    // OpenSSH's client, which is asked, sees to these.
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizehostname",
    "canonicalizemaxdots",
    "canonicalizepermittedcnames",
    "ignoreunknown",
];

/// Options about things that krun does in its own way or has no part in: one session a host is kept in any case, nothing
/// is asked in the middle of a run, there is no terminal, the oldest algorithms are out.
const WITHOUT_EFFECT: [&str; 25] = [
    "addkeystoagent",
    "batchmode",
    "casignaturealgorithms",
    "checkhostip",
    "clearallforwardings",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "escapechar",
    "exitonforwardfailure",
    "fingerprinthash",
    "ipqos",
    "kbdinteractivedevices",
    "loglevel",
    "logverbose",
    "nohostauthenticationforlocalhost",
    "numberofpasswordprompts",
    "rekeylimit",
    "requesttty",
    "tcpkeepalive",
    "updatehostkeys",
    "verifyhostkeydns",
    "visualhostkey",
    "warnweakcrypto",
];

/// Letters with the option that each stands for.
const LETTERS: [(char, &str); 10] = [
    ('4', "addressfamily"),
    ('6', "addressfamily"),
    ('C', "compression"),
    ('F', "include"),
    ('J', "proxyjump"),
    ('c', "ciphers"),
    ('i', "identityfile"),
    ('l', "user"),
    ('m', "macs"),
    ('p', "port"),
];

/// Letters without an effect here.
const IDLE_LETTERS: &str = "aknqtTvxyES";

/// Letters that take a value.
const WITH_VALUE: &str = "BDEFIJLOPQRSWbceilmopw";

/// Looks through the options of the inventory and the command line.
///
/// # Errors
/// The first option that krun does not obey.
pub(super) fn in_arguments(endpoint: &Endpoint) -> Result<(), ConnectionError> {
    let mut words = endpoint.ssh_args.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            // OpenSSH takes it for the host's name.
            return Err(refused(endpoint, &format!("`{word}` is no option")));
        };
        for (position, letter) in letters.char_indices() {
            let value = if WITH_VALUE.contains(letter) {
                match letters.get(position + letter.len_utf8()..) {
                    Some(rest) if !rest.is_empty() => Some(rest),
                    _ => words.next().map(String::as_str),
                }
            } else {
                None
            };
            if letter == 'o' {
                check_option(endpoint, value.unwrap_or_default())?;
            } else if !IDLE_LETTERS.contains(letter) && !LETTERS.iter().any(|(known, _)| *known == letter) {
                return Err(refused(endpoint, &format!("`-{letter}`")));
            }
            if value.is_some() {
                break;
            }
        }
    }
    Ok(())
}

fn check_option(endpoint: &Endpoint, option: &str) -> Result<(), ConnectionError> {
    let (name, value) = option.split_once(['=', ' ', '\t']).unwrap_or((option, ""));
    let value = value.trim_matches([' ', '\t', '=', '"']);
    let key = name.trim().to_ascii_lowercase();
    let is_off = matches!(value.to_ascii_lowercase().as_str(), "no" | "false" | "none");
    if is_off || OBEYED.contains(&key.as_str()) || WITHOUT_EFFECT.contains(&key.as_str()) {
        Ok(())
    } else {
        Err(refused(endpoint, &format!("`{name}`")))
    }
}

/// Looks through what OpenSSH's configuration says: options that make a login safer, or possible at all, must not be
/// passed over.
///
/// # Errors
/// The first such option that krun does not obey.
pub(super) fn in_options(endpoint: &Endpoint, options: &Options) -> Result<(), ConnectionError> {
    for (key, name) in [
        ("revokedhostkeys", "RevokedHostKeys"),
        ("knownhostscommand", "KnownHostsCommand"),
        ("bindaddress", "BindAddress"),
        ("bindinterface", "BindInterface"),
    ] {
        if options.text(key).is_some() {
            return Err(refused(endpoint, &format!("`{name}`")));
        }
    }
    if options.is_yes("proxyusefdpass") {
        return Err(refused(endpoint, "`ProxyUseFdpass`"));
    }
    Ok(())
}

fn refused(endpoint: &Endpoint, what: &str) -> ConnectionError {
    ConnectionError::Unreachable {
        message: format!(
            "{}: krun does not know the OpenSSH option {what}, and does not go on without it",
            endpoint.host
        ),
        help: Some(
            "take it out of `ansible_ssh_common_args`, `ansible_ssh_extra_args`, --ssh-common-args or ~/.ssh/config; docs/connections.md lists what is obeyed"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str) -> Result<(), String> {
        let endpoint = Endpoint {
            ssh_args: shlex::split(arguments).unwrap(),
            ..Endpoint::ssh("w1")
        };
        in_arguments(&endpoint).map_err(|error| error.to_string())
    }

    #[test]
    fn usual_arguments_pass() {
        for arguments in [
            "",
            "-C -o ControlMaster=auto -o ControlPersist=60s -oControlPath=/tmp/%C",
            "-o 'ProxyCommand=ssh -W %h:%p -q bastion' -q",
            "-o ProxyCommand=\"nc -x proxy:1080 %h %p\" -4v",
            "-J ops@bastion,second -F /dev/null -p2222 -i ~/.ssh/key",
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
            "-o \"StrictHostKeyChecking no\" -o ForwardAgent=no -o GSSAPIAuthentication=no",
            "-o PubkeyAcceptedKeyTypes=+ssh-rsa -o HostKeyAlgorithms=+ssh-rsa",
        ] {
            assert_eq!(check(arguments), Ok(()), "{arguments}");
        }
    }

    #[test]
    fn others_are_named() {
        for (arguments, named) in [
            ("-o ForwardAgent=yes", "`ForwardAgent`"),
            ("-qA", "`-A`"),
            ("-o SetEnv=A=no", "`SetEnv`"),
            ("-L 8000:localhost:80", "`-L`"),
            ("-o RevokedHostKeys=/etc/revoked", "`RevokedHostKeys`"),
            ("-o NoSuchOption=yes", "`NoSuchOption`"),
            ("bastion", "`bastion` is no option"),
        ] {
            let message = check(arguments).unwrap_err();
            assert!(message.contains(named), "{message}");
        }
    }
}
