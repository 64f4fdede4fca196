use crate::modules::args::Mode;

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// The permission bits that a mode gives to a file that has `current` ones, as `chmod` reads it; `None` for a mode that
/// says nothing by itself (`preserve`).
pub(in crate::modules) fn resolve(mode: &Mode, current: u32, directory: bool, umask: u32) -> Option<u32> {
    if mode.bytes().all(|byte| byte.is_ascii_digit()) {
        return u32::from_str_radix(mode, 8).ok();
    }
    let mut bits = current & 0o7777;
    for clause in mode.split(',') {
        let operators = clause.find(['+', '-', '='])?;
        let (who, mut rest) = clause.split_at(operators);
        // Without `who` all are meant, but for the bits that the umask takes away.
        let reach = if who.is_empty() {
            class_bits("a") & !umask
        } else {
            class_bits(who)
        };
        while let Some(operator) = rest.chars().next() {
            rest = rest.get(1..)?;
            let end = rest.find(['+', '-', '=']).unwrap_or(rest.len());
            let (letters, next) = rest.split_at(end);
            let wanted = permission_bits(letters, bits, directory) & reach;
            match operator {
                '+' => bits |= wanted,
                '-' => bits &= !wanted,
                _ => bits = (bits & !(class_bits(if who.is_empty() { "a" } else { who }) & 0o777)) | wanted,
            }
            rest = next;
        }
    }
    Some(bits)
}

/// All bits that `u`, `g`, `o`, `a` may touch.
fn class_bits(who: &str) -> u32 {
    who.chars().fold(0, |bits, letter| {
        bits | match letter {
            'u' => 0o700 | SET_USER_ID,
            'g' => 0o070 | SET_GROUP_ID,
            'o' => 0o007,
            _ => 0o777 | SET_USER_ID | SET_GROUP_ID | STICKY,
        }
    }) | STICKY
}

/// The bits that letters behind an operator stand for, in all classes at once.
fn permission_bits(letters: &str, current: u32, directory: bool) -> u32 {
    letters.chars().fold(0, |bits, letter| {
        bits | match letter {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if directory || current & 0o111 != 0 => 0o111,
            's' => SET_USER_ID | SET_GROUP_ID,
            't' => STICKY,
            'u' => (current >> 6 & 7) * 0o111,
            'g' => (current >> 3 & 7) * 0o111,
            'o' => (current & 7) * 0o111,
            _ => 0,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0640", 0o777, false, 0o640)]
    #[case("u=rw,g=r,o=", 0o777, false, 0o640)]
    #[case("u+x", 0o644, false, 0o744)]
    #[case("+x", 0o600, false, 0o711)]
    #[case("+w", 0o400, false, 0o600)]
    #[case("a-w", 0o666, false, 0o444)]
    #[case("u=rwX,go=rX", 0o600, false, 0o644)]
    #[case("u=rwX,go=rX", 0o600, true, 0o755)]
    #[case("g=u", 0o640, false, 0o660)]
    #[case("u+s,o+t", 0o755, true, 0o5755)]
    #[case("go-rwx", 0o6777, false, 0o6700)]
    fn modes_are_read_as_chmod_does(
        #[case] mode: &str,
        #[case] current: u32,
        #[case] directory: bool,
        #[case] expected: u32,
    ) {
        let bits = resolve(&Mode(mode.to_owned()), current, directory, 0o022).unwrap();
        assert_eq!(format!("{bits:o}"), format!("{expected:o}"));
    }

    #[test]
    fn preserve_needs_another_file() {
        assert_eq!(resolve(&Mode("preserve".to_owned()), 0o600, false, 0o022), None);
    }
}
