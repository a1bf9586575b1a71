//! The columns of a segment: see `docs/formats/segment.md`.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::config::Config;

/// How the columns are written, and read back as spans.
pub static SPANS: LazyLock<SchemaRef> = LazyLock::new(|| schema(DataType::Utf8));

/// How the columns are read for a scan: repeated text is compared once, not row by row.
pub static SCAN: LazyLock<SchemaRef> =
    LazyLock::new(|| schema(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))));

/// Chance that the filter of trace ids says yes for an absent one, with all segments asked in turn.
const BLOOM_FALSE_POSITIVES: f64 = 1e-5;

/// The type of instants.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The fields of an annotation.
pub fn annotation_fields() -> Fields {
    [Field::new("timestamp", instant(), false), Field::new("value", DataType::Utf8, false)]
        .into_iter()
        .collect()
}

/// The list of annotations.
pub fn annotation_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Struct(annotation_fields()), false))
}

/// The fields of a tag.
pub fn tag_fields(key: DataType) -> Fields {
    [Field::new("key", key, false), Field::new("value", DataType::Utf8, false)].into_iter().collect()
}

/// The entries of the map of tags.
pub fn tag_entries(key: DataType) -> Arc<Field> {
    Arc::new(Field::new("key_value", DataType::Struct(tag_fields(key)), false))
}

fn schema(repeated: DataType) -> SchemaRef {
    let text = |name: &str| Field::new(name, repeated.clone(), true);
    let endpoint = |side: &str| {
        [
            text(&format!("{side}_service")),
            Field::new(format!("{side}_ipv4"), DataType::UInt32, true),
            Field::new(format!("{side}_ipv6"), DataType::FixedSizeBinary(16), true),
            Field::new(format!("{side}_port"), DataType::UInt16, true),
        ]
    };
    let mut fields = vec![
        Field::new("trace_id", DataType::FixedSizeBinary(16), false),
        Field::new("id", DataType::UInt64, false),
        Field::new("parent_id", DataType::UInt64, true),
        text("kind"),
        text("name"),
        Field::new("timestamp", instant(), true),
        Field::new("duration", DataType::UInt64, true),
    ];
    fields.extend(endpoint("local"));
    fields.extend(endpoint("remote"));
    fields.extend([
        Field::new("annotations", DataType::List(annotation_item()), false),
        Field::new("tags", DataType::Map(tag_entries(repeated.clone()), false), false),
        Field::new("debug", DataType::Boolean, false),
        Field::new("shared", DataType::Boolean, false),
    ]);
    Arc::new(Schema::new(fields))
}

/// Returns how a segment is written.
pub fn properties(config: &Config) -> WriterProperties {
    let path = |name: &str| ColumnPath::from(name.split('.').map(str::to_owned).collect::<Vec<_>>());
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("spanlet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_max_row_group_row_count(Some(config.row_group_rows))
        .set_data_page_row_count_limit(config.page_rows)
        .set_write_batch_size(config.page_rows)
        .set_column_statistics_enabled(path("trace_id"), EnabledStatistics::Page)
        .set_column_statistics_enabled(path("timestamp"), EnabledStatistics::Page)
        .set_column_statistics_enabled(path("duration"), EnabledStatistics::Page)
        .set_column_bloom_filter_enabled(path("trace_id"), true)
        .set_column_bloom_filter_fpp(path("trace_id"), BLOOM_FALSE_POSITIVES)
        // Folded to what the traces of a row group need.
        .set_column_bloom_filter_max_ndv(path("trace_id"), config.row_group_rows.max(1) as u64);
    for name in ["id", "parent_id", "timestamp", "duration", "annotations.list.element.timestamp"] {
        let encoding = if name.ends_with("id") { Encoding::PLAIN } else { Encoding::DELTA_BINARY_PACKED };
        builder = builder.set_column_dictionary_enabled(path(name), false);
        builder = builder.set_column_encoding(path(name), encoding);
    }
    builder.build()
}
