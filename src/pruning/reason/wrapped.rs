//! Keys inside an expression: no plan looks through a function, a cast or a calculation. Where such an expression only
//! rounds the key down, a half-open range of the bare key means the same.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime};
use sqlparser::ast::{BinaryOperator, Expr};

use super::codes::{self, Reason};
use super::comparison::{key_part, literal, strip};
use super::rewrite;
use super::rules::{Case, Effect, Found};
use super::syntax::{last_name, parse_expression};
use super::value::{TIMESTAMP, TIMESTAMPTZ, parameter, type_name};

/// A comparison of something that holds the key.
pub(super) fn wrapped(case: &Case<'_>, whole: &Expr, side: &Expr, op: &BinaryOperator, value: &Expr) -> Option<Effect> {
    let part = *case.parts_in(side).first()?;
    let side = strip(side);
    if case.key.parts[part].column.is_none() {
        let text = case.key.parts[part].expression.as_deref().unwrap_or_default();
        let instead = same_expression(case, whole, side, op, value, text);
        return Some(Effect::never(part, Found::new(&codes::KEY_IS_EXPRESSION, text).instead(instead)));
    }
    let alone = case.level.columns_of(case.source, value).is_empty() && case.others_in(value).is_empty();
    let instead = if alone { instead(case, part, side, op, value) } else { None };
    Some(Effect::never(part, Found::new(reason(side), side).instead(instead)))
}

fn reason(side: &Expr) -> &'static Reason {
    match side {
        Expr::Cast { .. } => &codes::CAST_ON_KEY,
        Expr::BinaryOp { .. } | Expr::UnaryOp { .. } => &codes::ARITHMETIC_ON_KEY,
        Expr::Collate { .. } => &codes::COLLATION,
        _ => &codes::FUNCTION_ON_KEY,
    }
}

/// `k = x` implies `f(k) = f(x)`, and the function of a key is immutable.
fn same_expression(
    case: &Case<'_>,
    whole: &Expr,
    side: &Expr,
    op: &BinaryOperator,
    value: &Expr,
    expression: &str,
) -> Option<String> {
    let columns = case.level.columns_of(case.source, side);
    let column = columns.iter().next()?;
    let is_column = matches!(side, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
    if !is_column || *op != BinaryOperator::Eq || !case.level.columns_of(case.source, value).is_empty() {
        return None;
    }
    let relation = case.level.sources[case.source].relation?;
    let facts = case.facts.relations[relation].columns.iter().find(|facts| facts.name == *column)?;
    let key = parse_expression(expression)?;
    let of_value = rewrite::with_value(&key, column, &format!("({value})::{}", facts.type_name))?;
    let of_column = rewrite::with_value(&key, column, &side.to_string())?;
    Some(format!("{whole} AND {of_column} = {of_value}"))
}

fn instead(case: &Case<'_>, part: usize, side: &Expr, op: &BinaryOperator, value: &Expr) -> Option<String> {
    let key_type = case.key.parts[part].type_name.as_str();
    match side {
        Expr::Function(function) => {
            let name = last_name(&function.name)?;
            let arguments = rewrite::plain_arguments(function)?;
            match (name.as_str(), arguments.as_slice()) {
                ("date_trunc", [unit, inner]) => {
                    let floor = Floor::of(case, part, inner, Unit::named(literal(unit)?)?)?;
                    floor.instead(op, moment(value)?)
                }
                ("date_part", [unit, inner]) if literal(unit)?.eq_ignore_ascii_case("year") => {
                    Floor::of(case, part, inner, Unit::Year)?.instead(op, year(value)?)
                }
                ("coalesce", [inner, ..]) if key_part(case, inner).is_some() && !case.level.outer => {
                    let relation = case.level.sources[case.source].relation?;
                    let column = case.key.parts[part].column.as_ref()?;
                    let columns = &case.facts.relations[relation].columns;
                    let never_null = columns.iter().any(|facts| facts.name == *column && facts.not_null);
                    never_null.then(|| format!("{} {op} {value}", strip(inner)))
                }
                _ => None,
            }
        }
        Expr::Extract { field, expr, .. } if field.to_string().eq_ignore_ascii_case("year") => {
            Floor::of(case, part, expr, Unit::Year)?.instead(op, year(value)?)
        }
        Expr::Cast { expr, data_type, .. } => match type_name(data_type).as_str() {
            "date" => {
                let floor = Floor::of(case, part, expr, Unit::Day)?;
                match moment(value) {
                    Some(moment) => floor.instead(op, moment),
                    None => floor.unseen(op, value),
                }
            }
            "numeric" | "bigint" | "integer" if matches!(key_type, "smallint" | "integer" | "bigint") => {
                key_part(case, expr)?;
                let Expr::Value(number) = strip(value) else { return None };
                Some(format!("{} {op} {}", strip(expr), rewrite::whole(&number.value.to_string())?))
            }
            _ => None,
        },
        Expr::AtTimeZone { timestamp, time_zone } if key_type == TIMESTAMPTZ && *op != BinaryOperator::Eq => {
            key_part(case, timestamp)?;
            literal(time_zone)?;
            // No zone in use changes its clock at so many midnights that a grid of partitions would be missed; and a
            // moment in between could be there twice.
            let at = moment(value).filter(|at| at.time() == NaiveTime::MIN)?;
            Some(format!("{} {op} {} AT TIME ZONE {time_zone}", strip(timestamp), spelled(at, TIMESTAMP)))
        }
        Expr::BinaryOp { left, op: sign @ (BinaryOperator::Plus | BinaryOperator::Minus), right } => {
            key_part(case, left)?;
            let other = if *sign == BinaryOperator::Plus { BinaryOperator::Minus } else { BinaryOperator::Plus };
            moves_alike(key_type, right).then_some(())?;
            let (key, value) = (strip(left), typed(value, key_type));
            Some(format!("{key} {op} {value} {other} {}", strip(right)))
        }
        Expr::Collate { expr, collation } if *op == BinaryOperator::Eq => {
            let part = &case.key.parts[key_part(case, expr)?];
            let named = collation.0.last().and_then(|part| part.as_ident()).map(|name| name.value.clone())?;
            let safe = matches!(named.as_str(), "C" | "POSIX") && part.collation.as_deref() == Some("default");
            safe.then(|| format!("{} = {value}", strip(expr)))
        }
        _ => None,
    }
}

/// Whether adding this moves every key by the same: whole numbers do, days of a zone do not.
fn moves_alike(key_type: &str, by: &Expr) -> bool {
    let number = matches!(strip(by), Expr::Value(value) if rewrite::whole(&value.value.to_string()).is_some());
    let text = match strip(by) {
        Expr::Interval(interval) => interval.value.to_string(),
        Expr::Cast { expr, data_type, .. } if type_name(data_type) == "interval" => expr.to_string(),
        other => literal(other).map(str::to_owned).unwrap_or_default(),
    };
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match key_type {
        "smallint" | "integer" | "bigint" | "date" => number,
        TIMESTAMP => says(&["hour", "min", "sec", "day", "week"]) && !says(&["mon", "year", "dec", "cent"]),
        TIMESTAMPTZ => says(&["hour", "min", "sec"]) && !says(&["mon", "year", "dec", "cent", "day", "week"]),
        _ => false,
    }
}

fn typed(value: &Expr, key_type: &str) -> String {
    match (literal(value), key_type) {
        (Some(_), TIMESTAMPTZ) => format!("{value}::timestamptz"),
        (Some(_), TIMESTAMP) => format!("{value}::timestamp"),
        (Some(_), other) => format!("{value}::{other}"),
        (None, _) => value.to_string(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn named(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    fn begins_at(self, at: NaiveDateTime) -> bool {
        let midnight = at.time() == NaiveTime::MIN;
        match self {
            Self::Hour => at.format("%M:%S%.f").to_string() == "00:00",
            Self::Day => midnight,
            Self::Week => midnight && at.weekday().number_from_monday() == 1,
            Self::Month => midnight && at.day() == 1,
            Self::Quarter => midnight && at.day() == 1 && at.month0().is_multiple_of(3),
            Self::Year => midnight && at.ordinal() == 1,
        }
    }

    fn after(self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::Hour => at.checked_add_signed(chrono::TimeDelta::hours(1)),
            Self::Day => at.checked_add_days(Days::new(1)),
            Self::Week => at.checked_add_days(Days::new(7)),
            Self::Month => at.checked_add_months(Months::new(1)),
            Self::Quarter => at.checked_add_months(Months::new(3)),
            Self::Year => at.checked_add_months(Months::new(12)),
        }
    }
}

/// Something that rounds the key down, by the clock of the session or of a zone.
struct Floor<'a> {
    key: &'a Expr,
    zone: Option<&'a Expr>,
    unit: Unit,
}

impl<'a> Floor<'a> {
    fn of(case: &Case<'a>, part: usize, inner: &'a Expr, unit: Unit) -> Option<Self> {
        let key_type = case.key.parts[part].type_name.as_str();
        let (key, zone) = match strip(inner) {
            Expr::AtTimeZone { timestamp, time_zone } if key_type == TIMESTAMPTZ => {
                literal(time_zone)?;
                (strip(timestamp), Some(&**time_zone))
            }
            other => (other, None),
        };
        key_part(case, key)?;
        let moment = matches!(key_type, TIMESTAMP | TIMESTAMPTZ | "date");
        // An hour may be there twice in a zone.
        (moment && (unit != Unit::Hour || key_type == TIMESTAMP)).then_some(Self { key, zone, unit })
    }

    fn instead(&self, op: &BinaryOperator, at: NaiveDateTime) -> Option<String> {
        if !self.unit.begins_at(at) {
            return None;
        }
        self.range(op, &self.spelled(at), &self.spelled(self.unit.after(at)?))
    }

    /// For a date that stands in a parameter or an expression.
    fn unseen(&self, op: &BinaryOperator, value: &Expr) -> Option<String> {
        parameter(value).filter(|_| self.zone.is_none())?;
        let date = match strip(value) {
            Expr::Cast { data_type, .. } if type_name(data_type) == "date" => value.to_string(),
            Expr::Value(_) => format!("{value}::date"),
            _ => return None,
        };
        self.range(op, &date, &format!("{date} + 1"))
    }

    fn range(&self, op: &BinaryOperator, from: &str, to: &str) -> Option<String> {
        let key = self.key;
        Some(match op {
            BinaryOperator::Eq => format!("{key} >= {from} AND {key} < {to}"),
            BinaryOperator::Lt => format!("{key} < {from}"),
            BinaryOperator::LtEq => format!("{key} < {to}"),
            BinaryOperator::Gt => format!("{key} >= {to}"),
            BinaryOperator::GtEq => format!("{key} >= {from}"),
            _ => return None,
        })
    }

    fn spelled(&self, at: NaiveDateTime) -> String {
        match self.zone {
            Some(zone) => format!("{} AT TIME ZONE {zone}", spelled(at, TIMESTAMP)),
            None => bare(at),
        }
    }
}

fn bare(at: NaiveDateTime) -> String {
    if at.time() == NaiveTime::MIN {
        at.format("'%Y-%m-%d'").to_string()
    } else {
        at.format("'%Y-%m-%d %H:%M'").to_string()
    }
}

fn spelled(at: NaiveDateTime, type_name: &str) -> String {
    format!("{}{}", bare(at), if type_name == TIMESTAMP { "::timestamp" } else { "" })
}

/// Years whose next one can be written as well.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_990;

/// A literal that says a date, with a time of day or without, and no zone.
pub(super) fn moment(value: &Expr) -> Option<NaiveDateTime> {
    let text = match strip(value) {
        Expr::Cast { expr, data_type, .. }
            if matches!(type_name(data_type).as_str(), "date" | TIMESTAMP | TIMESTAMPTZ) =>
        {
            literal(expr)?.to_owned()
        }
        Expr::TypedString(typed) => typed.value.value.clone().into_string()?,
        other => literal(other)?.to_owned(),
    };
    let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    let formats = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    let at = date.or_else(|| formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok()))?;
    YEARS.contains(&at.year()).then_some(at)
}

fn year(value: &Expr) -> Option<NaiveDateTime> {
    let Expr::Value(number) = strip(value) else { return None };
    let year: i32 = rewrite::whole(&number.value.to_string())?.parse().ok()?;
    YEARS.contains(&year).then(|| NaiveDate::from_ymd_opt(year, 1, 1))?.and_then(|date| date.and_hms_opt(0, 0, 0))
}
