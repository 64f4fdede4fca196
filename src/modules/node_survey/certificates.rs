use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::kube::Certificate;

/// Reads kubeadm's table, or what openssl says of each file: `NAME<tab>yes|no<tab>notAfter=…`.
pub(super) fn read(text: &str) -> Vec<Certificate> {
    let mut certificates = Vec::new();
    let mut is_authority = false;
    for line in text.lines() {
        if line.starts_with("CERTIFICATE AUTHORITY ") {
            is_authority = true;
        }
        certificates.extend(of_openssl(line).or_else(|| of_kubeadm(line, is_authority)));
    }
    certificates
}

/// `kubelet-client no notAfter=Nov 27 15:18:00 2027 GMT`
fn of_openssl(line: &str) -> Option<Certificate> {
    let (name, rest) = line.split_once('\t')?;
    let (authority, date) = rest.split_once('\t')?;
    let date = date.strip_prefix("notAfter=")?.trim_end_matches(" GMT");
    Some(Certificate {
        name: name.to_owned(),
        expires: seconds("%b %d %H:%M:%S %Y", date)?,
        is_authority: authority == "yes",
    })
}

/// `apiserver   Nov 27, 2027 15:18 UTC   364d   ca   no`
fn of_kubeadm(line: &str, is_authority: bool) -> Option<Certificate> {
    let (name, rest) = line.split_once(' ')?;
    let (date, _) = rest.split_once(" UTC")?;
    Some(Certificate {
        name: name.to_owned(),
        expires: seconds("%b %d, %Y %H:%M", date.trim())?,
        is_authority,
    })
}

fn seconds(format: &str, text: &str) -> Option<i64> {
    // One blank where a day of one digit is set with two.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let time = DateTime::strptime(format, text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubeadms_table() {
        let text = include_str!("../../../tests/lab/real/transcripts/kubeadm-certs-check-expiration.txt");
        let found = read(text);
        let names: Vec<_> = found.iter().map(|certificate| certificate.name.as_str()).collect();
        assert_eq!(names[..2], ["admin.conf", "apiserver"]);
        let authorities: Vec<_> = found
            .iter()
            .filter(|found| found.is_authority)
            .map(|found| &found.name)
            .collect();
        assert_eq!(authorities, ["ca", "etcd-ca", "front-proxy-ca"]);
        assert!(found.iter().all(|found| found.expires > 1_700_000_000));
    }

    #[test]
    fn openssls_words() {
        let found = read("etcd-ca\tyes\tnotAfter=Nov  7 15:18:00 2027 GMT\nx\tno\t\n");
        assert_eq!(
            found,
            [Certificate {
                name: "etcd-ca".to_owned(),
                expires: 1_825_600_680,
                is_authority: true
            }]
        );
    }
}
