//! The HTTP interface as a whole: the router, and beside it the straight way of tiles.
//!
//! A tile costs less than the layers that every other request goes through, and is asked for a hundred times as often.
//! So a plain request for a stored tile is answered before them, by the same functions and with the same headers; at once, for
//! a listener that does it below HTTP's own layers (decision 60). Whatever is not plain, and everything that goes wrong, goes
//! through the router, which alone says why.

use crate::auth;
use crate::routes::{self, SECURITY_HEADERS};
use crate::slides::pixels::Validator;
use crate::state::ApiState;
use access::Right;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Method, Request, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt as _;
use model::SlideId;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use tower::Service as _;
use wsi::out::Seen;
use wsi::{LayerChoice, Revision, TileForm};

/// What answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Interface {
    router: Router,
    state: ApiState,
}

/// A tile that a plain request names.
struct Plain {
    id: SlideId,
    at: (u32, u32, u32),
    seen: Seen,
}

impl Interface {
    /// The interface of a node.
    #[must_use]
    pub fn new(state: ApiState) -> Self {
        Self { router: routes::router(state.clone()), state }
    }

    /// Answers a request; its peer is expected in the extension [`ConnectInfo`].
    pub async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (parts, body) = request.into_parts();
        if let Some(plain) = Plain::of(&parts) {
            // As the router has it, a panic ends one request.
            let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
            let straight = AssertUnwindSafe(self.tile(&parts, peer, plain)).catch_unwind().await;
            if let Ok(Some(response)) = straight {
                return response.map(Body::from);
            }
        }
        let request = Request::from_parts(parts, Body::new(body));
        let routed = Box::pin(self.router.clone().call(request));
        routed.await.unwrap_or_else(|never| match never {})
    }

    /// Answers what [`Interface::answer`] would answer with the same tile, or by saying that it has not changed, when all that
    /// takes is in memory and the page cache. `None`: ask it.
    #[must_use]
    pub fn at_once(&self, parts: &Parts, peer: IpAddr) -> Option<Response<Bytes>> {
        let plain = Plain::of(parts)?;
        AssertUnwindSafe(self.tile(parts, Some(peer), plain)).catch_unwind().now_or_never()?.ok()?
    }

    async fn tile(&self, parts: &Parts, peer: Option<IpAddr>, plain: Plain) -> Option<Response<Bytes>> {
        let address = self.state.0.login_rules.address(peer, &parts.headers);
        let caller = auth::recognise(&self.state, parts, address).await.ok()?.caller?;
        if !caller.may(Right::Retrieve) {
            return None;
        }
        let slides = &self.state.0.slides;
        let tile = slides.tile_of(caller.scope(), &plain.id, plain.at, plain.seen).await.ok()?;
        if !tile.is_jpeg() {
            return None;
        }
        let form = TileForm::Stored;
        let validator = Validator::of_tile(&tile, form);
        let mut response = match validator.not_modified(&parts.headers) {
            Some(response) => response,
            None => validator.answer(slides.read_tile(caller.scope(), &tile, form).await.ok()?).ok()?,
        };
        for (name, value) in SECURITY_HEADERS {
            response.headers_mut().insert(name, value);
        }
        Some(response)
    }
}

impl Plain {
    /// `/api/v1/slides/{id}/tiles/{level}/{x}/{y}`, with a revision or without.
    fn of(parts: &Parts) -> Option<Self> {
        if parts.method != Method::GET || parts.headers.contains_key(header::ORIGIN) {
            return None;
        }
        let mut names = parts.uri.path().strip_prefix("/api/v1/slides/")?.split('/');
        let id = names.next()?;
        if names.next()? != "tiles" {
            return None;
        }
        let mut number = || names.next()?.parse::<u32>().ok();
        let at = (number()?, number()?, number()?);
        if names.next().is_some() {
            return None;
        }
        let revision = match parts.uri.query() {
            Some(query) => Some(Revision::parse(query.strip_prefix("rev=")?)?),
            None => None,
        };
        let seen = Seen { layer: LayerChoice::default(), window: None, channels: None, revision };
        Some(Self { id: SlideId::parse(id).ok()?, at, seen })
    }
}
