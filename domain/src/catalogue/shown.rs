//! Which products everybody sees, and which offers of them can be bought.
//!
//! A product is its maker's until others sell it too: shown while its maker may sell and shows it, or while another
//! seller who may sell offers it. What the maker hides is off sale as theirs alone; what an operator hides, whoever
//! sells it.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use souk_entity::status::SellerStatus;
use souk_entity::{offer, product, seller, variant};

/// The condition that everybody sees a product.
pub fn is_public() -> Condition {
    let maker = Query::select()
        .column((seller::Entity, seller::Column::Id))
        .from(seller::Entity)
        .and_where(
            Expr::col((seller::Entity, seller::Column::Id))
                .equals((product::Entity, product::Column::CreatedBySellerId)),
        )
        .and_where(seller::Column::Status.eq(SellerStatus::Approved))
        .to_owned();
    let by_maker = Condition::all().add(product::Column::Active.eq(true)).add(Expr::exists(maker));
    let by_others = offers_of_others()
        .and_where(offer::Column::Active.eq(true))
        .and_where(seller::Column::Status.eq(SellerStatus::Approved))
        .to_owned();
    Condition::all()
        .add(product::Column::HiddenAt.is_null())
        .add(Condition::any().add(by_maker).add(Expr::exists(by_others)))
}

/// The offers of a product by others than its maker, with their sellers.
pub(super) fn offers_of_others() -> SelectStatement {
    Query::select()
        .column((offer::Entity, offer::Column::Id))
        .from(variant::Entity)
        .inner_join(
            offer::Entity,
            Expr::col((offer::Entity, offer::Column::VariantId)).equals((variant::Entity, variant::Column::Id)),
        )
        .inner_join(
            seller::Entity,
            Expr::col((seller::Entity, seller::Column::Id)).equals((offer::Entity, offer::Column::SellerId)),
        )
        .and_where(
            Expr::col((variant::Entity, variant::Column::ProductId)).equals((product::Entity, product::Column::Id)),
        )
        .and_where(
            Expr::col((offer::Entity, offer::Column::SellerId))
                .not_equals((product::Entity, product::Column::CreatedBySellerId)),
        )
        .to_owned()
}

/// The condition that an offer's product does not stand in its way; whether the offer is on and its seller may sell
/// is another matter.
pub fn can_be_sold() -> Condition {
    let product = Query::select()
        .column((product::Entity, product::Column::Id))
        .from(variant::Entity)
        .inner_join(
            product::Entity,
            Expr::col((product::Entity, product::Column::Id)).equals((variant::Entity, variant::Column::ProductId)),
        )
        .and_where(Expr::col((variant::Entity, variant::Column::Id)).equals((offer::Entity, offer::Column::VariantId)))
        .and_where(product::Column::HiddenAt.is_null())
        .cond_where(
            Condition::any().add(product::Column::Active.eq(true)).add(
                Expr::col((product::Entity, product::Column::CreatedBySellerId))
                    .not_equals((offer::Entity, offer::Column::SellerId)),
            ),
        )
        .to_owned();
    Condition::all().add(Expr::exists(product))
}
