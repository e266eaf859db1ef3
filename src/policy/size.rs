//! Sizes as people and Postgres' own settings write them: `2 TB`, `500GB`; powers of 1,024.

/// Units, each 1,024 times the one before; the first is 1,024 bytes.
const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];

/// The bytes of a size, at least 1.
///
/// # Errors
/// A fragment that says what to write, for anything but a whole number and a unit.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = (text[..digits].parse::<u64>().ok(), text[digits..].trim_start());
    let power = UNITS.iter().position(|known| known.eq_ignore_ascii_case(unit)).map(|power| power as u32 + 1);
    let bytes = count.zip(power).and_then(|(count, power)| count.checked_mul(1024_u64.pow(power)));
    bytes.filter(|bytes| 0 < *bytes).ok_or_else(|| {
        format!("`{text}` is not a size: write a whole number and one of {}, such as `2 TB`", UNITS.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024_and_never_bare_numbers() {
        assert_eq!(parse_size("2 TB"), Ok(2 << 40));
        assert_eq!(parse_size("500gb"), Ok(500 << 30));
        for text in ["", "5", "TB", "0 GB", "-1 GB", "1.5 GB", "3 parsecs", "99999999999999 PB"] {
            assert!(parse_size(text).unwrap_err().contains("write a whole number"), "{text}");
        }
    }
}
