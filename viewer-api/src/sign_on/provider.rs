//! The OpenID provider: found by discovery, asked with code and PKCE, its word believed only when signed by its keys for
//! this node and this log-in (OpenID Connect Core §3.1.3.7).

use crate::outside::{NotReached, Outside};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, TokenResponse as _,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what the provider says of itself, and its keys, are taken for true.
const METADATA_FRESH: Duration = Duration::from_secs(600);
/// How often they are asked for again at most, when a token is signed by a key that is not among them.
const METADATA_AGAIN: Duration = Duration::from_secs(10);

/// What the configuration says of the provider.
#[derive(Debug, Clone)]
pub struct SignOnConfig {
    /// What the button says.
    pub name: String,
    /// The issuer, exactly as its tokens name it.
    pub issuer: String,
    /// Who this node is to the provider.
    pub client_id: String,
    /// The secret that goes with it, if any.
    pub client_secret: Option<access::Secret>,
    /// Methods (`amr`, RFC 8176) any of which says that two factors were seen.
    pub second_factor_amr: Vec<String>,
    /// Contexts (`acr`) any of which says the same.
    pub second_factor_acr: Vec<String>,
}

/// Why somebody is not logged in; for the log, never with anything of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignOnError {
    /// The provider did not answer, or not as it should.
    #[error("the provider: {0}")]
    Provider(String),
    /// What it says is not to be believed.
    #[error("the token is not good: {0}")]
    Token(String),
}

/// What is remembered of a log-in while the person is at the provider.
pub struct Begun {
    pub nonce: Nonce,
    pub verifier: PkceCodeVerifier,
}

/// Of whom the provider speaks, and how sure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub subject: String,
    pub is_by_two_factors: bool,
}

pub struct Provider {
    pub config: SignOnConfig,
    redirect: String,
    outside: Arc<dyn Outside>,
    metadata: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

/// Asks by way of the floor above. A closure would do, were its future `Send` for every lifetime.
struct Http(Arc<dyn Outside>);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = NotReached;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NotReached>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.0.fetch(request)
    }
}

impl Provider {
    pub fn new(config: SignOnConfig, public_origin: &str, outside: Arc<dyn Outside>) -> Self {
        let redirect = format!("{}/api/v1/session/sign-on/callback", public_origin.trim_end_matches('/'));
        Self { config, redirect, outside, metadata: Mutex::new(None) }
    }

    fn http(&self) -> Http {
        Http(self.outside.clone())
    }

    async fn metadata(&self, fresh: Duration) -> Result<CoreProviderMetadata, SignOnError> {
        let known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, metadata)) = known
            && since.elapsed() < fresh
        {
            return Ok(metadata);
        }
        let provider = |why: &dyn std::fmt::Display| SignOnError::Provider(why.to_string());
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|error| provider(&error))?;
        let http = self.http();
        let found =
            CoreProviderMetadata::discover_async(issuer, &http).await.map_err(|error| provider(&error))?;
        let mut kept = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()))
    }

    /// Where to send the person, with this state; and what to remember.
    pub async fn begin(&self, state: String) -> Result<(String, Begun), SignOnError> {
        let metadata = self.metadata(METADATA_FRESH).await?;
        let id = ClientId::new(self.config.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata, id, self.secret())
            .set_redirect_uri(self.redirect()?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, _, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge)
            .url();
        Ok((url.into(), Begun { nonce, verifier }))
    }

    fn redirect(&self) -> Result<RedirectUrl, SignOnError> {
        RedirectUrl::new(self.redirect.clone()).map_err(|error| SignOnError::Provider(error.to_string()))
    }

    /// Of whom the provider speaks that has given this code.
    pub async fn finish(&self, code: String, begun: Begun) -> Result<Subject, SignOnError> {
        let metadata = self.metadata(METADATA_FRESH).await?;
        let Begun { nonce, verifier } = begun;
        let answer = {
            let id = ClientId::new(self.config.client_id.clone());
            let client = CoreClient::from_provider_metadata(metadata.clone(), id, self.secret())
                .set_redirect_uri(self.redirect()?);
            let request = client
                .exchange_code(AuthorizationCode::new(code))
                .map_err(|error| SignOnError::Provider(error.to_string()))?
                .set_pkce_verifier(verifier);
            let http = self.http();
            let answer = request.request_async(&http).await;
            answer.map_err(|error| SignOnError::Provider(error.to_string()))?
        };
        let token = answer.id_token().ok_or_else(|| SignOnError::Token("there is none".to_owned()))?;
        let believed = |metadata: CoreProviderMetadata| {
            let id = ClientId::new(self.config.client_id.clone());
            let client = CoreClient::from_provider_metadata(metadata, id, self.secret());
            let verifier = client.id_token_verifier().set_allowed_algs([
                CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                CoreJwsSigningAlgorithm::RsaSsaPssSha256,
                CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            ]);
            token.claims(&verifier, &nonce).cloned().map_err(|error| SignOnError::Token(error.to_string()))
        };
        let claims = match believed(metadata) {
            // Keys change: those of now may be the ones.
            Err(_) => believed(self.metadata(METADATA_AGAIN).await?)?,
            Ok(claims) => claims,
        };
        // OpenID Connect Core §3.1.3.7, 5: the library only says so in its log.
        let is_ours = claims.authorized_party().is_none_or(|party| party.as_str() == self.config.client_id);
        if !is_ours {
            return Err(SignOnError::Token("it was given to another client".to_owned()));
        }
        Ok(Subject {
            subject: claims.subject().to_string(),
            is_by_two_factors: self.is_by_two_factors(&claims),
        })
    }

    fn is_by_two_factors(&self, claims: &CoreIdTokenClaims) -> bool {
        let methods = claims.auth_method_refs().map(Vec::as_slice).unwrap_or_default();
        let context = claims.auth_context_ref().map(|acr| acr.as_str());
        methods
            .iter()
            .any(|method| self.config.second_factor_amr.iter().any(|known| known == method.as_str()))
            || context.is_some_and(|acr| self.config.second_factor_acr.iter().any(|known| known == acr))
    }
}
