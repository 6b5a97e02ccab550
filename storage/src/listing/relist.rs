//! All lists anew, when an older version of this program has written them.

use super::*;

/// Counted up when what is listed changes; older lists are written anew when the storage opens.
const EDITION: i64 = 1;
/// Studies of one transaction when lists are written anew.
const RELIST_STUDIES: i64 = 20_000;
/// Rows of one statement then: three values each, of which SQLite takes 32,766.
const STATEMENT_ROWS: usize = 5000;

/// Writes all lists anew when an older version of this program has written them: many studies in one transaction, in
/// the order of the lists, which at a million studies is a matter of minutes.
pub(crate) async fn bring_up_to_date(db: &Database) -> Result<(), StorageError> {
    let mut connection = db.writer.acquire().await.map_err(at(PLACE))?;
    let edition: i64 = sqlx::query("SELECT edition FROM study_listing_edition WHERE id = 1")
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(at(PLACE))?;
    if edition >= EDITION {
        return Ok(());
    }
    db.cache_much(&mut connection, true).await?;
    let mut last = 0;
    loop {
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.map_err(at(PLACE))?;
        let Some(highest) = relist(&mut transaction, db, last).await? else { break };
        transaction.commit().await.map_err(at(PLACE))?;
        last = highest;
        tracing::info!(up_to_study = last, "writing the lists that searches are driven by anew");
    }
    sqlx::query("UPDATE study_listing_edition SET edition = $1 WHERE id = 1")
        .bind(EDITION)
        .execute(&mut *connection)
        .await
        .map_err(at(PLACE))?;
    db.cache_much(&mut connection, false).await
}

/// Writes the lists of the studies behind `last`; the highest one that was done.
async fn relist(
    connection: &mut AnyConnection,
    db: &Database,
    last: i64,
) -> Result<Option<i64>, StorageError> {
    let text = format!("SELECT id, {STUDY_COLUMNS} FROM study WHERE id > $1 ORDER BY id LIMIT $2");
    let rows = sqlx::query(sql(text))
        .bind(last)
        .bind(RELIST_STUDIES)
        .fetch_all(&mut *connection)
        .await
        .map_err(at(PLACE))?;
    let ids: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(at(PLACE))?;
    let Some(highest) = ids.last().copied() else { return Ok(None) };
    let mut granted = grants(connection, last, highest).await?;
    let (mut entries, mut forms) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (id, row) in ids.iter().zip(&rows) {
        let study = study_row(row, 1)?;
        let moment = moment_number(&study.moment);
        let lists = granted.remove(id).unwrap_or_default();
        let lists = lists.iter().map(ListOf::Granted).chain([ListOf::Own(&study.owner)]);
        entries.extend(lists.flat_map(|list| study.listed.entries(list)).map(|entry| (entry, moment, *id)));
        forms.push((*id, study.listed.forms_text()));
    }
    entries.sort_unstable();
    for some in entries.chunks(STATEMENT_ROWS) {
        insert_many(connection, db, some).await?;
    }
    for some in forms.chunks(STATEMENT_ROWS) {
        write_forms(connection, db, some).await?;
    }
    relist_steps(connection, db, last, highest).await?;
    Ok(Some(highest))
}

/// Who sees the studies behind `last` and up to `highest`, besides their owners.
async fn grants(
    connection: &mut AnyConnection,
    last: i64,
    highest: i64,
) -> Result<HashMap<i64, Vec<OrgId>>, StorageError> {
    let rows =
        sqlx::query("SELECT study_id, grantee FROM study_grant WHERE study_id > $1 AND study_id <= $2")
            .bind(last)
            .bind(highest)
            .fetch_all(connection)
            .await
            .map_err(at(PLACE))?;
    let mut granted: HashMap<i64, Vec<OrgId>> = HashMap::new();
    for row in rows {
        let text: String = row.try_get(1).map_err(at(PLACE))?;
        let grantee = OrgId::parse(&text).map_err(|_| StorageError::Corrupt("a grantee in the index"))?;
        granted.entry(row.try_get(0).map_err(at(PLACE))?).or_default().push(grantee);
    }
    Ok(granted)
}

async fn insert_many(
    connection: &mut AnyConnection,
    db: &Database,
    entries: &[(i64, i64, i64)],
) -> Result<(), StorageError> {
    let query = match db.dialect {
        Dialect::Sqlite => {
            // Not numbered: for each value with a number the driver walks the list of all numbers.
            let rows = vec!["(?,?,?)"; entries.len()].join(",");
            let text = format!(
                "INSERT INTO study_listing (entry, moment, study_id) VALUES {rows} ON CONFLICT DO NOTHING"
            );
            entries.iter().fold(sqlx::query(sql(text)), |query, (entry, moment, study_id)| {
                query.bind(*entry).bind(*moment).bind(*study_id)
            })
        }
        Dialect::Postgres => {
            let column = |number: fn(&(i64, i64, i64)) -> i64| {
                entries.iter().map(|all| number(all).to_string()).collect::<Vec<_>>().join(",")
            };
            sqlx::query(
                "INSERT INTO study_listing (entry, moment, study_id) SELECT * FROM unnest(\
                 string_to_array($1, ',')::bigint[], string_to_array($2, ',')::bigint[], \
                 string_to_array($3, ',')::bigint[]) ON CONFLICT DO NOTHING",
            )
            .bind(column(|all| all.0))
            .bind(column(|all| all.1))
            .bind(column(|all| all.2))
        }
    };
    query.execute(connection).await.map_err(at(PLACE))?;
    Ok(())
}

async fn write_forms(
    connection: &mut AnyConnection,
    db: &Database,
    forms: &[(i64, String)],
) -> Result<(), StorageError> {
    let text = match db.dialect {
        Dialect::Sqlite => {
            "UPDATE study SET name_forms = json_extract(j.value, '$[1]') FROM json_each($1) AS j \
             WHERE study.id = json_extract(j.value, '$[0]')"
        }
        Dialect::Postgres => {
            "UPDATE study SET name_forms = j.value->>1 FROM json_array_elements($1::json) AS j(value) \
             WHERE study.id = (j.value->>0)::bigint"
        }
    };
    let all = serde_json::to_string(forms).unwrap_or_else(|_| "[]".to_owned());
    sqlx::query(text).bind(all).execute(connection).await.map_err(at(PLACE))?;
    Ok(())
}

/// The steps of those studies' series, which few have.
async fn relist_steps(
    connection: &mut AnyConnection,
    db: &Database,
    last: i64,
    highest: i64,
) -> Result<(), StorageError> {
    let rows = sqlx::query(
        "SELECT e.id, e.attributes, s.id, s.owner, s.moment FROM series e JOIN study s ON s.id = e.study_id \
         WHERE e.study_id > $1 AND e.study_id <= $2 \
         AND (e.attributes LIKE '%\"00400275\"%' OR e.attributes LIKE '%\"00400244\"%')",
    )
    .bind(last)
    .bind(highest)
    .fetch_all(&mut *connection)
    .await
    .map_err(at(PLACE))?;
    for row in rows {
        let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let owner = OrgId::parse(&text(3)?).map_err(|_| StorageError::Corrupt("an owner in the index"))?;
        let (study_id, moment) = (row.try_get(2).map_err(at(PLACE))?, text(4)?);
        let place = Place { study_id, owner: &owner, moment: &moment };
        let series_id = row.try_get(0).map_err(at(PLACE))?;
        insert_steps(connection, db, place, series_id, &steps(&text(1)?)).await?;
    }
    Ok(())
}
