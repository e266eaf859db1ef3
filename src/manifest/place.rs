//! Where the objects of an archive stand below its destination: `shop.orders/orders_2024_10/20261121T030412.123456Z/`,
//! a folder of its own for each attempt, so that what an interrupted one left is known by its name alone.

use chrono::{DateTime, Utc};

use crate::rows::Layout;
use crate::sql::QualifiedName;

/// The manifest's name within an archive's folder.
pub const MANIFEST: &str = "manifest.json";

/// The folder of an archive that begins at this moment, without a slash at its end.
pub fn archive_path(parent: &QualifiedName, partition: &QualifiedName, begun_at: DateTime<Utc>) -> String {
    let part = |text: &str| text.replace(['/', '\\'], "_");
    format!(
        "{}.{}/{}/{}",
        part(parent.schema.as_str()),
        part(parent.name.as_str()),
        part(partition.name.as_str()),
        begun_at.format("%Y%m%dT%H%M%S%.6fZ")
    )
}

/// The name of a data file within an archive's folder; files count from 1.
pub fn data_file(layout: &Layout, number: usize) -> String {
    format!("part-{number:05}.{}", layout.extension())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Compression, Format};

    #[test]
    fn names_tell_table_partition_and_moment() {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let path = archive_path(&QualifiedName::new("shop", "Or/ders"), &QualifiedName::new("old", "orders_1"), at);
        assert_eq!(path, "shop.Or_ders/orders_1/20261118T110640.000000Z");
        let layout = |format, compression| Layout { format, compression };
        assert_eq!(data_file(&layout(Format::Parquet, Compression::Zstd(3)), 1), "part-00001.parquet");
        assert_eq!(data_file(&layout(Format::Csv, Compression::Zstd(3)), 12), "part-00012.csv.zst");
        assert_eq!(data_file(&layout(Format::Binary, Compression::Gzip), 1), "part-00001.copy.gz");
        assert_eq!(data_file(&layout(Format::Csv, Compression::None), 1), "part-00001.csv");
    }
}
