//! How far an archive is, and what it came to, as fragments of a line.

use std::time::Duration;

use super::amounts;
use crate::plan::steps::ArchiveTable;
use crate::plan::{Archived, Pass, Step};

/// `1.2 M rows, 310 k rows/s, 98 MB/s, 2 min left`, as far as rates and the end can be told.
pub fn archiving(step: &Step, pass: Pass, (rows, bytes): (u64, u64), took: Duration) -> String {
    let what = match pass {
        Pass::Out => "rows",
        Pass::Back => "rows read back",
    };
    let mut parts = vec![format!("{} {what}", amounts::count(rows))];
    let seconds = took.as_secs_f64();
    if 0.5 < seconds {
        let rate = |amount: u64| (amount as f64 / seconds) as u64;
        parts.push(format!("{} rows/s", amounts::count(rate(rows))));
        parts.push(format!("{}/s", amounts::bytes(rate(bytes))));
        if let Step::Archive(ArchiveTable { rows: Some(all), .. }) = step
            && rows < *all
            && 0 < rows
        {
            let left = Duration::from_secs_f64(seconds * (*all - rows) as f64 / rows as f64);
            parts.push(format!("{} left", amounts::elapsed(left)));
        }
    }
    parts.join(", ")
}

/// `31,004,112 rows, 14.2 GB to 3.1 GB, verified`
pub fn archived(archived: &Archived) -> String {
    format!(
        "{} rows, {} to {}, verified",
        amounts::in_full(archived.rows),
        amounts::bytes(archived.raw_bytes),
        amounts::bytes(archived.bytes)
    )
}

/// `1.2 M rows, 310 k rows/s, 98 MB/s, 2 min left`, of a restore.
pub fn restoring(rows: u64, bytes: u64, all: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = |amount: u64| (amount as f64 / seconds) as u64;
    let left = if 0 < rows { seconds * all.saturating_sub(rows) as f64 / rows as f64 } else { 0.0 };
    let left = amounts::elapsed(Duration::from_secs(left as u64));
    format!(
        "{} rows, {} rows/s, {}/s, {left} left",
        amounts::count(rows),
        amounts::count(rate(rows)),
        amounts::bytes(rate(bytes))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::archive_table;

    #[test]
    fn rates_and_what_is_left_are_told_out_and_back() {
        let step = archive_table("orders_2001_01");
        let told = |pass, seconds| archiving(&step, pass, (2_000_000, 300_000_000), Duration::from_secs(seconds));
        insta::assert_snapshot!([told(Pass::Out, 0), told(Pass::Out, 4), told(Pass::Back, 2)].join("\n"), @"
        2.0 M rows
        2.0 M rows, 500 k rows/s, 71.5 MB/s, 58 s left
        2.0 M rows read back, 1.0 M rows/s, 143 MB/s, 29 s left
        ");
    }
}
