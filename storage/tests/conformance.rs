//! What every index must do: one suite, run on SQLite and on PostgreSQL.

mod cases;
mod support;

use model::Limits;
use storage::{Storage, StorageConfig};
use support::postgres::Cluster;

/// A storage of its own, with the way to look behind it.
pub struct Fixture {
    /// The storage.
    pub storage: Storage,
    /// What it was opened with.
    pub config: StorageConfig,
    /// The index itself, for provoking damage.
    pub url: String,
    _directory: tempfile::TempDir,
}

impl Fixture {
    async fn new(postgres_url: Option<String>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = postgres_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}/index.sqlite", directory.path().display()));
        let config =
            StorageConfig { directory: directory.path().to_owned(), postgres_url, limits: Limits::default() };
        let storage = Storage::open(config.clone()).await.expect("it opens");
        Self { storage, config, url, _directory: directory }
    }

    /// Runs a statement behind the storage's back.
    pub async fn tamper(&self, sql: &'static str) -> u64 {
        sqlx::any::install_default_drivers();
        let mut connection =
            <sqlx::AnyConnection as sqlx::Connection>::connect(&self.url).await.expect("a connection");
        sqlx::query(sql).execute(&mut connection).await.expect(sql).rows_affected()
    }

    /// Another handle on the same storage, as another process would have it.
    pub async fn open_again(&self) -> Storage {
        Storage::open(self.config.clone()).await.expect("it opens again")
    }
}

macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = crate::Fixture::new(None).await;
                crate::cases::$case(&fixture).await;
                fixture.storage.close().await;
            })*
        }

        /// One test, because a cluster takes seconds to make; each case has its own database.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres() {
            let cluster = tokio::task::spawn_blocking(Cluster::start).await.expect("a cluster");
            $({
                eprintln!("case {}", stringify!($case));
                let url = cluster.database(concat!("t_", stringify!($case)));
                let fixture = Fixture::new(Some(url)).await;
                cases::$case(&fixture).await;
                fixture.storage.close().await;
            })*
            eprintln!("case a_commit_whose_answer_is_lost");
            let fixture = Fixture::new(Some(cluster.database("t_lost_answer"))).await;
            cases::a_commit_whose_answer_is_lost_is_not_done_again(&fixture).await;
            fixture.storage.close().await;
        }
    };
}

on_both![
    what_is_stored_is_found_and_read,
    other_organisations_see_nothing_until_granted,
    a_grant_that_is_withdrawn_is_forgotten_also_when_nobody_waits_for_it,
    labels_of_slides_are_for_their_owners_people_with_the_right,
    labels_that_were_indexed_before_are_told_apart,
    series_are_found_where_corrections_have_put_them,
    what_is_held_is_told_to_its_owner_alone,
    labels_are_held_for_who_may_see_them,
    sending_again_changes_nothing,
    a_study_says_when_it_last_arrived_and_that_a_large_instance_is_on_its_way,
    other_content_is_kept_apart,
    names_are_found_by_whatever_people_type,
    what_came_last_is_on_top_however_old_it_is,
    every_key_filters,
    searches_agree_with_a_naive_model,
    searches_keep_to_their_plans,
    lists_of_an_older_edition_are_written_anew,
    answers_come_in_pages_newest_first,
    a_page_lacks_nothing_newer_of_another_list,
    frames_are_the_bytes_that_came,
    metadata_is_one_gzip_member,
    bulk_values_have_their_places,
    what_another_process_deletes_is_not_read_as_zeros,
    the_middle_image_is_found,
    who_goes_through_a_series_finds_the_next_there,
    bad_instances_leave_nothing,
    versions_and_unique_keys_conflict,
    of_two_claims_one_wins,
    records_are_seen_by_those_they_are_for,
    every_tampering_with_the_audit_chain_shows,
    fsck_finds_each_problem,
    the_store_says_what_it_keeps_what_waits_and_who_looked_after_it,
    sixty_four_writers_at_once,
    the_same_and_other_content_at_once,
    a_crash_leaves_nothing_unexplained,
    the_directory_knows_people_tokens_and_sessions,
    blobs_are_kept,
    reading_is_noted_once,
    a_merged_patient_is_found_shown_and_handed_out_as_the_other,
    a_study_has_its_identity_corrected_and_linked,
    a_series_moves_to_another_study_with_what_comes_later,
    identity_that_a_correction_cannot_reach_is_counted,
    what_is_hidden_is_not_there_and_comes_back,
    what_is_deleted_is_gone_unless_it_is_evidence,
    a_store_during_a_large_deletion_is_answered,
    a_rejection_note_hides_what_is_here_and_what_comes_later,
    a_rebuilt_index_obeys_the_rejection_notes_that_are_kept,
    a_rejection_note_that_is_rejected_has_no_effect,
    a_study_of_which_only_a_note_is_left_is_not_shown,
    rejection_notes_in_a_circle_come_to_rest,
    a_rejection_note_does_not_empty_a_study_that_is_evidence,
    what_is_rejected_is_told_for_a_note_and_the_note_follows_it,
    jobs_of_a_lane_are_done_in_order_by_one_worker,
    a_lease_that_ran_out_is_another_workers,
    what_is_put_off_holds_its_lane_and_what_is_set_aside_does_not,
    jobs_of_others_do_not_exist,
    a_reader_of_the_outbox_moves_with_what_it_made,
    the_index_is_rebuilt_from_the_objects_alone,
    a_rebuild_takes_texts_for_what_their_sender_means,
    what_a_dead_process_had_not_indexed_is_indexed,
    an_entry_without_its_bytes_is_erased_after_a_crash,
    what_is_whole_and_refused_after_a_crash_is_kept,
    a_rebuild_beside_a_running_node_erases_nothing,
    sending_again_takes_no_room,
    a_near_match_waits_for_whoever_sees_both,
    an_exact_identifier_links_until_a_person_says_otherwise,
    nobody_is_linked_through_what_they_do_not_see,
    an_identity_follows_corrections,
    objects_from_before_there_were_segments_are_read,
];
