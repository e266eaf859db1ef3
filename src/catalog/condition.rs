//! What a bound says of rows, as SQL conditions on the key's columns and expressions.
//!
//! Values are cast to the key's type, so that comparisons are those that Postgres makes for the bound.

use super::{Bound, Datum, KeyColumn};
use crate::keys::sample;

impl Bound {
    /// Which rows a partition with this bound holds, as a condition on its key; `None` for hash and DEFAULT, and where an
    /// expression of the key is not known.
    ///
    /// Never true for a null that the bound does not name.
    pub fn predicate(&self, key: &[KeyColumn]) -> Option<String> {
        match self {
            Self::Range { from, to } => {
                let parts: Vec<(String, &KeyColumn)> =
                    key.iter().map(|column| Some((column.part()?.to_string(), column))).collect::<Option<_>>()?;
                let (first, further) = parts.split_first()?;
                let sides = [side(Side::From, &parts, from), side(Side::To, &parts, to)];
                let mut conditions: Vec<String> = sides.into_iter().flatten().collect();
                if conditions.is_empty() {
                    conditions.push(format!("{} IS NOT NULL", first.0));
                }
                // A null beside a leading column that fits is DEFAULT's.
                conditions.extend(further.iter().map(|(part, _)| format!("{part} IS NOT NULL")));
                Some(conditions.join(" AND "))
            }
            Self::List(values) => {
                let [column] = key else { return None };
                let part = column.part()?;
                let literals: Vec<String> =
                    values.iter().filter_map(Datum::value).map(|text| column.literal(text)).collect();
                let any = (!literals.is_empty()).then(|| format!("{part} IN ({})", literals.join(", ")));
                let null = values.contains(&Datum::Null).then(|| format!("{part} IS NULL"));
                Some(any.into_iter().chain(null).collect::<Vec<_>>().join(" OR "))
            }
            Self::Hash { .. } | Self::Default => None,
        }
    }

    /// The same, in the form by which ATTACH knows that a table need not be scanned: it must say that null is no part
    /// (Postgres 14-18).
    pub fn holding_predicate(&self, key: &[KeyColumn]) -> Option<String> {
        let predicate = self.predicate(key)?;
        match self {
            Self::List(values) if values.contains(&Datum::Null) => Some(predicate),
            _ => Some(format!("{} IS NOT NULL AND {predicate}", key.first()?.part()?)),
        }
    }

    /// A condition that leads the planner to a partition with this bound and to no other; `None`: none is known.
    ///
    /// The leading column of several is not enough: Postgres keeps a neighbour and DEFAULT, too (14-18). So one row is
    /// asked for, the first that the bound holds.
    pub fn found_by(&self, key: &[KeyColumn]) -> Option<String> {
        let (Self::Range { from, .. }, [_, _, ..]) = (self, key) else { return self.predicate(key) };
        let parts = key.iter().zip(first_row(key, from)?);
        let equal = parts.map(|(column, value)| Some(format!("{} = {}", column.part()?, column.literal(&value))));
        Some(equal.collect::<Option<Vec<_>>>()?.join(" AND "))
    }
}

impl KeyColumn {
    /// Its greatest value as text, by an aggregate; `None`: an expression that could not be read.
    pub fn greatest(&self) -> Option<String> {
        let part = self.part()?;
        Some(match self.type_name.as_str() {
            // There is no max(uuid) before Postgres 18, and its text lies in the same order.
            "uuid" => format!("max({part}::text COLLATE \"C\")"),
            _ => format!("max({part})::text"),
        })
    }
}

/// The values of a row that lies at or right behind the start of a range; `None` where that is open, or no sample of a type
/// is known.
pub fn first_row(key: &[KeyColumn], from: &[Datum]) -> Option<Vec<String>> {
    from.first()?.value()?;
    let value = |(column, datum): (&KeyColumn, &Datum)| match datum {
        Datum::Value(text) => Some(text.clone()),
        Datum::MinValue => sample(&column.type_name),
        Datum::MaxValue | Datum::Null => None,
    };
    key.iter().zip(from).map(value).collect()
}

#[derive(Clone, Copy)]
enum Side {
    From,
    To,
}

/// What one side of a range says of the columns from here on; `None`: nothing.
///
/// Columns are compared one after the other: a further one decides only where those before it are equal to their values.
fn side(which: Side, key: &[(String, &KeyColumn)], data: &[Datum]) -> Option<String> {
    let ((part, column), further) = key.split_first()?;
    let (datum, beyond) = data.split_first()?;
    let text = datum.value()?;
    let literal = column.literal(text);
    // (1, MINVALUE) lies before every row with 1, (1, MAXVALUE) behind them.
    let equal_belongs = match (which, beyond.first()) {
        (Side::From, None | Some(Datum::MinValue)) | (Side::To, Some(Datum::MaxValue)) => Some(true),
        (Side::From, Some(Datum::MaxValue)) | (Side::To, None | Some(Datum::MinValue)) => Some(false),
        (_, Some(Datum::Null | Datum::Value(_))) => None,
    };
    let operator = match (which, equal_belongs) {
        (Side::From, Some(true)) => ">=",
        (Side::From, _) => ">",
        (Side::To, Some(true)) => "<=",
        (Side::To, _) => "<",
    };
    let whole = format!("{part} {operator} {literal}");
    match (equal_belongs, side(which, further, beyond)) {
        (None, Some(rest)) => Some(format!("({whole} OR ({part} = {literal} AND {rest}))")),
        _ => Some(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(columns: &[(&str, &str)]) -> Vec<KeyColumn> {
        let column = |(name, type_name): &(&str, &str)| KeyColumn {
            name: Some(crate::sql::Identifier::new(*name)),
            expression: None,
            type_name: (*type_name).to_owned(),
            collation: None,
        };
        columns.iter().map(column).collect()
    }

    #[test]
    fn conditions_compare_columns_one_after_the_other() {
        let key = key(&[("a", "date"), ("B", "integer")]);
        let of = |text: &str| text.parse::<Bound>().unwrap().predicate(&key).unwrap();
        assert_eq!(
            of("FOR VALUES FROM ('2026-01-01', MINVALUE) TO ('2026-02-01', MINVALUE)"),
            "a >= '2026-01-01'::date AND a < '2026-02-01'::date AND \"B\" IS NOT NULL"
        );
        assert_eq!(
            of("FOR VALUES FROM ('2026-01-01', 5) TO ('2026-02-01', MAXVALUE)"),
            "(a > '2026-01-01'::date OR (a = '2026-01-01'::date AND \"B\" >= '5'::integer)) \
             AND a <= '2026-02-01'::date AND \"B\" IS NOT NULL"
        );
        assert_eq!(
            of("FOR VALUES FROM (MINVALUE, MINVALUE) TO (MAXVALUE, MAXVALUE)"),
            "a IS NOT NULL AND \"B\" IS NOT NULL"
        );
        assert_eq!(
            of("FOR VALUES FROM ('2026-01-01', MAXVALUE) TO (MAXVALUE, MAXVALUE)"),
            "a > '2026-01-01'::date AND \"B\" IS NOT NULL"
        );
    }

    #[test]
    fn one_row_leads_to_a_partition_of_several_columns() {
        let key = key(&[("a", "date"), ("B", "integer")]);
        let of = |text: &str| text.parse::<Bound>().unwrap().found_by(&key);
        let first = of("FOR VALUES FROM ('2026-01-01', MINVALUE) TO ('2026-02-01', MINVALUE)");
        assert_eq!(first.unwrap(), "a = '2026-01-01'::date AND \"B\" = '1'::integer");
        assert_eq!(of("FOR VALUES FROM ('2026-01-01', MAXVALUE) TO ('2026-02-01', 5)"), None);
        assert_eq!(of("FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2026-02-01', 5)"), None);
    }
}
