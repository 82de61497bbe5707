//! The places that the seller ships to.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::place;
use souk_domain::shipping::zone::{self, Zone};
use souk_domain::{Error, Result};
use souk_entity::shipping_zone;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};

/// A country, or a region of one.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Place {
    /// Two capital letters of ISO 3166-1, such as `US`.
    #[oai(validator(max_length = 2))]
    country: String,
    /// A state or province as addresses name it, upper and lower case being the same; the whole country when left out.
    #[oai(validator(max_length = 100))]
    region: Option<String>,
}

impl From<place::Place> for Place {
    fn from(place: place::Place) -> Self {
        Self { country: place.country, region: Some(place.region).filter(|region| !region.is_empty()) }
    }
}

fn read(places: &[Place]) -> Result<Vec<place::Place>> {
    places.iter().map(|place| place::Place::new(&place.country, place.region.as_deref())).collect()
}

fn example_places() -> Vec<Place> {
    vec![Place { country: "US".into(), region: Some("CA".into()) }, Place { country: "CA".into(), region: None }]
}

/// A zone to ship to.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateShippingZone {
    /// Unique for the seller.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    name: String,
    /// Where it is.
    #[oai(validator(min_items = 1, max_items = 300))]
    places: Vec<Place>,
}

impl Example for CreateShippingZone {
    fn example() -> Self {
        Self { name: "West and north".into(), places: example_places() }
    }
}

/// The places of a zone.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetPlaces {
    /// All of them.
    #[oai(validator(min_items = 1, max_items = 300))]
    places: Vec<Place>,
}

impl Example for SetPlaces {
    fn example() -> Self {
        Self { places: example_places() }
    }
}

/// A zone that a seller ships to.
#[derive(Debug, Object)]
pub struct ShippingZone {
    /// Its id; shipping methods name it.
    id: Uuid,
    /// Its name.
    name: String,
    /// Where it is, by country and region.
    places: Vec<Place>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<Zone> for ShippingZone {
    fn from(zone: Zone) -> Self {
        Self {
            id: zone.row.id.into(),
            name: zone.row.name,
            places: zone.places.into_iter().map(Place::from).collect(),
            created_at: zone.row.created_at,
        }
    }
}

/// Shipping zones of the seller who asks.
pub struct SellerShippingZones;

#[OpenApi(prefix_path = "/api/v1/seller/shipping-zones", tag = "Tag::SellerCatalogue")]
impl SellerShippingZones {
    /// Add a shipping zone
    ///
    /// Shipping methods can be for the zone only.
    #[oai(path = "/", method = "post", operation_id = "createShippingZone")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateShippingZone>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<ShippingZone>> {
        let key = Key::read(who.key_space(), "createShippingZone", idempotency_key.0.as_deref(), &body.0)?;
        let (name, places) = (body.0.name, read(&body.0.places)?);
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&zone::create(&tx, who.seller(), &name, places.clone()).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's shipping zones
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listShippingZones")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<ShippingZone>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(
            shipping_zone::Entity::find().filter(shipping_zone::Column::SellerId.eq(who.seller())),
            shipping_zone::Column::Id,
        );
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let zones = zone::with_places(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(zones, |zone| zone.row.id.into(), ShippingZone::from)))
    }

    /// Set the places of a shipping zone
    ///
    /// All of them; placed orders are shipped as they were placed.
    #[oai(path = "/:id/places", method = "put", operation_id = "setShippingZonePlaces")]
    async fn set_places(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<SetPlaces>,
    ) -> ApiResult<Okay<ShippingZone>> {
        let places = read(&body.0.places)?;
        let zone =
            ctx.store.write(async |tx| zone::set_places(&tx, who.seller(), id.0.into(), places.clone()).await).await?;
        Ok(Okay::new(&zone.into()))
    }
}
