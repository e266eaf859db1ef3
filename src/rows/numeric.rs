//! Postgres' numeric on the wire: base 10,000 digits with a weight, a sign and a display scale; and back.

use super::MalformedCopy;

const NEGATIVE: u16 = 0x4000;
/// NaN, and from Postgres 14 on the two infinities, have signs of their own and no digits.
const SPECIAL: u16 = 0xC000;
const BASE: i128 = 10_000;

/// A value that no decimal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFinite {
    /// NaN or an infinity.
    Special,
    /// More digits than the column's type allows, or another display scale than its own.
    Misfit,
    /// Not a numeric at all.
    Malformed(MalformedCopy),
}

struct Parts<'a> {
    weight: i16,
    sign: u16,
    scale: u16,
    digits: &'a [u8],
}

fn parts(wire: &[u8]) -> Result<Parts<'_>, MalformedCopy> {
    let malformed = MalformedCopy("a numeric has no head");
    let (head, digits) = wire.split_first_chunk::<8>().ok_or(malformed)?;
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    if digits.len() != usize::from(word(0)) * 2 {
        return Err(MalformedCopy("a numeric has not the digits that it says"));
    }
    Ok(Parts { weight: word(2).cast_signed(), sign: word(4), scale: word(6), digits })
}

fn digits(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// The value times 10 to the `scale`.
///
/// # Errors
/// When it is no number of that scale, or has more than 38 digits.
pub fn decimal_of(wire: &[u8], scale: u8) -> Result<i128, NotFinite> {
    let parts = parts(wire).map_err(NotFinite::Malformed)?;
    if parts.sign & SPECIAL == SPECIAL {
        return Err(NotFinite::Special);
    }
    if parts.scale != u16::from(scale) {
        return Err(NotFinite::Misfit);
    }
    let mut value: i128 = 0;
    let mut power = i32::from(parts.weight) * 4;
    for digit in digits(parts.digits) {
        let (digit, shift) = (i128::from(digit), power + i32::from(scale));
        let part = if shift < 0 {
            // The last digit may reach beyond the scale, in zeros only.
            let cut = 10_i128.pow(shift.unsigned_abs().min(38));
            if digit % cut != 0 {
                return Err(NotFinite::Misfit);
            }
            digit / cut
        } else {
            let ten = 10_i128.checked_pow(shift.unsigned_abs()).ok_or(NotFinite::Misfit)?;
            digit.checked_mul(ten).ok_or(NotFinite::Misfit)?
        };
        value = value.checked_add(part).ok_or(NotFinite::Misfit)?;
        power -= 4;
    }
    Ok(if parts.sign == NEGATIVE { -value } else { value })
}

/// Appends the wire form of `value` divided by 10 to the `scale`, as the server itself would send it: without zeros at
/// either end.
pub fn put_decimal(wire: &mut Vec<u8>, value: i128, scale: u8) {
    // Aligned so that the point stands between two digits of base 10,000.
    let after = scale.div_ceil(4);
    let padding = after * 4 - scale;
    let mut rest = value.unsigned_abs();
    let mut found: Vec<u16> = Vec::with_capacity(12);
    if 0 < padding && rest != 0 {
        let cut = 10_u128.pow(u32::from(4 - padding));
        let last = u16::try_from(rest % cut).expect("less than 10,000") * 10_u16.pow(u32::from(padding));
        found.push(last);
        rest /= cut;
    }
    while rest != 0 {
        found.push(u16::try_from(rest % BASE.unsigned_abs()).expect("less than 10,000"));
        rest /= BASE.unsigned_abs();
    }
    let mut weight = i16::try_from(found.len()).expect("a handful") - 1 - i16::from(after);
    while found.last() == Some(&0) {
        found.pop();
        weight -= 1;
    }
    let zeros = found.iter().take_while(|digit| **digit == 0).count();
    let found = &found[zeros..];
    if found.is_empty() {
        weight = 0;
    }
    let sign = if value < 0 { NEGATIVE } else { 0 };
    let count = u16::try_from(found.len()).expect("a handful");
    for word in [count, weight.cast_unsigned(), sign, u16::from(scale)] {
        wire.extend_from_slice(&word.to_be_bytes());
    }
    found.iter().rev().for_each(|digit| wire.extend_from_slice(&digit.to_be_bytes()));
}

/// Appends a numeric of any kind as the text that every server reads.
///
/// # Errors
/// When it is no numeric.
pub fn put_numeric_text(text: &mut Vec<u8>, wire: &[u8]) -> Result<(), MalformedCopy> {
    let parts = parts(wire)?;
    let special = match parts.sign {
        0xC000 => Some("NaN"),
        0xD000 => Some("Infinity"),
        0xF000 => Some("-Infinity"),
        _ => None,
    };
    if let Some(special) = special {
        text.extend_from_slice(special.as_bytes());
        return Ok(());
    }
    let all: Vec<u16> = digits(parts.digits).collect();
    let weight = i32::from(parts.weight);
    let digit = |position: i32| {
        // Positions count down to the point: 0 is the digit right before it.
        usize::try_from(weight - position).ok().and_then(|at| all.get(at)).copied().unwrap_or(0)
    };
    if parts.sign == NEGATIVE {
        text.push(b'-');
    }
    text.extend_from_slice(digit(weight.max(0)).to_string().as_bytes());
    for position in (0..weight.max(0)).rev() {
        text.extend_from_slice(format!("{:04}", digit(position)).as_bytes());
    }
    if 0 < parts.scale {
        text.push(b'.');
        let groups = i32::from(parts.scale.div_ceil(4));
        let after: String = (1..=groups).map(|group| format!("{:04}", digit(-group))).collect();
        text.extend_from_slice(&after.as_bytes()[..usize::from(parts.scale)]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let words = [count, weight.cast_unsigned(), sign, scale];
        words.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn decimals_are_those_that_postgres_sends() {
        // As PostgreSQL 15 sent them.
        for (value, scale, text, sent) in [
            (0, 2, "0.00", wire(0, 0, 2, &[])),
            (1, 2, "0.01", wire(-1, 0, 2, &[100])),
            (150, 2, "1.50", wire(0, 0, 2, &[1, 5000])),
            (-1_234_567, 2, "-12345.67", wire(1, NEGATIVE, 2, &[1, 2345, 6700])),
            (1_000_000, 2, "10000.00", wire(1, 0, 2, &[1])),
            (100_000_000, 0, "100000000", wire(2, 0, 0, &[1])),
            (123, 5, "0.00123", wire(-1, 0, 5, &[12, 3000])),
            (12, 8, "0.00000012", wire(-2, 0, 8, &[12])),
        ] {
            let mut put = Vec::new();
            put_decimal(&mut put, value, scale);
            assert_eq!(put, sent, "{text}");
            assert_eq!(decimal_of(&sent, scale), Ok(value), "{text}");
            let mut spelled = Vec::new();
            put_numeric_text(&mut spelled, &sent).unwrap();
            assert_eq!(String::from_utf8(spelled).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_decimal_is_told_apart() {
        assert_eq!(decimal_of(&wire(0, 0xC000, 0, &[]), 2), Err(NotFinite::Special));
        assert_eq!(decimal_of(&wire(0, 0xF000, 32, &[]), 2), Err(NotFinite::Special));
        assert_eq!(decimal_of(&wire(0, 0, 3, &[1]), 2), Err(NotFinite::Misfit), "another scale is another spelling");
        assert_eq!(decimal_of(&wire(30, 0, 0, &[1]), 0), Err(NotFinite::Misfit));
        assert!(matches!(decimal_of(&[0, 1, 0, 0], 0), Err(NotFinite::Malformed(_))));
        let mut text = Vec::new();
        put_numeric_text(&mut text, &wire(0, 0xF000, 32, &[])).unwrap();
        assert_eq!(text, b"-Infinity");
    }

    proptest::proptest! {
        #[test]
        fn any_decimal_comes_back(value in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_u8..=38) {
            let mut put = Vec::new();
            put_decimal(&mut put, value, scale);
            proptest::prop_assert_eq!(decimal_of(&put, scale), Ok(value));
        }
    }
}
