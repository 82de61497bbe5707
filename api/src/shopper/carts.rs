//! The shopper's carts.

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::cart::{self, Owner};
use souk_domain::place::Place;
use souk_domain::{Code, Error, Tx, account, money};
use souk_entity::id::{CartId, OfferId};
use uuid::Uuid;

use crate::auth::{Guest, Shopper, SignedIn};
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::view::cart::{Cart, ShippingOption};

/// A quantity of an offer.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CartItem {
    /// The offer.
    offer_id: Uuid,
    /// 1 to 9999 units.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
}

impl Example for CartItem {
    fn example() -> Self {
        Self { offer_id: EXAMPLE_ID, quantity: 2 }
    }
}

/// What a cart starts with.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateCart {
    /// ISO 4217, such as `USD`; every offer in the cart must be priced in it.
    #[oai(validator(max_length = 3))]
    currency: String,
    /// The first lines.
    #[oai(default, validator(max_items = 200))]
    lines: Vec<CartItem>,
}

impl Example for CreateCart {
    fn example() -> Self {
        Self { currency: "USD".into(), lines: vec![CartItem::example()] }
    }
}

/// A cart that was made, and the token of a guest's.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct NewCart {
    /// The cart.
    cart: Cart,
    /// Send it as X-Guest-Token for this cart and its order; only told here. Absent when signed in.
    guest_token: Option<String>,
}

/// How many of an offer.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct Quantity {
    /// 1 to 9999 units.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
}

impl Example for Quantity {
    fn example() -> Self {
        Self { quantity: 3 }
    }
}

/// Where the goods are to go.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SetDestination {
    /// ISO 3166-1 alpha-2, such as `DE`.
    #[oai(validator(min_length = 2, max_length = 2))]
    country: String,
    /// The state or province, where shipping or tax depends on it.
    #[oai(validator(max_length = 100))]
    region: Option<String>,
}

impl Example for SetDestination {
    fn example() -> Self {
        Self { country: "US".into(), region: Some("NY".into()) }
    }
}

/// How the parts of a cart can be shipped.
#[derive(Debug, Object)]
pub struct ShippingOptions {
    /// By seller, the cheapest first.
    options: Vec<ShippingOption>,
}

/// How a seller's part is to be shipped.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct ChooseShipping {
    /// One of the seller's shipping methods.
    shipping_method_id: Uuid,
}

impl Example for ChooseShipping {
    fn example() -> Self {
        Self { shipping_method_id: EXAMPLE_ID }
    }
}

/// Who makes a cart: signed in, or nobody yet.
#[derive(poem_openapi::SecurityScheme)]
pub enum Anyone {
    /// Signed in.
    SignedIn(SignedIn),
    /// A guest who has a token.
    Guest(Guest),
    /// A guest who has none yet.
    #[oai(fallback)]
    Nobody,
}

/// Who brings a credential that counts for nothing is told so: a cart made for them as for somebody new
/// would be lost to them once they have signed in again.
fn nobody(request: &Request) -> Result<(), Error> {
    let brought = |name: &str| request.headers().contains_key(name);
    if brought("authorization") || brought("x-guest-token") {
        let message = "The credential is not ours, or over; sign in again, or leave it out to begin as a guest.";
        return Err(Error::new(Code::Unauthenticated, message));
    }
    Ok(())
}

/// Carts of the shopper who asks.
pub struct Carts;

#[OpenApi(prefix_path = "/api/v1/carts", tag = "Tag::Carts")]
impl Carts {
    /// Start a cart
    ///
    /// Signed in, it is yours. Without signing in, the answer holds a token that is needed for everything else.
    #[oai(path = "/", method = "post", operation_id = "createCart")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Anyone,
        request: &Request,
        body: Json<CreateCart>,
        /// Makes a repeated request safe; for signed-in shoppers and guests with a token.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<NewCart>> {
        let (owner, guest_token, space) = match &who {
            Anyone::SignedIn(user) => (user.owner(), None, Some(format!("user:{}", user.0.user))),
            Anyone::Guest(guest) => (Owner::Guest(guest.0.clone()), None, Some(format!("guest:{}", guest.0))),
            Anyone::Nobody => {
                nobody(request)?;
                let (token, hash) = account::new_token();
                (Owner::Guest(hash), Some(token), None)
            }
        };
        // A caller without any credential cannot be told from another one with the same key.
        let key = match space {
            Some(space) => Key::read(space, "createCart", idempotency_key.0.as_deref(), &body.0)?,
            None => None,
        };
        let currency = money::currency(&body.0.currency)?;
        let answer = once(&ctx.store, key, async |tx| {
            let cart = cart::create(&tx, &owner, currency).await?;
            let lines: Vec<(OfferId, i64)> =
                body.0.lines.iter().map(|line| (line.offer_id.into(), line.quantity)).collect();
            cart::put_lines(&tx, &cart, &lines).await?;
            let quote = cart::quote(&**tx, cart.id, &owner, tx.now).await?;
            let new = NewCart { cart: Cart::from(&quote), guest_token: guest_token.clone() };
            Ok(Created::new(&new).with_version(quote.cart.version))
        })
        .await?;
        Ok(answer)
    }

    /// Show a cart
    ///
    /// Priced with the prices of now.
    #[oai(path = "/:id", method = "get", operation_id = "getCart")]
    async fn get(&self, ctx: Ctx<'_>, shopper: Shopper, id: Path<Uuid>) -> ApiResult<Okay<Cart>> {
        let quote = cart::quote(ctx.store.read(), id.0.into(), &shopper.owner(), ctx.store.now()).await?;
        Ok(Okay::new(&Cart::from(&quote)).with_version(quote.cart.version))
    }

    /// Add an offer
    ///
    /// Or set the quantity of one that is in the cart.
    #[oai(path = "/:id/lines", method = "post", operation_id = "addCartLine")]
    async fn add_line(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        body: Json<CartItem>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(shopper.key_space(), "addCartLine", key, &(id.0, &body.0))?;
        let line = (body.0.offer_id.into(), body.0.quantity);
        change(ctx, &shopper, id.0.into(), if_match, key, async |tx, cart| cart::put_lines(&tx, &cart, &[line]).await)
            .await
    }

    /// Set the quantity of an offer
    #[oai(path = "/:id/lines/:offer_id", method = "put", operation_id = "setCartLine")]
    async fn set_line(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        offer_id: Path<Uuid>,
        body: Json<Quantity>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let line = (offer_id.0.into(), body.0.quantity);
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| cart::put_lines(&tx, &cart, &[line]).await)
            .await
    }

    /// Take an offer out
    #[oai(path = "/:id/lines/:offer_id", method = "delete", operation_id = "removeCartLine")]
    async fn remove_line(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        offer_id: Path<Uuid>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let offer = offer_id.0.into();
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| cart::remove_line(&tx, &cart, offer).await)
            .await
    }

    /// Put in a code
    ///
    /// Of a promotion; upper and lower case are the same. A cart holds at most 10. One that is switched off or has not
    /// started is answered like one that is not there.
    #[oai(path = "/:id/coupons/:code", method = "put", operation_id = "addCartCoupon")]
    async fn add_coupon(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        #[oai(validator(min_length = 1, max_length = 40))] code: Path<String>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let code = code.0;
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| cart::add_code(&tx, &cart, &code).await)
            .await
    }

    /// Take a code out
    #[oai(path = "/:id/coupons/:code", method = "delete", operation_id = "removeCartCoupon")]
    async fn remove_coupon(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        #[oai(validator(min_length = 1, max_length = 40))] code: Path<String>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let code = code.0;
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| cart::remove_code(&tx, &cart, &code).await)
            .await
    }

    /// Say where the goods go
    ///
    /// Shipping and tax are quoted for it; the order's own address is what counts in the end. Where tax depends on the
    /// region, the cart's obstacle names the regions until one of them is given.
    #[oai(path = "/:id/destination", method = "put", operation_id = "setCartDestination")]
    async fn set_destination(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        body: Json<SetDestination>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let to = Place::new(&body.0.country, body.0.region.as_deref())?;
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| {
            cart::set_destination(&tx, &cart, &to).await
        })
        .await
    }

    /// List how it can be shipped
    ///
    /// The methods of each seller that ship to the cart's destination (all, while that is not known) and can carry
    /// what is in it.
    #[oai(path = "/:id/shipping-options", method = "get", operation_id = "listCartShippingOptions")]
    async fn shipping_options(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
    ) -> ApiResult<Okay<ShippingOptions>> {
        let (cart, options) = cart::shipping_options(ctx.store.read(), id.0.into(), &shopper.owner()).await?;
        let options = options.iter().map(|option| ShippingOption::new(option, cart.currency)).collect();
        Ok(Okay::new(&ShippingOptions { options }))
    }

    /// Choose how a seller ships
    #[oai(path = "/:id/shipping/:seller_id", method = "put", operation_id = "setCartShipping")]
    async fn set_shipping(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        seller_id: Path<Uuid>,
        body: Json<ChooseShipping>,
        /// Only if the cart is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Cart>> {
        let (seller, method) = (seller_id.0.into(), body.0.shipping_method_id.into());
        change(ctx, &shopper, id.0.into(), if_match, None, async |tx, cart| {
            cart::choose_shipping(&tx, &cart, seller, method).await
        })
        .await
    }
}

/// Changes an open cart and shows what it would cost now.
async fn change<F, W>(
    ctx: Ctx<'_>,
    shopper: &Shopper,
    id: CartId,
    if_match: Header<Option<String>>,
    key: Option<Key>,
    work: F,
) -> ApiResult<Okay<Cart>>
where
    F: Fn(Arc<Tx>, souk_entity::cart::Model) -> W,
    W: Future<Output = souk_domain::Result<()>>,
{
    let if_version = version::read(if_match.0.as_deref())?;
    let owner = shopper.owner();
    let answer = once(&ctx.store, key, async |tx| {
        let cart = cart::touch(&tx, id, &owner, if_version).await?;
        work(tx.clone(), cart).await?;
        let quote = cart::quote(&**tx, id, &owner, tx.now).await?;
        Ok(Okay::new(&Cart::from(&quote)).with_version(quote.cart.version))
    })
    .await?;
    Ok(answer)
}
