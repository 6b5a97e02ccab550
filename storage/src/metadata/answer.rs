//! Metadata of a study, a series or an instance, as it is sent.

use super::{Chunk, GzipArray, plain_array};
use crate::coercion::{COERCION_COLUMNS, Coercion};
use crate::db::{at, sql, to_u64};
use crate::ingest::blocking;
use crate::reach::{Below, VisibleStudy};
use crate::{Storage, StorageError};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use model::{Scope, Uid};
use sqlx::Row as _;
use sqlx::any::AnyRow;

const PLACE: &str = "reading metadata";
const COLUMNS: &str = "m.crc32, m.text_length, m.chunk";
const JOIN: &str = "JOIN instance_metadata m ON m.instance_id = i.id";

/// DICOM JSON metadata of one or more instances, as an array, ready to be sent.
#[derive(Debug, Clone)]
pub enum MetadataBody {
    /// One gzip stream (RFC 1952), put together from what ingest compressed.
    Gzip(Bytes),
    /// Plain text.
    Plain(Bytes),
}

/// Which form of metadata is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataForm {
    /// `Content-Encoding: gzip`.
    Gzip,
    /// Identity.
    Plain,
}

impl Storage {
    /// Metadata computed at ingest, of a study, one series or one instance.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn metadata(
        &self,
        scope: &Scope,
        study: &Uid,
        series: Option<&Uid>,
        instance: Option<&Uid>,
        form: MetadataForm,
    ) -> Result<MetadataBody, StorageError> {
        let with_coercion = format!("{COLUMNS}, {COERCION_COLUMNS}");
        if let Some(instance) = instance {
            let below = Below { study, series, instance };
            let row = self.row_below(scope, below, &with_coercion, JOIN).await?;
            return assembled(corrected(&[row]).await?, form).await;
        }
        for seen in self.visible_studies(scope, study).await? {
            if !seen.is_corrected && form == MetadataForm::Gzip {
                if let Some(gzip) = self.gzip_as_kept(&seen, series).await? {
                    return Ok(MetadataBody::Gzip(gzip));
                }
                continue;
            }
            let rows = self.rows_below(&seen, series, &with_coercion, JOIN).await?;
            if !rows.is_empty() {
                return assembled(corrected(&rows).await?, form).await;
            }
        }
        Err(StorageError::NotFound)
    }

    /// What nothing has been corrected in: each piece goes from its row into the answer. `None` when there are no rows.
    async fn gzip_as_kept(
        &self,
        seen: &VisibleStudy,
        series: Option<&Uid>,
    ) -> Result<Option<Bytes>, StorageError> {
        let mut query = sqlx::query(sql(Self::below_study(seen, COLUMNS, JOIN, series))).bind(seen.id);
        if let Some(series) = series {
            query = query.bind(series.as_str());
        }
        let mut rows = query.fetch(&self.inner.db.readers);
        let mut array = GzipArray::new();
        let mut is_empty = true;
        while let Some(row) = rows.try_next().await.map_err(at(PLACE))? {
            let (crc32, text_length) = numbers_of(&row, 0)?;
            array.push(crc32, text_length, row.try_get(2).map_err(at(PLACE))?);
            is_empty = false;
        }
        Ok((!is_empty).then(|| array.finish().into()))
    }
}

/// Pieces of metadata with what has been corrected, from [`COLUMNS`] and [`COERCION_COLUMNS`].
async fn corrected(rows: &[AnyRow]) -> Result<Vec<Chunk>, StorageError> {
    let chunks: Vec<Chunk> = rows.iter().map(|row| chunk_of(row, 0)).collect::<Result<_, _>>()?;
    let coercions: Vec<_> = rows.iter().map(Coercion::of_row).collect::<Result<_, _>>()?;
    if coercions.iter().all(Option::is_none) {
        return Ok(chunks);
    }
    let apply = |(chunk, coercion): (Chunk, Option<Coercion>)| match coercion {
        Some(coercion) => coercion.apply(&chunk),
        None => Ok(chunk),
    };
    blocking(move || chunks.into_iter().zip(coercions).map(apply).collect()).await?
}

async fn assembled(chunks: Vec<Chunk>, form: MetadataForm) -> Result<MetadataBody, StorageError> {
    match form {
        MetadataForm::Gzip => {
            let mut array = GzipArray::new();
            chunks.iter().for_each(|chunk| array.push(chunk.crc32, chunk.text_length, &chunk.bytes));
            Ok(MetadataBody::Gzip(array.finish().into()))
        }
        MetadataForm::Plain => {
            let text = blocking(move || plain_array(&chunks)).await??;
            Ok(MetadataBody::Plain(text.into()))
        }
    }
}

/// A piece of metadata from three columns.
pub(crate) fn chunk_of(row: &AnyRow, first: usize) -> Result<Chunk, StorageError> {
    let (crc32, text_length) = numbers_of(row, first)?;
    Ok(Chunk { crc32, text_length, bytes: row.try_get(first + 2).map_err(at(PLACE))? })
}

fn numbers_of(row: &AnyRow, first: usize) -> Result<(u32, u64), StorageError> {
    let crc32: i64 = row.try_get(first).map_err(at(PLACE))?;
    let text_length: i64 = row.try_get(first + 1).map_err(at(PLACE))?;
    let crc32 = u32::try_from(crc32).map_err(|_| StorageError::Corrupt("a checksum of metadata"))?;
    Ok((crc32, to_u64(text_length)?))
}
