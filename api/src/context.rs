//! What every handler works with.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;
use souk_domain::account::throttle::Throttle;
use souk_domain::account::token::AccountTokens;
use souk_domain::account::totp::TotpSecrets;
use souk_domain::cache::AnswerCache;
use souk_domain::order::number::OrderNumbers;
use souk_domain::payment::refund::approval::Limits;
use souk_domain::port::Ports;
use souk_domain::webhook::secret::WebhookSecrets;
use souk_domain::webhook::target::Targets;
use souk_domain::{Code, Error, Result, Store};
use souk_entity::id::UserId;

use crate::http::share::{Share, Shares};
use crate::token::Keys;

/// So many files a person sends at once, and so many batches they follow at once, of each process.
const AT_ONCE: usize = 8;

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The master secret, of at least 32 characters.
    pub secret: SecretString,
    /// Keys that sign access tokens; one derived from the master secret when left out.
    pub token_keys: Option<SecretString>,
    /// Where sellers' webhooks may go.
    pub webhook_targets: Targets,
    /// How long stock is held for an unpaid order.
    pub payment_window: TimeDelta,
    /// What operators may refund of an order without a second one.
    pub refund_limits: Limits,
    /// The shortest return window that sellers may set, in days.
    pub least_return_window_days: i32,
    /// The first pause between failed sign-ins that are not free any more.
    pub sign_in_delay: TimeDelta,
    /// The largest JSON body that is read, in bytes.
    pub body_limit: usize,
}

/// The state that handlers share; all of it can be lost at any moment.
pub struct Context {
    pub(crate) store: Store,
    pub(crate) ports: Ports,
    pub(crate) numbers: OrderNumbers,
    pub(crate) keys: Keys,
    pub(crate) webhook_secrets: WebhookSecrets,
    pub(crate) tokens: AccountTokens,
    pub(crate) throttle: Throttle,
    pub(crate) totp: TotpSecrets,
    pub(crate) config: ApiConfig,
    uploads: Shares<UserId>,
    streams: Shares<UserId>,
    /// Keeps answers; `None` where none are kept.
    pub(crate) cache: Option<Arc<dyn AnswerCache>>,
    /// Asks whether Redis answers; `None` where there is none to ask.
    pub(crate) redis: Option<RedisProbe>,
}

/// The context, as handlers take it.
pub(crate) type Ctx<'a> = poem::web::Data<&'a Arc<Context>>;

/// Whether Redis answers now.
pub type RedisProbe = Arc<dyn Fn() -> futures::future::BoxFuture<'static, bool> + Send + Sync>;

impl Context {
    /// Puts the parts together.
    ///
    /// # Errors
    /// [`souk_domain::Code::InvalidValue`] for keys that are none.
    pub fn new(
        store: Store,
        ports: Ports,
        config: ApiConfig,
        cache: Option<Arc<dyn AnswerCache>>,
        redis: Option<RedisProbe>,
    ) -> Result<Arc<Self>> {
        let keys = match &config.token_keys {
            Some(keys) => Keys::configured(keys)?,
            None => Keys::derived(&config.secret),
        };
        let webhook_secrets = WebhookSecrets::new(&config.secret);
        let tokens = AccountTokens::new(&config.secret);
        let throttle = Throttle::new(&config.secret, config.sign_in_delay);
        let totp = TotpSecrets::new(&config.secret);
        let numbers = OrderNumbers::default();
        Ok(Arc::new(Self {
            store,
            ports,
            numbers,
            keys,
            webhook_secrets,
            tokens,
            throttle,
            totp,
            config,
            uploads: Shares::new(AT_ONCE),
            streams: Shares::new(AT_ONCE),
            cache,
            redis,
        }))
    }

    /// A place for a file that this person sends, until it is dropped.
    ///
    /// # Errors
    /// [`Code::RateLimited`].
    pub(crate) fn upload_place(&self, user: UserId) -> Result<Share<UserId>> {
        self.uploads.take(user).ok_or_else(|| {
            let message = format!("You send {AT_ONCE} files already; send this one when one of them has come in.");
            Error::new(Code::RateLimited, message)
        })
    }

    /// A place for a stream that this person reads, until it is dropped.
    ///
    /// # Errors
    /// [`Code::RateLimited`].
    pub(crate) fn stream_place(&self, user: UserId) -> Result<Share<UserId>> {
        self.streams.take(user).ok_or_else(|| {
            let message = format!("You follow {AT_ONCE} bulk uploads already; close one of these streams first.");
            Error::new(Code::RateLimited, message)
        })
    }
}
