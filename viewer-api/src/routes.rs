//! Every route, and what is put around them: authentication, headers, compression.

use crate::docs::ApiDoc;
use crate::preferences;
use crate::state::ApiState;
use crate::{
    admin, application, assignment, audit, auth, calibration, consults, corrections, cors, critical,
    deliveries, devices, docs, duty_overview, dzi, forwarding, health, identities, iiif, invitations,
    key_images, live, measurements, messages, notices, ohif, orders, partners, phrases, remotes,
    report_files, second_factor, session, sessions, slide_notes, slides, statistics, store, studies,
    templates, uploads, verify, watched,
};
use crate::{audit_state, deidentification, emergency, patients};
use crate::{passkeys, security, sign_on, signing_certificate};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware;
use axum::routing::get;
use axum::{Extension, Router};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Scripts and data from here only; WebAssembly for the decoders; styles inline because the component library sets
/// them on elements.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self' blob: data:; \
    object-src 'self'; frame-src 'self' blob:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'";

/// What every answer says to browsers.
pub const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
];

/// The longest that a request's body may stand still: what it has brought so far is in memory or on the disk.
const BODY_IDLE_TIME_MAX: Duration = Duration::from_secs(60);

fn api() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(session::log_in, session::who_am_i, session::log_out))
        .routes(routes!(sessions::list_sessions, sessions::end_other_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(sessions::prove))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::act_for))
        .routes(routes!(preferences::get_preferences, preferences::put_preferences))
        .routes(routes!(
            second_factor::second_factor_status,
            second_factor::enrol_second_factor,
            second_factor::remove_second_factor
        ))
        .routes(routes!(second_factor::confirm_second_factor))
        .routes(routes!(second_factor::renew_recovery_codes))
        .routes(routes!(
            signing_certificate::own_certificate,
            signing_certificate::register_own_certificate,
            signing_certificate::forget_own_certificate
        ))
        .routes(routes!(passkeys::list_passkeys, passkeys::add_passkey))
        .routes(routes!(passkeys::begin_passkey))
        .routes(routes!(passkeys::remove_passkey))
        .routes(routes!(sign_on::ways))
        .routes(routes!(sign_on::go_to_sign_on))
        .routes(routes!(sign_on::come_back))
        .routes(routes!(sign_on::join_by_sign_on))
        .routes(routes!(sign_on::sign_on_binding, sign_on::bind_sign_on, sign_on::unbind_sign_on))
        .routes(routes!(passkeys::begin_proof))
        .routes(routes!(passkeys::log_in_by_passkey))
        .routes(routes!(passkeys::prove_by_passkey))
        .routes(routes!(invitations::look_at_invitation))
        .routes(routes!(invitations::take_invitation))
        .merge(admin())
        .routes(routes!(studies::list_studies))
        .routes(routes!(studies::get_study))
        .routes(routes!(consults::arriving::study_arriving))
        .routes(routes!(corrections::list_apart))
        .routes(routes!(corrections::list_corrections, corrections::make_correction))
        .routes(routes!(corrections::undo_correction))
        .routes(routes!(corrections::list_hidden))
        .routes(routes!(emergency::list_emergencies, emergency::open_emergency))
        .routes(routes!(emergency::list_own_emergencies))
        .routes(routes!(emergency::list_emergency_hospitals))
        .routes(routes!(emergency::get_emergency_setting, emergency::put_emergency_setting))
        .routes(routes!(emergency::review_emergency))
        .routes(routes!(patients::list_patients))
        .routes(routes!(patients::get_patient))
        .routes(routes!(patients::list_patient_pairs))
        .routes(routes!(patients::get_patient_pair))
        .routes(routes!(patients::list_patient_decisions, patients::decide_patients))
        .routes(routes!(patients::undo_patient_decision))
        .routes(routes!(corrections::identity_in_content))
        .routes(routes!(measurements::list_measurements, measurements::save_measurements))
        .routes(routes!(measurements::measurements_as_dicom))
        .routes(routes!(deidentification::list_projects, deidentification::create_project))
        .routes(routes!(deidentification::close_project))
        .routes(routes!(deidentification::survey_export))
        .routes(routes!(deidentification::ask_for_export))
        .routes(routes!(deidentification::fetch_export))
        .routes(routes!(deidentification::placements::list_collections))
        .routes(routes!(deidentification::placements::put_into_collection))
        .routes(routes!(deidentification::placements::list_placements))
        .routes(routes!(deidentification::placements::take_out_of_collection))
        .routes(routes!(uploads::upload))
        .routes(routes!(uploads::documents::upload_document))
        .routes(routes!(uploads::tus::tus_options, uploads::tus::tus_create, uploads::arrivals::list_uploads))
        .routes(routes!(
            uploads::tus::tus_head,
            uploads::tus::tus_patch,
            uploads::tus::tus_delete,
            uploads::arrivals::get_upload
        ))
        .routes(routes!(uploads::arrivals::finish_upload))
        .routes(routes!(uploads::arrivals::read_names))
        .routes(routes!(uploads::held::held))
        .routes(routes!(identities::list_unidentified))
        .routes(routes!(identities::identify_slide))
        .routes(routes!(calibration::put_calibration, calibration::remove_calibration))
        .routes(routes!(watched::list_watched))
        .routes(routes!(slides::list_slides))
        .routes(routes!(slides::get_slide))
        .routes(routes!(slides::get_tile))
        .routes(routes!(slides::get_instances))
        .routes(routes!(slides::get_associated))
        .routes(routes!(slides::get_icc))
        .routes(routes!(slides::get_original))
        .routes(routes!(
            slide_notes::annotations::list_annotations,
            slide_notes::annotations::draw_annotation
        ))
        .routes(routes!(
            slide_notes::annotations::change_annotation,
            slide_notes::annotations::delete_annotation
        ))
        .routes(routes!(slide_notes::annotations::annotation_versions))
        .routes(routes!(slide_notes::exchange::annotations_as_geojson, slide_notes::exchange::import_geojson))
        .routes(routes!(slide_notes::exchange::annotations_as_dicom))
        .routes(routes!(slide_notes::seen::get_coverage, slide_notes::seen::add_coverage))
        .routes(routes!(slide_notes::seen::open_slide))
        .routes(routes!(dzi::get_descriptor))
        .routes(routes!(dzi::get_dzi_tile))
        .routes(routes!(slide_notes::bookmarks::list_bookmarks, slide_notes::bookmarks::make_bookmark))
        .routes(routes!(slide_notes::bookmarks::rename_bookmark, slide_notes::bookmarks::delete_bookmark))
        .routes(routes!(slide_notes::bookmarks::bookmark_picture))
        .routes(routes!(key_images::report_picture))
        .routes(routes!(live::live))
        .routes(routes!(critical::list_open_critical))
        .routes(routes!(critical::get_critical_rules, critical::put_critical_rules))
        .routes(routes!(critical::get_critical, critical::raise_critical))
        .routes(routes!(critical::acknowledge_critical))
        .routes(routes!(critical::withdraw_critical))
        .routes(routes!(messages::list_messages, messages::write_message))
        .routes(routes!(messages::read_messages))
        .routes(routes!(messages::unread_messages))
        .routes(routes!(notices::list_notices))
        .routes(routes!(notices::read_all_notices))
        .routes(routes!(notices::read_notice))
        .routes(routes!(notices::get_notice_mail, notices::put_notice_mail))
        .routes(routes!(notices::get_webhook, notices::put_webhook))
        .routes(routes!(partners::list_partners))
        .routes(routes!(consults::list_consults, consults::asking::create_consult))
        .routes(routes!(consults::get_consult, consults::asking::edit_consult))
        .routes(routes!(consults::arriving::submit))
        .routes(routes!(consults::steps::accept))
        .routes(routes!(consults::steps::reject))
        .routes(routes!(consults::steps::claim))
        .routes(routes!(consults::steps::release))
        .routes(routes!(consults::steps::cancel))
        .routes(routes!(consults::steps::acknowledge))
        .routes(routes!(consults::reports::save_report))
        .routes(routes!(consults::reports::preview_report))
        .routes(routes!(consults::priors::list_prior_reports))
        .routes(routes!(consults::priors::draft_pdf))
        .routes(routes!(consults::reports::sign))
        .routes(routes!(consults::reports::review))
        .routes(routes!(
            consults::phone::ask_phone,
            consults::phone::see_phone,
            consults::phone::cancel_phone
        ))
        .routes(routes!(consults::own_key::begin_own_signature))
        .routes(routes!(consults::own_key::complete_own_signature))
        .routes(routes!(consults::steps::return_report))
        .routes(routes!(consults::steps::take_over))
        .routes(routes!(consults::steps::request_data))
        .routes(routes!(consults::steps::resume))
        .routes(routes!(consults::steps::decline))
        .routes(routes!(consults::steps::assign))
        .routes(routes!(consults::steps::list_candidates))
        .routes(routes!(consults::steps::renew_lease))
        .routes(routes!(consults::steps::amend))
        .routes(routes!(consults::quality::grade))
        .routes(routes!(consults::steps::respond))
        .routes(routes!(statistics::get_statistics))
        .routes(routes!(statistics::get_statistics_csv))
        .routes(routes!(statistics::get_alliance))
        .routes(routes!(consults::attachments::attach))
        .routes(routes!(consults::attachments::get_attachment, consults::attachments::detach))
        .routes(routes!(consults::steps::accept_images))
        .routes(routes!(consults::steps::list_late_images))
        .routes(routes!(consults::steps::abandon))
        .routes(routes!(consults::steps::ask_back))
        .routes(routes!(consults::steps::answer))
        .routes(routes!(consults::steps::record_decision))
        .routes(routes!(consults::opinions::list_opinions, consults::opinions::ask_opinions))
        .routes(routes!(consults::opinions::save_opinion))
        .routes(routes!(consults::opinions::give_opinion))
        .routes(routes!(consults::opinions::decline_opinion))
        .routes(routes!(consults::opinions::withdraw_opinion))
        .routes(routes!(consults::opinions::list_experts))
        .routes(routes!(consults::second::list_second_opinions, consults::second::ask_second_opinion))
        .routes(routes!(consults::second::compare))
        .routes(routes!(assignment::get_assignment_rules, assignment::put_assignment_rules))
        .routes(routes!(assignment::try_assignment))
        .routes(routes!(assignment::list_duties))
        .routes(routes!(assignment::set_duty))
        .routes(routes!(duty_overview::duty_overview))
        .routes(routes!(duty_overview::plan_shift))
        .routes(routes!(duty_overview::cancel_shift))
        .routes(routes!(report_files::report_pdf))
        .routes(routes!(report_files::report_json))
        .routes(routes!(report_files::report_signature))
        .routes(routes!(report_files::chain_pem))
        .routes(routes!(report_files::report_as_sr))
        .routes(routes!(report_files::report_as_encapsulated_pdf))
        .routes(routes!(report_files::report_as_key_objects))
        .routes(routes!(report_files::report_as_fhir))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::send_delivery))
        .routes(routes!(deliveries::list_return_routes))
        .routes(routes!(deliveries::put_return_route, deliveries::delete_return_route))
        .routes(routes!(deliveries::list_undelivered))
        .routes(routes!(deliveries::send_notice))
        .routes(routes!(verify::verify_consult))
        .merge(OpenApiRouter::new().routes(routes!(verify::verify_files)).layer(verify::body_limit()))
        .routes(routes!(templates::list_templates))
        .routes(routes!(templates::get_template, templates::put_template))
        .routes(routes!(templates::get_template_edition))
        .routes(routes!(templates::publish_template))
        .routes(routes!(templates::withdraw_template))
        .routes(routes!(templates::offer_template))
        .routes(routes!(phrases::list_phrases))
        .routes(routes!(phrases::put_own_phrases))
        .routes(routes!(phrases::put_organisation_phrases))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::audit_csv))
        .routes(routes!(audit_state::audit_state))
        .routes(routes!(audit_state::verify_audit))
        .routes(routes!(security::security_overview))
        .routes(routes!(orders::list_orders, orders::place_order))
        .routes(routes!(orders::import_orders))
        .routes(routes!(orders::get_order, orders::cancel_order))
        .routes(routes!(orders::ask_worklist))
        .routes(routes!(devices::list_devices))
        .routes(routes!(forwarding::list_queue))
        .routes(routes!(forwarding::retry_queue))
        .routes(routes!(forwarding::remove_from_queue))
        .routes(routes!(forwarding::list_rules))
        .routes(routes!(forwarding::put_rule, forwarding::remove_rule))
        .routes(routes!(remotes::list_remotes))
        .routes(routes!(remotes::echo_remote))
        .routes(routes!(remotes::find_remote))
        .routes(routes!(remotes::retrieve_remote))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// What administrators and security officers look after.
fn admin() -> OpenApiRouter<ApiState> {
    use admin::{agreements, organisations, people, tokens};
    OpenApiRouter::new()
        .routes(routes!(organisations::list_organisations, organisations::create_organisation))
        .routes(routes!(organisations::change_organisation))
        .routes(routes!(people::list_people, people::create_person))
        .routes(routes!(people::change_person))
        .routes(routes!(people::change_roles))
        .routes(routes!(people::invite_person))
        .routes(routes!(people::disable_person))
        .routes(routes!(people::enable_person))
        .routes(routes!(people::end_sessions_of))
        .routes(routes!(people::reset_second_factor))
        .routes(routes!(agreements::list_agreements, agreements::create_agreement))
        .routes(routes!(agreements::change_agreement))
        .routes(routes!(agreements::confirm_agreement))
        .routes(routes!(agreements::end_agreement))
        .routes(routes!(agreements::decline_proposal))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(store::store_state))
}

/// What viewers of other origins may use, too, if the configuration says so.
fn iiif() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(iiif::get_base))
        .routes(routes!(iiif::get_info))
        .routes(routes!(iiif::get_image))
}

/// The OpenAPI document of this interface.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api().merge(iiif()).into_openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document
}

/// Text is worth compressing. Pixels are compressed already, or are not to be: it costs time and gains nothing.
fn is_text(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || ["json", "+json", "+xml", "javascript", "wasm"].iter().any(|end| media_type.ends_with(end))
}

/// The whole HTTP interface: `/api/v1`, `/dicom-web`, health, and the web application.
pub fn router(state: ApiState) -> Router {
    let (api, _) = api().split_for_parts();
    let (iiif, _) = iiif().split_for_parts();
    let tiled: Arc<dyn pacs::dicomweb::TiledImages> = Arc::new(slides::Tiled(state.0.slides.clone()));
    let dicomweb = pacs::dicomweb::router(state.0.storage.clone(), &state.0.public_origin);
    let dicomweb = dicomweb.layer(Extension(tiled));
    let wado = pacs::dicomweb::wado_router(state.0.storage.clone(), &state.0.public_origin);
    let (dicomweb, wado, iiif) = match cors::layer(&state.0.cors_origins) {
        Some(layer) => (dicomweb.layer(layer.clone()), wado.layer(layer.clone()), iiif.layer(layer)),
        None => (dicomweb, wado, iiif),
    };
    let compressible = SizeAbove::new(1024).and(is_text);
    let [frame_options, referrer_policy, content_type_options, content_security] =
        SECURITY_HEADERS.map(|(name, value)| SetResponseHeaderLayer::if_not_present(name, value));
    let others = match &state.0.ohif_folder {
        Some(folder) => ohif::router(folder),
        None => Router::new(),
    };
    Router::new()
        .merge(api)
        .merge(iiif)
        .merge(others)
        .route("/api/v1/openapi.json", get(docs::openapi_json))
        .route("/api/docs", get(application::docs))
        .with_state(state.clone())
        .nest("/dicom-web", dicomweb)
        .merge(wado)
        .fallback(application::serve)
        .layer(
            // In one: each layer of a router of its own is a box around all below it that every request clones.
            ServiceBuilder::new()
                .layer(CatchPanicLayer::new())
                .layer(frame_options)
                .layer(referrer_policy)
                .layer(content_type_options)
                .layer(content_security)
                .layer(CompressionLayer::new().compress_when(compressible))
                .layer(middleware::from_fn_with_state(state, auth::authenticate))
                .layer(RequestBodyTimeoutLayer::new(BODY_IDLE_TIME_MAX)),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_results_are_compressed_and_pixels_are_not() {
        let check = |content_type: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.parse().unwrap())]);
            let seen = is_text(StatusCode::OK, Version::HTTP_11, &headers, &Extensions::new());
            assert_eq!(seen, expected, "{content_type}");
        };
        for text in
            ["application/dicom+json", "application/json", "text/html; charset=utf-8", "image/svg+xml"]
        {
            check(text, true);
        }
        for pixels in
            ["application/dicom", "multipart/related; type=\"application/dicom+json\"", "image/jpeg"]
        {
            check(pixels, false);
        }
        check("application/octet-stream", false);
        check("application/pdf", false);
    }
}
