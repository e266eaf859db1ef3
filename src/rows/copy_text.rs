//! `COPY ... (FORMAT text)`: what rows are restored by where a column's type has no binary form here, or is another one
//! than it was. Values are spelled as every server of any version and setting reads them.

use super::{Form, MalformedCopy, put_numeric_text};

/// Days and microseconds from 1970-01-01 to 2000-01-01, where Postgres counts from.
const MICROS_A_DAY: i64 = 86_400_000_000;

/// Appends a value as `COPY` text, its escapes included. The wire is that of its form.
///
/// # Errors
/// When the value is not of its form.
pub fn put_text(line: &mut Vec<u8>, form: Form, wire: &[u8]) -> Result<(), MalformedCopy> {
    let spelled = match form {
        Form::Bool => if fixed::<1>(wire)? == [0] { "f" } else { "t" }.to_owned(),
        Form::Int2 => i16::from_be_bytes(fixed(wire)?).to_string(),
        Form::Int4 => i32::from_be_bytes(fixed(wire)?).to_string(),
        Form::Int8 => i64::from_be_bytes(fixed(wire)?).to_string(),
        // The shortest text that reads back as the same number, which is what Rust writes too; `inf` is known (14-18).
        Form::Float4 => f32::from_be_bytes(fixed(wire)?).to_string(),
        Form::Float8 => f64::from_be_bytes(fixed(wire)?).to_string(),
        Form::Decimal { .. } => return put_numeric_text(line, wire),
        Form::Uuid => hex(&fixed::<16>(wire)?),
        Form::Bytes => format!("\\\\x{}", hex(wire)),
        Form::Date => date(i32::from_be_bytes(fixed(wire)?)),
        Form::Time => time(i64::from_be_bytes(fixed(wire)?)),
        Form::Timestamp => timestamp(i64::from_be_bytes(fixed(wire)?), ""),
        Form::TimestampTz => timestamp(i64::from_be_bytes(fixed(wire)?), "+00"),
        Form::Text | Form::Json | Form::Cast => {
            escape(line, wire);
            return Ok(());
        }
        Form::Jsonb => {
            let (1, text) = wire.split_first().map_or((0, wire), |(version, text)| (*version, text)) else {
                return Err(MalformedCopy("a jsonb is of an unknown version"));
            };
            escape(line, text);
            return Ok(());
        }
    };
    line.extend_from_slice(spelled.as_bytes());
    Ok(())
}

fn fixed<const N: usize>(wire: &[u8]) -> Result<[u8; N], MalformedCopy> {
    wire.try_into().map_err(|_| MalformedCopy("a value has another length than its type"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn escape(line: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            other => line.push(*other),
        }
    }
}

fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => spelled_day(i64::from(days), |year, month, day| format!("{year:04}-{month:02}-{day:02}")),
    }
}

fn timestamp(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => {
            let (days, micros) = (micros.div_euclid(MICROS_A_DAY), micros.rem_euclid(MICROS_A_DAY));
            spelled_day(days, |year, month, day| format!("{year:04}-{month:02}-{day:02} {}{zone}", time(micros)))
        }
    }
}

/// A day by its number from 2000-01-01, with its era where it needs one. The calendar is Postgres' own: Gregorian, also
/// before 1582.
fn spelled_day(days: i64, spell: impl Fn(i64, i64, i64) -> String) -> String {
    // Years from March on, so that leap days come last; eras of 400 years have 146,097 days.
    let days = days + 730_425;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if 0 < year { spell(year, month, day) } else { format!("{} BC", spell(1 - year, month, day)) }
}

fn time(micros: i64) -> String {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    format!("{:02}:{:02}:{:02}.{micros:06}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form, wire: &[u8]) -> String {
        let mut line = Vec::new();
        put_text(&mut line, form, wire).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn values_are_spelled_as_postgres_reads_them() {
        assert_eq!(text(Form::Bool, &[1]), "t");
        assert_eq!(text(Form::Int2, &(-7_i16).to_be_bytes()), "-7");
        assert_eq!(text(Form::Float8, &0.1_f64.to_be_bytes()), "0.1");
        assert_eq!(text(Form::Float4, &f32::NEG_INFINITY.to_be_bytes()), "-inf");
        assert_eq!(text(Form::Bytes, &[0, 255]), "\\\\x00ff");
        assert_eq!(text(Form::Text, b"a\tb\\N\n"), "a\\tb\\\\N\\n");
        assert_eq!(text(Form::Jsonb, b"\x01{\"a\": \"\\n\"}"), "{\"a\": \"\\\\n\"}");
        assert_eq!(text(Form::Date, &0_i32.to_be_bytes()), "2000-01-01");
        assert_eq!(text(Form::Date, &i32::MIN.to_be_bytes()), "-infinity");
        assert_eq!(text(Form::Date, &(-730_119_i32).to_be_bytes()), "0001-01-01");
        assert_eq!(text(Form::Date, &(-730_120_i32).to_be_bytes()), "0001-12-31 BC");
        assert_eq!(text(Form::Timestamp, &(-1_i64).to_be_bytes()), "1999-12-31 23:59:59.999999");
        assert_eq!(text(Form::TimestampTz, &(59 * MICROS_A_DAY).to_be_bytes()), "2000-02-29 00:00:00.000000+00");
        assert_eq!(text(Form::Time, &MICROS_A_DAY.to_be_bytes()), "24:00:00.000000");
    }

    #[test]
    fn a_value_of_another_length_is_refused() {
        assert!(put_text(&mut Vec::new(), Form::Int4, &[0; 8]).is_err());
        assert!(put_text(&mut Vec::new(), Form::Jsonb, b"\x02{}").is_err());
    }
}
